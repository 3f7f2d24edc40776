"""What can happen in a session: one class for each kind of event, in the past tense, and one union of them all.

A class name in snake case is its `type` on disk (`ToolFinished` is `tool_finished`). To add an event: a class in the
file of its topic, its name in the union here, its `case` in `journal.apply` (the type checker asks for it), and a line
at the end of `tests/golden/v1-every-event.jsonl`, made with `encode`, with what it adds up to in the `.json` beside it.
Fields may be added with a default, never renamed, never reused with another meaning.
"""

import re
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field

from duragent.journal.events.base import (
    AllowanceOffer,
    Call,
    CallOutcome,
    EffectClass,
    EventModel,
    Forgettable,
    OnDisconnect,
    PolicyFinding,
    Sender,
    TokenCounts,
    TurnOutcome,
)
from duragent.journal.events.call import (
    AllowanceRevoked,
    ApprovalDecided,
    ApprovalRequested,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolStarted,
    command_of,
)
from duragent.journal.events.command import CommandFinished, CommandRequested
from duragent.journal.events.files import (
    Attachment,
    FileBefore,
    FileChange,
    FileRefused,
    FileUndo,
    UndoFinished,
    UndoRequested,
)
from duragent.journal.events.legacy import HistoryAdopted, ToolsSkipped
from duragent.journal.events.memory import (
    FORGOTTEN,
    ForgottenText,
    MemoryRecalled,
    PromptModel,
    PromptPart,
    PromptSet,
    RecalledItem,
    TextForgotten,
)
from duragent.journal.events.message import MessageReceived
from duragent.journal.events.session import (
    HistoryRedacted,
    LogRecovered,
    ModelChosen,
    OwnerClaimed,
    SessionClosed,
    SessionCreated,
    SessionPaused,
    SessionRenamed,
    SessionResumed,
)
from duragent.journal.events.turn import (
    REFUSED,
    CancelRequested,
    KeptOpaque,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.events.viewport import (
    GoalEnded,
    GoalSet,
    HistorySummarised,
    RecordPinned,
    RecordUnpinned,
    SummaryExpanded,
    SummaryPart,
)

__all__ = [
    "EVENT_TYPES",
    "FORGOTTEN",
    "REFUSED",
    "AllowanceOffer",
    "AllowanceRevoked",
    "ApprovalDecided",
    "ApprovalRequested",
    "Attachment",
    "Call",
    "CallOutcome",
    "CancelRequested",
    "CommandFinished",
    "CommandRequested",
    "EffectClass",
    "Event",
    "FileBefore",
    "FileChange",
    "FileRefused",
    "FileUndo",
    "Forgettable",
    "ForgottenText",
    "GoalEnded",
    "GoalSet",
    "HistoryAdopted",
    "HistoryRedacted",
    "HistorySummarised",
    "KeptOpaque",
    "KnownEvent",
    "LogRecovered",
    "MemoryRecalled",
    "MessageReceived",
    "ModelCalled",
    "ModelChosen",
    "ModelFailed",
    "ModelReplied",
    "OnDisconnect",
    "Opaque",
    "OwnerClaimed",
    "PolicyFinding",
    "PromptModel",
    "PromptPart",
    "PromptSet",
    "RecalledItem",
    "RecordPinned",
    "RecordUnpinned",
    "Sender",
    "SessionClosed",
    "SessionCreated",
    "SessionPaused",
    "SessionRenamed",
    "SessionResumed",
    "SummaryExpanded",
    "SummaryPart",
    "TextForgotten",
    "TokenCounts",
    "ToolFinished",
    "ToolLost",
    "ToolResolved",
    "ToolStarted",
    "ToolsSkipped",
    "TurnEnded",
    "TurnOutcome",
    "TurnStarted",
    "UndoFinished",
    "UndoRequested",
    "command_of",
]


class Opaque(EventModel):
    """An event of a type that this version does not know: kept, shown, and without effect on the state."""

    type: str
    payload: dict[str, Any] = {}  # noqa: RUF012 - pydantic copies it
    """All its other fields."""


KnownEvent = Annotated[
    SessionCreated
    | OwnerClaimed
    | SessionPaused
    | SessionResumed
    | SessionRenamed
    | ModelChosen
    | SessionClosed
    | LogRecovered
    | MessageReceived
    | TurnStarted
    | PromptSet
    | MemoryRecalled
    | ModelCalled
    | ModelReplied
    | ModelFailed
    | CancelRequested
    | TurnEnded
    | ApprovalRequested
    | ApprovalDecided
    | AllowanceRevoked
    | ToolStarted
    | ToolFinished
    | ToolLost
    | ToolResolved
    | ToolsSkipped
    | UndoRequested
    | UndoFinished
    | CommandRequested
    | CommandFinished
    | TextForgotten
    | HistorySummarised
    | SummaryExpanded
    | RecordPinned
    | RecordUnpinned
    | GoalSet
    | GoalEnded
    | HistoryAdopted
    | HistoryRedacted,
    Field(discriminator="type"),
]
Event = KnownEvent | Opaque


def _type_name(event: type[BaseModel]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


EVENT_TYPES: dict[str, type[BaseModel]] = {_type_name(event): event for event in get_args(get_args(KnownEvent)[0])}
"""The classes by their name on disk."""
