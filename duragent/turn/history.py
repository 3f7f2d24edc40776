"""What a question to the model is made of, and how much of the log it takes: pure, for whoever asks and whoever shows.

The law of this file: `duragent context` and a session's turn decide by the same functions, so that what a person is
shown is what the model would be sent.
"""

from collections.abc import Sequence
from itertools import takewhile

from duragent.agent.spec import AgentSpec
from duragent.context.build import Frame
from duragent.context.tool_recall import recall
from duragent.journal.events import MessageReceived, ToolStarted, TurnStarted
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.messages import ToolSchema
from duragent.turn.host import HistoryNeed

FOR_RECALL = HistoryNeed(8_000)
"""How much of the session tells which tools fit."""

OPENING_RECORDS = 64
"""Between the message that a turn is for and its start there are only more messages."""

BACK_LINES = 500
"""Lines that one step back through the log takes."""

_BYTES_PER_TOKEN = 4


def wanted_for(around: Frame) -> HistoryNeed:
    """How much of the log may be needed to fill the frame: more than it holds, for a part of it is not shown."""
    return HistoryNeed(around.budget_tokens + around.budget_tokens // 2, 2 * around.room_tokens)


class Reach:
    """How far back to read: step by step, until there is as much as is wanted.

    Counts the bytes of the stored lines, which is a little more than what the model sees of them.
    """

    def __init__(self, wanted: HistoryNeed, state: SessionState) -> None:
        self._wanted = wanted
        self._trigger = state.turn.trigger if state.turn else state.seq + 1
        self._turn_bytes = self._history_bytes = 0

    def enough(self, before: int) -> bool:
        """Whether nothing older than `before` is needed, after all from there on has been taken."""
        if before > self._trigger:
            most = max(self._wanted.turn_tokens, self._wanted.history_tokens)
            if self._turn_bytes > most * _BYTES_PER_TOKEN:
                return True
        return self._history_bytes > self._wanted.history_tokens * _BYTES_PER_TOKEN

    def take(self, first: int, size_bytes: int) -> None:
        """Lines were read, the oldest of them with the seq `first`."""
        if first >= self._trigger:
            self._turn_bytes += size_bytes
        else:
            self._history_bytes += size_bytes


def needs_recall(spec: AgentSpec, tools: Sequence[ToolSchema]) -> bool:
    """Whether the model is shown only some of the tools."""
    return spec.tools_recall is not None and len(tools) > spec.tools_recall


def offered(spec: AgentSpec, tools: Sequence[ToolSchema], records: Sequence[Record]) -> Sequence[ToolSchema]:
    """The tools that the model is shown: all, or those that fit what the records say, with those that they used."""
    if spec.tools_recall is None or not needs_recall(spec, tools):
        return tools
    said = [record.event.text for record in records if isinstance(record.event, MessageReceived)]
    used = {record.event.tool for record in records if isinstance(record.event, ToolStarted)}
    return recall(tools, said, spec.tools_recall, always=used)


def opening_after(state: SessionState, records: Sequence[Record]) -> int | None:
    """Behind which seq the messages lie that the running turn is for; None when `records` reach back to them."""
    if state.turn is None or (records and records[0].seq <= state.turn.trigger):
        return None
    return state.turn.trigger - 1


def opening_in(first: Sequence[Record]) -> list[Record]:
    """The messages that a turn is for, in the records from its trigger on."""
    before = takewhile(lambda record: not isinstance(record.event, TurnStarted), first)
    return [record for record in before if isinstance(record.event, MessageReceived)]
