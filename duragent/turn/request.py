"""What a model is sent: `prepare` is the one sequence that makes it, for a turn and for `duragent context`.

The law of this file: the same log, agent, files and tools give the same bytes, so that what a person is shown is what
the model is sent.
"""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile

from duragent.agent.load import Agent
from duragent.context.build import Frame, WindowUse, build, frame_of
from duragent.context.sections import PromptSection, runtime_section
from duragent.context.tool_recall import recall
from duragent.context.window import find_window
from duragent.journal.events import MessageReceived, SessionCreated, ToolStarted, TurnStarted
from duragent.journal.record import Record
from duragent.models.base import ModelChoice
from duragent.models.facts import looked_up
from duragent.models.messages import ModelRequest, ToolSchema
from duragent.models.text_tools.choice import wants_text
from duragent.turn.files import FileReader, ShownFiles
from duragent.turn.history import History, HistoryNeed
from duragent.turn.model_choice import choice_of, with_model, with_system
from duragent.turn.opaque import with_opaque
from duragent.turn.past import read_history
from duragent.turn.workbench import LoadedAgent

FOR_RECALL = HistoryNeed(8_000)
"""How much of the session tells which tools fit."""

READ_FILE = "read_file"
"""The tool that opens files of messages."""

OPENING_RECORDS = 64
"""Between the message that a turn is for and its start there are only more messages."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request to a model, and what it was made of."""

    agent: Agent
    """The agent that asks, with the model and the system text that were chosen for this session."""
    frame: Frame
    """The system message, the tools that are offered, and how much room is left for the conversation."""
    window: WindowUse
    """The records from which the conversation was made."""
    request: ModelRequest
    """What the model is sent."""
    input_seq: int
    """The newest record that the request takes into account."""
    without_key: bool = False
    """The model was chosen with an address of its own, which gets no key."""

    @property
    def model(self) -> ModelChoice:
        """The model that is asked."""
        return choice_of(self.agent.spec.model, without_key=self.without_key)

    @property
    def sha256(self) -> str:
        """Over the whole request, as `ModelCalled.request_sha256` keeps it."""
        return hashlib.sha256(json.dumps(self.request.model_dump(), sort_keys=True).encode()).hexdigest()


async def prepare(
    history: History, loaded: LoadedAgent, now: datetime, *, offered: Sequence[ToolSchema] | None = None
) -> Prepared:
    """What the model of that agent is sent at the end of this history.

    `offered` are the tools that an earlier request of the same turn had; None chooses them.
    """
    choice = history.state.model_choice
    agent = with_system(with_model(loaded.agent, choice), await _system(history))
    tools = await _offered(history, loaded) if offered is None else offered
    window = await find_window(agent.spec.model)
    sections = (*loaded.sections.sections, await _runtime(agent))
    frame = frame_of(agent, now, sections=sections, tools=tools, window=window)
    input_seq = history.state.seq
    read = await read_history(history, agent, frame)
    model = choice_of(agent.spec.model)
    records = await with_opaque(read.records, model.label, history.blob)
    opening = await _opening(history, records)
    files = ShownFiles(_asked(history, model, frame), history.blob)
    shown = await files.of([*opening, *records])
    use = WindowUse(shown[len(opening) :], read.from_start, shown[: len(opening)], read.past)
    request = files.with_contents(build(agent, frame, use))
    last_seq = max(input_seq, records[-1].seq if records else 0)
    return Prepared(agent, frame, use, request, last_seq, bool(choice and choice.base_url))


async def _runtime(agent: Agent) -> PromptSection:
    choice = choice_of(agent.spec.model)
    as_text = choice.tools == "text"
    if choice.tools == "auto" and choice.provider != "demo":
        as_text = await looked_up(("tools", choice), partial(wants_text, choice, choice.tools))
    return runtime_section(agent, platform.node(), "text" if as_text else "native")


def _asked(history: History, model: ModelChoice, frame: Frame) -> FileReader:
    turn = history.state.turn
    can_read = any(tool.name == READ_FILE for tool in frame.tools)
    return FileReader(model, frame.window_tokens, can_read, turn.trigger if turn else history.state.seq + 1)


async def _system(history: History) -> str:
    """What the session was made with in place of the agent's system prompt; "" for nothing."""
    if not history.state.has_system:
        return ""
    first = [record.event for record in await history.read_records(0, 1)]
    return first[0].system if first and isinstance(first[0], SessionCreated) else ""


async def _offered(history: History, loaded: LoadedAgent) -> Sequence[ToolSchema]:
    """All tools, or for a small model those that fit what was said, and those that were used already."""
    tools, limit = loaded.tools.schemas(), loaded.agent.spec.tools_recall
    if limit is None or len(tools) <= limit:
        return tools
    events = [record.event for record in (await history.newest(FOR_RECALL))[0]]
    messages = [event.text for event in events if isinstance(event, MessageReceived)]
    used = {event.tool for event in events if isinstance(event, ToolStarted)}
    return recall(tools, messages, limit, always=used)


async def _opening(history: History, records: Sequence[Record]) -> list[Record]:
    """The messages that the running turn is for, when they are older than these records."""
    turn = history.state.turn
    if turn is None or (records and records[0].seq <= turn.trigger):
        return []
    first = await history.read_records(turn.trigger - 1, OPENING_RECORDS)
    before = takewhile(lambda record: not isinstance(record.event, TurnStarted), first)
    return [record for record in before if isinstance(record.event, MessageReceived)]
