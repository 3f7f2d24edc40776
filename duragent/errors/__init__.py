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
    │   │   ├── AgentNotFound
    │   │   └── NoMemory             the agent's file has no `spec.memory`
    │   ├── AmbiguousId              a prefix that fits several sessions
    │   ├── AgentBroken              the agent's files have a fault; it is named
    │   ├── SessionIsClosed
    │   ├── IdempotencyMismatch      the key was used before, with another request
    │   ├── SessionBusy              too many messages are waiting already
    │   ├── NothingToDo              a decision without anything it could apply to
    │   │   ├── NothingToForget      no note, and no text that a session was given, is or has what is to go
    │   │   ├── NothingToRedact      no record has what is to go, or it is gone already
    │   │   ├── NothingToUndo        an undo of a turn whose files are as they were, or that changed none
    │   │   └── NotDamaged           a repair of what is whole
    │   ├── NotNow                   something else is under way, and must end first
    │   ├── AlreadyDecided           another decision came first; says who made it, and what it was
    │   ├── CallChanged              the decision is about another call than the waiting one
    │   ├── MemoryChanged            a file of an agent's memory is not what its writer saw
    │   └── MemoryFull               a file of an agent's memory, or a note, would be too long
    ├── StoreError                   the place where streams rest refuses
    │   ├── WorkspaceLocked          another server holds the workspace
    │   │   └── SessionsLocked       … or the folder of its sessions, which another workspace may name too
    │   ├── UnsafeFileSystem         a network file system, where locks cannot be trusted
    │   ├── SessionExists            a session with this id is here already
    │   ├── Fenced                   the claim was lost; final for this claim
    │   ├── SeqConflict              a bug: the log is not where the writer thought
    │   ├── StoreFull                no room; nothing was stored, the claim is still good
    │   ├── Unavailable              a write or fsync failed; the session is read-only until it is opened again
    │   ├── LogChanged               another program replaced or edited a live log
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
    ├── EmbedderError                no vectors came for some texts
    │   ├── EmbedderUnavailable      down, slow, busy, no key; asked again after a pause
    │   └── EmbeddingRefused         what came back is no batch of vectors, or a text was not taken
    └── ServerError                  what a client says of the server it talks to
        ├── ServerUnreachable
        ├── OlderServer              a duragent answers that this program cannot work with
        ├── ServerStartFailed
        │   └── UnsafePrivateFolder  other users could reach the folder that tokens and sockets are kept in
        └── ProblemResponse          an RFC 9457 problem, with its status

They are named for what is wrong; the facts are attributes. Each file of this package has one branch; import the names
from here. HTTP statuses and exit codes are not here: each is one table at its door (`server/problems.py`,
`cli/main.py`).
"""

from duragent.errors.bad_input import (
    AgentBroken,
    AgentNotFound,
    AlreadyDecided,
    AmbiguousId,
    BadInput,
    CallChanged,
    IdempotencyMismatch,
    InvalidArchive,
    InvalidArguments,
    InvalidFile,
    InvalidRequest,
    MemoryChanged,
    MemoryFull,
    NoMemory,
    NotDamaged,
    NotFound,
    NothingToDo,
    NothingToForget,
    NothingToRedact,
    NothingToUndo,
    NotNow,
    SessionBusy,
    SessionDeleted,
    SessionIsClosed,
    SessionNotFound,
)
from duragent.errors.base import (
    DuragentError,
)
from duragent.errors.running import (
    AuthenticationFailed,
    BadModelRequest,
    EmbedderError,
    EmbedderUnavailable,
    EmbeddingRefused,
    ModelError,
    ModelNotConfigured,
    ModelTimeout,
    ModelUnavailable,
    RateLimited,
    RunnerLost,
    SandboxUnavailable,
    Stopping,
)
from duragent.errors.server import (
    OlderServer,
    ProblemResponse,
    ServerError,
    ServerStartFailed,
    ServerUnreachable,
    UnsafePrivateFolder,
)
from duragent.errors.store import (
    Damaged,
    Fenced,
    LogChanged,
    SeqConflict,
    SessionExists,
    SessionsLocked,
    StoreError,
    StoreFull,
    Unavailable,
    UnsafeFileSystem,
    WorkspaceLocked,
)

__all__ = [
    "AgentBroken",
    "AgentNotFound",
    "AlreadyDecided",
    "AmbiguousId",
    "AuthenticationFailed",
    "BadInput",
    "BadModelRequest",
    "CallChanged",
    "Damaged",
    "DuragentError",
    "EmbedderError",
    "EmbedderUnavailable",
    "EmbeddingRefused",
    "Fenced",
    "IdempotencyMismatch",
    "InvalidArchive",
    "InvalidArguments",
    "InvalidFile",
    "InvalidRequest",
    "LogChanged",
    "MemoryChanged",
    "MemoryFull",
    "ModelError",
    "ModelNotConfigured",
    "ModelTimeout",
    "ModelUnavailable",
    "NoMemory",
    "NotDamaged",
    "NotFound",
    "NotNow",
    "NothingToDo",
    "NothingToForget",
    "NothingToRedact",
    "NothingToUndo",
    "OlderServer",
    "ProblemResponse",
    "RateLimited",
    "RunnerLost",
    "SandboxUnavailable",
    "SeqConflict",
    "ServerError",
    "ServerStartFailed",
    "ServerUnreachable",
    "SessionBusy",
    "SessionDeleted",
    "SessionExists",
    "SessionIsClosed",
    "SessionNotFound",
    "SessionsLocked",
    "Stopping",
    "StoreError",
    "StoreFull",
    "Unavailable",
    "UnsafeFileSystem",
    "UnsafePrivateFolder",
    "WorkspaceLocked",
]
