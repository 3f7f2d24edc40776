"""What a client says of the server it talks to. The tree is in `duragent.errors`."""

from duragent.errors.base import DuragentError


class ServerError(DuragentError):
    code = "server-error"


class ServerUnreachable(ServerError):
    """`named`: a person gave the URL, so that it may be a slip; else it is the workspace's own server."""

    def __init__(self, url: str, reason: str, *, named: bool = False) -> None:
        self.url, self.reason, self.named = url, reason, named
        super().__init__(f"no duragent server answers at {url}: {reason}")


class OlderServer(ServerError):
    """`version` is what answers at `url`; `advice` says what to do about it."""

    code = "older-server"

    def __init__(self, url: str, version: str, advice: str) -> None:
        self.url, self.version, self.advice = url, version, advice
        super().__init__(f"an older duragent ({version}) answers at {url}: {advice}")


class ServerStartFailed(ServerError):
    code = "server-start-failed"


class UnsafePrivateFolder(ServerStartFailed):
    """The folder that holds tokens and sockets, or a file in it, is not this user's alone. `why` says how."""

    code = "unsafe-private-folder"

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} cannot hold the server's token: {why}")


class ProblemResponse(ServerError):
    """The server refused. `status` is the HTTP status, `problem` the code (`not-found`), `detail` a sentence."""

    def __init__(self, status: int, problem: str, detail: str) -> None:
        self.status, self.problem, self.detail = status, problem, detail
        super().__init__(detail)
