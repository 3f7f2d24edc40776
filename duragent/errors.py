"""Every error of duragent, in one tree.

    DuragentError
    ├── BadInput                     cannot be done as asked; asking again the same way fails again
    │   ├── InvalidFile              a file that people write: path, line, field, problem, hint
    │   ├── InvalidRequest           a value out of its bounds, at any door
    │   ├── InvalidArchive           a file with an exported session is not whole, or is none
    │   ├── InvalidArguments         what a model wrote as the arguments of a tool
    │   ├── NotFound
    │   │   ├── SessionNotFound
    │   │   │   └── SessionDeleted   it was there when the wait or the stream began
    │   │   └── AgentNotFound
    │   ├── AmbiguousId              a prefix that fits several sessions
    │   ├── AgentBroken              the agent's files have a fault; it is named
    │   ├── SessionClosed
    │   ├── IdempotencyMismatch      the key was used before, with another request
    │   ├── SessionBusy              too many messages wait already
    │   ├── NothingToDo              a decision without anything it could apply to
    │   │   └── NotDamaged           a repair of what is whole
    │   ├── AlreadyDecided           somebody else was first; says who, and what was decided
    │   └── CallChanged              the decision is about another call than the one that waits
    ├── StoreError                   the place where streams rest refuses
    │   ├── WorkspaceLocked          another server holds the workspace
    │   │   └── SessionsLocked       … or the folder of its sessions, which another workspace may name too
    │   ├── UnsafeFileSystem         a network file system, where locks cannot be trusted
    │   ├── SessionExists            a session with this id is here already
    │   ├── Fenced                   the claim was lost; final for this claim
    │   ├── SeqConflict              a bug: the log is not where the writer thought
    │   ├── StoreFull                no room; nothing was stored, the claim is still good
    │   ├── Unavailable              a write or fsync failed; the session is read-only until it is opened again
    │   ├── LogChanged               somebody replaced or edited a live log
    │   └── Damaged                  the log has a fault that is not a torn tail; it is served read-only
    ├── Stopping                     the server is shutting down; ask again in a moment
    ├── RunnerLost                   a command's runner is gone and left no result; it may have run
    ├── SandboxUnavailable           the sandbox that is required does not work here
    ├── ModelError                   the model gave no answer
    │   ├── RateLimited              retried; retry_after_seconds when the provider said so
    │   ├── ModelUnavailable         5xx, connection refused or broken; retried
    │   ├── ModelTimeout             retried
    │   ├── AuthenticationFailed     final
    │   ├── BadModelRequest          final
    │   └── ModelNotConfigured       no key, no such provider; final
    └── ServerError                  what a client says of the server it talks to
        ├── ServerUnreachable
        ├── OlderServer              a duragent answers that this program cannot work with
        ├── ServerStartFailed
        │   └── UnsafePrivateFolder  other users could reach the folder that tokens and sockets are kept in
        └── ProblemResponse          an RFC 9457 problem, with its status

They are named for what is wrong; the facts are attributes. HTTP statuses and exit codes are not here: each is one
table at its door (`server/problems.py`, `cli/main.py`).
"""

from collections.abc import Sequence
from typing import ClassVar


class DuragentError(Exception):
    """The root. `str(error)` is one plain sentence that a person can act on."""

    code: ClassVar[str] = "error"
    """A stable name for programs, kebab-case; the tail of the problem type URN."""


# --- BadInput -------------------------------------------------------------------------------------------------------


class BadInput(DuragentError):
    """The caller's request cannot be done as it is."""

    code = "bad-request"


class InvalidFile(BadInput):
    """A file that people write is wrong. `line` counts from 1; `field` is a dotted path (`spec.model.name`)."""

    code = "invalid-file"

    def __init__(
        self, path: str, problem: str, *, line: int | None = None, field: str | None = None, hint: str | None = None
    ) -> None:
        self.path, self.problem, self.line, self.field, self.hint = path, problem, line, field, hint
        where = path if line is None else f"{path}:{line}"
        what = problem if field is None else f"{field}: {problem}"
        super().__init__(f"{where}: {what}" + (f" ({hint})" if hint else ""))


class InvalidRequest(BadInput):
    """A request has the wrong form or a value out of bounds. `faults` lists (field, problem)."""

    code = "invalid-request"

    def __init__(self, problem: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(problem)


class InvalidArchive(BadInput):
    """A file that should hold an exported session has a fault."""

    code = "invalid-archive"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the session was not imported: {problem}")


class InvalidArguments(BadInput):
    """A tool cannot be called like this. `faults` are sentences for the model, one for each argument."""

    code = "invalid-arguments"

    def __init__(self, tool: str, faults: Sequence[str]) -> None:
        self.tool, self.faults = tool, tuple(faults)
        super().__init__(f"invalid arguments for {tool or 'the tool'}: {'; '.join(self.faults)}")


class NotFound(BadInput):
    code = "not-found"


class SessionNotFound(NotFound):
    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"session '{session_id}' not found")


class SessionDeleted(SessionNotFound):
    """It was there when a wait or a stream on it began."""

    code = "session-deleted"

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.args = (f"session '{session_id}' was deleted",)


class AgentNotFound(NotFound):
    """`name` is "" when any agent would have done."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        there = f"there are: {', '.join(self.known)}" if self.known else "there are no agents yet"
        super().__init__(f"agent '{name}' not found; {there}" if name else there)


class AmbiguousId(BadInput):
    code = "ambiguous-id"

    def __init__(self, prefix: str, matches: Sequence[str]) -> None:
        self.prefix, self.matches = prefix, tuple(matches)
        super().__init__(f"'{prefix}' fits {len(self.matches)} sessions: {', '.join(self.matches[:5])}")


class AgentBroken(BadInput):
    code = "agent-broken"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"agent '{name}' cannot be used: {reason}")


class SessionIsClosed(BadInput):
    code = "session-closed"

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"session '{session_id}' is closed")


class IdempotencyMismatch(BadInput):
    code = "idempotency-mismatch"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"Idempotency-Key '{key}' was used before with a different request")


class SessionBusy(BadInput):
    code = "session-busy"

    def __init__(self, session_id: str, waiting: int) -> None:
        self.session_id, self.waiting = session_id, waiting
        super().__init__(f"session '{session_id}' has {waiting} messages waiting already; try again later")


class NothingToDo(BadInput):
    code = "nothing-to-do"


class NotDamaged(NothingToDo):
    code = "not-damaged"

    def __init__(self, session_id: str) -> None:
        super().__init__(f"the log of session '{session_id}' is not damaged: there is nothing to repair")


class AlreadyDecided(BadInput):
    """A call is decided once. `decision` is the first one, at record `seq`."""

    code = "already-decided"

    def __init__(self, call: str, decision: str, by: str, seq: int) -> None:
        self.call, self.decision, self.by, self.seq = call, decision, by, seq
        super().__init__(f"call '{call}' was decided before: {decision}" + (f", by {by}" if by else ""))


class CallChanged(BadInput):
    """What the person saw is not what waits, so nothing was decided."""

    code = "call-changed"

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(f"call '{call}' is not what the decision is about; look at it again")


# --- StoreError -----------------------------------------------------------------------------------------------------


class StoreError(DuragentError):
    code = "store-error"


class WorkspaceLocked(StoreError):
    """Another server holds the workspace. `holder` says who, for people."""

    code = "workspace-locked"

    def __init__(self, workspace: str, holder: str) -> None:
        self.workspace, self.holder = workspace, holder
        super().__init__(f"workspace {workspace} is held by {holder}")


class SessionsLocked(WorkspaceLocked):
    """Another server writes to the sessions folder, perhaps one of another workspace that names the same folder."""

    code = "sessions-locked"

    def __init__(self, folder: str, holder: str) -> None:
        super().__init__(folder, holder)
        self.args = (f"{self.CLAUSE} {folder} is held by {holder}",)

    CLAUSE: ClassVar[str] = "the sessions folder"
    """How its sentence begins: a client finds it in the log of the server that it started."""


class UnsafeFileSystem(StoreError):
    code = "unsafe-file-system"

    def __init__(self, path: str, kind: str) -> None:
        self.path, self.kind = path, kind
        super().__init__(
            f"{path} is on {kind}, a network file system where locks and fsync cannot be trusted; "
            "put the workspace on a local disk, or set `allow_network_fs: true` if you know better"
        )


class SessionExists(StoreError):
    code = "session-exists"


class Fenced(StoreError):
    code = "fenced"


class SeqConflict(StoreError):
    code = "seq-conflict"


class StoreFull(StoreError):
    """Nothing was stored; the session can be read, and goes on when there is room."""

    code = "store-full"


class Unavailable(StoreError):
    code = "store-unavailable"


class LogChanged(StoreError):
    code = "log-changed"

    def __init__(self, session_id: str, what: str) -> None:
        self.session_id, self.what = session_id, what
        super().__init__(f"the log of session '{session_id}' was changed while it was in use: {what}")


class Damaged(StoreError):
    """A log is damaged. `good_seq` is the last record that can be trusted; `line` counts from 1 in `file`."""

    code = "session-damaged"

    def __init__(self, session_id: str, file: str, line: int, problem: str, good_seq: int) -> None:
        self.session_id, self.file, self.line, self.problem, self.good_seq = session_id, file, line, problem, good_seq
        good = f"records 1 to {good_seq} are good" if good_seq else "no record is good"
        super().__init__(f"session '{session_id}' is damaged at {file}:{line}: {problem}; it is read-only, {good}")

    @property
    def is_of_blob(self) -> bool:
        """Whether a text outside of the log is lost; the log itself is whole."""
        return self.file.startswith("blobs/")

    @property
    def shared_seq(self) -> int:
        """The last record that a fork can share, 0 for none: of a lost blob it is the one before what refers to it."""
        return self.good_seq - self.is_of_blob


class Stopping(DuragentError):
    code = "stopping"

    def __init__(self) -> None:
        super().__init__("the server is stopping; try again in a moment")


# --- commands -------------------------------------------------------------------------------------------------------


class RunnerLost(DuragentError):
    """A command was started, and what came of it cannot be known."""

    code = "runner-lost"


class SandboxUnavailable(DuragentError):
    """`name` is the sandbox, `why` a sentence with what to do about it."""

    code = "sandbox-unavailable"

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"sandbox '{name}' cannot be used: {why}")


# --- ModelError -----------------------------------------------------------------------------------------------------


class ModelError(DuragentError):
    """The model gave no answer. `retryable` says whether asking again can help."""

    code = "model-error"
    retryable: ClassVar[bool] = False


class RateLimited(ModelError):
    code = "rate-limited"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class ModelUnavailable(ModelError):
    """5xx, 408, or the connection failed or broke. May carry the provider's Retry-After."""

    code = "model-unavailable"
    retryable = True

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class ModelTimeout(ModelError):
    code = "model-timeout"
    retryable = True


class AuthenticationFailed(ModelError):
    code = "authentication-failed"


class BadModelRequest(ModelError):
    code = "bad-model-request"


class ModelNotConfigured(ModelError):
    code = "model-not-configured"


# --- ServerError ----------------------------------------------------------------------------------------------------


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
