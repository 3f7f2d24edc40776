"""The place where logs rest refuses, or a log is not what it should be. The tree is in `duragent.errors`."""

from typing import ClassVar

from duragent.errors.base import DuragentError


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
    """Nothing was stored. The session can still be read, and continues when there is room."""

    code = "store-full"


class Unavailable(StoreError):
    code = "store-unavailable"


class LogChanged(StoreError):
    code = "log-changed"

    def __init__(self, session_id: str, what: str, kind: str = "session") -> None:
        """`kind` is what the stream with this id is called."""
        self.session_id, self.what = session_id, what
        super().__init__(f"the log of {kind} '{session_id}' was changed while it was in use: {what}")


class Damaged(StoreError):
    """A log is damaged. `good_seq` is the last record that can be trusted; `line` counts from 1 in `file`."""

    code = "session-damaged"

    def __init__(
        self, session_id: str, file: str, line: int, problem: str, good_seq: int, kind: str = "session"
    ) -> None:
        """`kind` is what the stream with this id is called."""
        self.session_id, self.file, self.line, self.problem, self.good_seq = session_id, file, line, problem, good_seq
        good = f"records 1 to {good_seq} are good" if good_seq else "no record is good"
        super().__init__(f"{kind} '{session_id}' is damaged at {file}:{line}: {problem}; it is read-only, {good}")

    @property
    def is_of_blob(self) -> bool:
        """Whether a text outside of the log is lost; the log itself is whole."""
        return self.file.startswith("blobs/")

    @property
    def shared_seq(self) -> int:
        """The last record that a fork can share, 0 for none: of a lost blob it is the one before what refers to it."""
        return self.good_seq - self.is_of_blob
