"""Minds as streams: their events, their state and the fold, for the writer and the recovery of all streams."""

from typing import Any

from duragent.errors import NotFound, StoreError
from duragent.journal.mind.apply import apply_mind
from duragent.journal.mind.events import MIND_EVENT_TYPES
from duragent.journal.mind.state import MindState
from duragent.journal.record import StreamRecord
from duragent.journal.snapshot import SnapshotForm
from duragent.stores.base import StreamKind
from duragent.streams.fold import StreamFold
from duragent.streams.stream_log import StreamLog

PREFIX = "mind-"
WORLD_NAME = f"{PREFIX}worldMemory"
"""The stream of what all agents share: an agent's name has no capitals."""

MIND = StreamKind(
    "mind",
    MIND_EVENT_TYPES,
    lambda stream_id: NotFound(f"mind '{stream_id}' not found"),
    StoreError,
    SnapshotForm("duragent/mind/v1", MindState, "stream_id"),
    PREFIX,
)
MindRecord = StreamRecord[Any]
MIND_FOLD: StreamFold[MindState, MindRecord] = StreamFold(MIND, MindState, apply_mind, StreamRecord)
MindLog = StreamLog[MindState, MindRecord]


def stream_of(agent: str) -> str:
    """The name of an agent's stream; "" is what all agents share."""
    return f"{PREFIX}{agent}" if agent else WORLD_NAME
