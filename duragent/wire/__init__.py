"""The shapes of the HTTP API, shared by server and client, and the source of `/openapi.json`.

What duragent v0.5.4 clients know keeps its name and meaning; every field that it did not have is additional. Times are
RFC 3339 in UTC. A `seq` is the position of a record in its session's log, from 1, without gaps.

A shape is loaded with its file when it is first asked for: a command needs a few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duragent.wire.answers import (
        UNREAD,
        Accepted,
        AgentDetail,
        AgentList,
        AgentSummary,
        Answer,
        Approval,
        ApprovalList,
        AttachmentInfo,
        CancelResult,
        Completed,
        EventList,
        Finding,
        MessageInfo,
        MessageList,
        ModelOffer,
        ModelOffers,
        NamedModel,
        Offer,
        RedactedSession,
        Revoked,
        SessionInfo,
        SessionList,
        Usage,
        Waiting,
        Warmed,
    )
    from duragent.wire.base import IDEMPOTENCY_KEY_MAX, SEQ_MAX, Asked, Status, StatusFilter, WireModel
    from duragent.wire.context import SentMessage, SentRequest, SentSection
    from duragent.wire.files import (
        ChangedTurn,
        FileDiff,
        FileLeft,
        SessionDiff,
        TypedCommand,
        Undone,
        UndoPlan,
        UndoTurn,
    )
    from duragent.wire.memory import (
        AddNote,
        ForgottenNote,
        FoundNote,
        MemoryIndexInfo,
        MemoryJob,
        MemoryUndone,
        MemoryUndoPlan,
        MemoryWork,
        MindRecords,
        NoteInfo,
        NoteList,
        NoteSearch,
        Reviewed,
        ReviewNote,
        TrustWord,
        UndoMemory,
        VerdictWord,
    )
    from duragent.wire.memory_import import ImportedFile, ImportedMemory, ImportFile, ImportMemory, ImportNote
    from duragent.wire.recalls import RecallInfo, RecallList, RecallNote
    from duragent.wire.requests import (
        CLIENT_SOURCES,
        ChangeSession,
        ClientSource,
        CreateSession,
        Decide,
        DecisionName,
        DoorName,
        ForkSession,
        ModelName,
        PickModel,
        RedactSession,
        Revoke,
        SendMessage,
        SentAttachment,
        Title,
    )
    from duragent.wire.server import Descriptors, Fault, Problem, Ready, ServerAddress, Version
    from duragent.wire.streams import Delta, Hello
    from duragent.wire.view import AimAt, Outcome, PinRecord, SessionView, ShownGoal, ShownPin, ShownSummary

__all__ = [
    "CLIENT_SOURCES",
    "IDEMPOTENCY_KEY_MAX",
    "SEQ_MAX",
    "UNREAD",
    "Accepted",
    "AddNote",
    "AgentDetail",
    "AgentList",
    "AgentSummary",
    "AimAt",
    "Answer",
    "Approval",
    "ApprovalList",
    "Asked",
    "AttachmentInfo",
    "CancelResult",
    "ChangeSession",
    "ChangedTurn",
    "ClientSource",
    "Completed",
    "CreateSession",
    "Decide",
    "DecisionName",
    "Delta",
    "Descriptors",
    "DoorName",
    "EventList",
    "Fault",
    "FileDiff",
    "FileLeft",
    "Finding",
    "ForgottenNote",
    "ForkSession",
    "FoundNote",
    "Hello",
    "ImportFile",
    "ImportMemory",
    "ImportNote",
    "ImportedFile",
    "ImportedMemory",
    "MemoryIndexInfo",
    "MemoryJob",
    "MemoryUndoPlan",
    "MemoryUndone",
    "MemoryWork",
    "MessageInfo",
    "MessageList",
    "MindRecords",
    "ModelName",
    "ModelOffer",
    "ModelOffers",
    "NamedModel",
    "NoteInfo",
    "NoteList",
    "NoteSearch",
    "Offer",
    "Outcome",
    "PickModel",
    "PinRecord",
    "Problem",
    "Ready",
    "RecallInfo",
    "RecallList",
    "RecallNote",
    "RedactSession",
    "RedactedSession",
    "ReviewNote",
    "Reviewed",
    "Revoke",
    "Revoked",
    "SendMessage",
    "SentAttachment",
    "SentMessage",
    "SentRequest",
    "SentSection",
    "ServerAddress",
    "SessionDiff",
    "SessionInfo",
    "SessionList",
    "SessionView",
    "ShownGoal",
    "ShownPin",
    "ShownSummary",
    "Status",
    "StatusFilter",
    "Title",
    "TrustWord",
    "TypedCommand",
    "UndoMemory",
    "UndoPlan",
    "UndoTurn",
    "Undone",
    "Usage",
    "VerdictWord",
    "Version",
    "Waiting",
    "Warmed",
    "WireModel",
]

_FILES = (
    "base",
    "server",
    "streams",
    "requests",
    "answers",
    "files",
    "context",
    "recalls",
    "memory",
    "memory_import",
    "view",
)
"""In the order in which a name is looked for; what loads fast comes first."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    modules = (import_module(f"{__name__}.{file}") for file in _FILES)
    found = next(vars(module)[name] for module in modules if name in vars(module))
    globals()[name] = found
    return found
