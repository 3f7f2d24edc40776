"""What a model is sent: `prepare` is the one sequence that makes it, for a turn and for `duragent context`.

The law of this file: the same log, agent, files and tools give the same bytes, so that what a person is shown is what
the model is sent. `assembled` makes the request of what the log keeps, so that it can be made again later.
"""

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING

from duragent.agent.load import Agent
from duragent.context.build import Frame, WindowUse, conversation, frame_of, request_of
from duragent.context.known_talk import KnownTalk
from duragent.context.prompt_set import prompt_set
from duragent.context.sections import PromptSection, runtime_section
from duragent.context.tool_recall import recall
from duragent.context.viewport import HISTORY, NO_PAST, ShownPast
from duragent.context.window import find_window
from duragent.journal.events import (
    MemoryRecalled,
    MessageReceived,
    PromptSet,
    SessionCreated,
    ToolStarted,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.base import ModelChoice
from duragent.models.facts import looked_up
from duragent.models.file_limits import TakenFiles
from duragent.models.messages import ModelRequest, ToolSchema
from duragent.models.text_tools.choice import wants_text
from duragent.turn.access_now import shown_sections
from duragent.turn.files import FileReader, ShownFiles
from duragent.turn.history import HasBlobs, HasRecords, History, HistoryNeed
from duragent.turn.model_choice import choice_of, with_model, with_system
from duragent.turn.opaque import with_opaque
from duragent.turn.past import coverage_of, read_history
from duragent.turn.request_sha256 import request_sha256
from duragent.turn.steady import steady_sections
from duragent.turn.workbench import LoadedAgent

if TYPE_CHECKING:
    from duragent.memory.base import Memories

FOR_RECALL = HistoryNeed(8_000)
"""How much of the session tells which tools fit."""

READ_FILE = "read_file"
"""The tool that opens files of messages."""

OPENING_RECORDS = 64
"""Between the message that a turn is for and its start there are only more messages."""


@dataclass(frozen=True, slots=True)
class Material:
    """The records that a request is made from."""

    records: Sequence[Record]
    """The newest ones, oldest first."""
    from_start: bool
    """There are no older ones."""
    opening: Sequence[Record]
    """What the running turn is for, where it lies before them."""
    trigger: int
    """The message that the running turn is for; after the last record between turns."""
    past: ShownPast = NO_PAST
    """What stands for the records before these."""
    recalled: MemoryRecalled | None = None
    """What memory gave for the messages that the question takes up; None when it was not asked."""
    taken: TakenFiles | None = None
    """Which files the model takes, where the log says it."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """A request, and what came out on the way."""

    window: WindowUse
    """The records from which the conversation was made."""
    request: ModelRequest
    """What the model is sent."""
    taken: TakenFiles | None
    """Which files the model takes; None while there was no file."""
    cut_seq: int | None = None
    """As `ModelCalled` keeps it."""

    @property
    def sha256(self) -> str:
        """Over the whole request, as `ModelCalled.request_sha256` keeps it."""
        return request_sha256(self.request)


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
    sha256: str
    """Over the whole request, as `ModelCalled.request_sha256` keeps it."""
    prompt_set: PromptSet
    """The frame as the log keeps it."""
    first_seq: int | None = None
    """The oldest record of `window.records`; None when there is none."""
    recalled: MemoryRecalled | None = None
    """What memory gave for the messages that it takes up; None when it was not asked."""
    cut_seq: int | None = None
    """Messages before this record are left out; None while none are."""
    without_key: bool = False
    """The model was chosen with an address of its own, which gets no key."""

    @property
    def model(self) -> ModelChoice:
        """The model that is asked."""
        return choice_of(self.agent.spec.model, without_key=self.without_key)


async def prepare(
    history: History,
    loaded: LoadedAgent,
    now: datetime,
    *,
    offered: Sequence[ToolSchema] | None = None,
    memories: "Memories | None" = None,
    known: KnownTalk | None = None,
) -> Prepared:
    """What the model of that agent is sent at the end of this history.

    `offered` are the tools that an earlier request of the same turn had; None chooses them. `memories` are searched for
    messages that no question has taken up yet. `known` is the conversation as the last question had it.
    """
    choice = history.state.model_choice
    agent = with_system(with_model(loaded.agent, choice), await _system(history))
    tools = await _offered(history, loaded) if offered is None else offered
    window = await find_window(agent.spec.model)
    sections = (*await shown_sections(history, agent, loaded.sections.sections), await _runtime(agent))
    around = _around(loaded, agent, now, tools, window)
    state = history.state
    steady = await steady_sections(history, state.viewport, sections, now)
    frame = around(steady)
    material = await _material(history, state, agent, frame)
    recalled = await _recalled(memories, agent, state, [*material.opening, *material.records])
    made = await assembled(agent, frame, replace(material, recalled=recalled), history, known)
    if steady is not sections and made.cut_seq != state.viewport.question.cut_seq:
        # What a provider remembers of the request before ends at the system message anyway.
        frame = around(sections)
        material = await _material(history, state, agent, frame)
        made = await assembled(agent, frame, replace(material, recalled=recalled), history, known)
    return Prepared(
        agent=agent,
        frame=frame,
        window=made.window,
        request=made.request,
        input_seq=state.seq,
        sha256=made.sha256,
        prompt_set=prompt_set(agent, frame, asdict(made.taken) if made.taken else {}),
        first_seq=material.records[0].seq if material.records else None,
        recalled=recalled,
        cut_seq=made.cut_seq,
        without_key=bool(choice and choice.base_url),
    )


async def _material(history: History, state: SessionState, agent: Agent, frame: Frame) -> Material:
    read = await read_history(history, agent, frame)
    # What came meanwhile is for the next question: this one is made of one state.
    records = [record for record in read.records if record.seq <= state.seq]
    opening = await opening_of(history, state, records)
    return Material(records, read.from_start, opening, trigger_of(state), read.past)


async def assembled(
    agent: Agent, frame: Frame, of: Material, blobs: HasBlobs, known: KnownTalk | None = None
) -> Assembled:
    """The request that this frame and these records make: the same of the same. Raises BadModelRequest, StoreError."""
    model = choice_of(agent.spec.model)
    records = await with_opaque(_with_recalled(of), model.label, blobs.blob)
    opening = list(of.opening)
    can_read = any(tool.name == READ_FILE for tool in frame.tools)
    files = ShownFiles(FileReader(model, frame.window_tokens, can_read, of.trigger, of.taken), blobs.blob)
    shown = await files.of([*opening, *records])
    window = WindowUse(shown[len(opening) :], of.from_start, shown[: len(opening)], of.past, known)
    found = conversation(agent, frame, window)
    return Assembled(window, files.with_contents(request_of(agent, frame, found)), files.taken, found.cut_seq)


def _around(
    loaded: LoadedAgent, agent: Agent, now: datetime, tools: Sequence[ToolSchema], window: int
) -> Callable[[Iterable[PromptSection]], Frame]:
    """What makes the frame of sections."""
    tool = loaded.tools.get(HISTORY)
    # A program of the agent's that is called so does not read records.
    reads_past = tool is not None and tool.kind == "builtin" and any(each.name == HISTORY for each in tools)

    def framed(sections: Iterable[PromptSection]) -> Frame:
        return replace(frame_of(agent, now, sections=sections, tools=tools, window=window), reads_past=reads_past)

    return framed


async def _runtime(agent: Agent) -> PromptSection:
    choice = choice_of(agent.spec.model)
    as_text = choice.tools == "text"
    if choice.tools == "auto" and choice.provider != "demo":
        as_text = await looked_up(("tools", choice), partial(wants_text, choice, choice.tools))
    return runtime_section(agent, platform.node(), "text" if as_text else "native")


def _with_recalled(of: Material) -> list[Record]:
    """The records with what memory gave behind them: it is written with the question, after all that it takes up."""
    if of.recalled is None:
        return list(of.records)
    last = of.records[-1].seq if of.records else of.trigger
    return [*of.records, Record(last + 1, "", of.recalled)]


async def _recalled(
    memories: "Memories | None", agent: Agent, state: SessionState, records: Sequence[Record]
) -> MemoryRecalled | None:
    if memories is None or agent.spec.memory is None:
        return None
    from duragent.turn.recall import recalled

    return await recalled(memories, agent, state, records)


def trigger_of(state: SessionState) -> int:
    """The message that the running turn is for; after the last record between turns."""
    return state.turn.trigger if state.turn else state.seq + 1


async def _system(history: History) -> str:
    """What the session was made with in place of the agent's system prompt; "" for nothing."""
    if not history.state.has_system:
        return ""
    first = [record.event for record in await history.read_records(0, 1)]
    return first[0].system if first and isinstance(first[0], SessionCreated) else ""


async def _offered(history: History, loaded: LoadedAgent) -> Sequence[ToolSchema]:
    """All tools, or for a small model those that fit what was said, and those that were used already."""
    tools, limit = loaded.tools.schemas(), loaded.agent.spec.tools_recall
    of_the_past: tuple[ToolSchema, ...] = ()
    if coverage_of(loaded.agent, history.state).boundary:
        of_the_past = tuple(tool.schema() for tool in loaded.tools.of_the_past)
    if limit is None or len(tools) <= limit:
        return (*tools, *of_the_past)
    events = [record.event for record in (await history.newest(FOR_RECALL))[0]]
    messages = [event.text for event in events if isinstance(event, MessageReceived)]
    used = {event.tool for event in events if isinstance(event, ToolStarted)}
    return (*recall(tools, messages, limit, always=used), *of_the_past)


async def opening_of(history: HasRecords, state: SessionState, records: Sequence[Record]) -> list[Record]:
    """The messages that the running turn is for, when they are older than these records, and what memory gave."""
    turn = state.turn
    if turn is None or (records and records[0].seq <= turn.trigger):
        return []
    first = await history.read_records(turn.trigger - 1, OPENING_RECORDS)
    before = takewhile(lambda record: not isinstance(record.event, TurnStarted), first)
    messages = [record for record in before if isinstance(record.event, MessageReceived)]
    seqs = {record.seq for record in messages}
    known = [record for record in first if isinstance(event := record.event, MemoryRecalled) and event.upto_seq in seqs]
    return [*messages, *known]
