"""The request to the model: a pure function of the agent, the files around it and the records.

The law of this file: a request begins with the bytes of the one before it, as far as that can be, because a provider
remembers beginnings. So the system message tells no time, cuts stay where they are for long, and masks come in steps.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from duragent.agent.load import Agent
from duragent.agent.spec import ModelFields, ThinkingBudgetSpec
from duragent.context.budget import NOTICE_TOKENS, FittedRecords, WindowLimits, keep, reserved_tokens, split
from duragent.context.known_talk import KnownTalk
from duragent.context.sections import PromptSection, agent_sections, ordered, system_message, tail_of
from duragent.context.time_notes import asks_for_time, dated, dated_from_first
from duragent.context.tokens import MESSAGE_OVERHEAD_TOKENS, schema_tokens, tail_tokens, tokens
from duragent.context.tool_results import with_masked_results, with_short_results
from duragent.context.transcript import TranscriptEntry, recalled_message, user_message
from duragent.context.viewport import NO_PAST, ShownPast
from duragent.context.window import window_tokens
from duragent.journal.events import MemoryRecalled, MessageReceived
from duragent.journal.record import Record
from duragent.models.messages import ChatMessage, ModelRequest, ThinkingLevel, ToolSchema
from duragent.models.providers import PROVIDERS

READ_OUTPUT = "read_output"


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the conversation. Tokens are by our estimate, before calibration."""

    system: str
    """The system message: the sections, joined."""
    budget_tokens: int
    """What messages before the running turn may take."""
    room_tokens: int
    """What they and the running turn may take together."""
    window_tokens: int
    """The model's window, in real tokens."""
    fixed_tokens: int
    """What the system message, the tools and the tail take."""
    sections: tuple[PromptSection, ...] = ()
    """In the order of the system message."""
    tools: tuple[ToolSchema, ...] = ()
    """What the model is offered."""
    tail: str = ""
    """What the model reads last, behind the conversation or in front of its newest message."""
    tells_time: bool = False
    """Notes with date and time stand before messages."""
    reads_past: bool = False
    """The tool `history` is offered, and no tool of the agent that is called so."""


def frame_of(
    agent: Agent,
    now: datetime,
    *,
    sections: Iterable[PromptSection] = (),
    tools: Sequence[ToolSchema] = (),
    window: int | None = None,
    tells_time: bool | None = None,
) -> Frame:
    """The frame. `sections` come in addition to those of the agent's own files, `window` from `window.find_window`.

    `tells_time` None: when the agent's prompts name `{{date}}` or `{{time}}`.
    """
    every = ordered([*agent_sections(agent, now), *sections])
    tail = tail_of(agent, now)
    if tells_time is None:
        tells_time = asks_for_time([*(section.text for section in every), tail])
    known = window_tokens(agent.spec.model) if window is None else window
    return frame_around(agent, PromptTexts(every, tools, tail), known, tells_time=tells_time)


@dataclass(frozen=True, slots=True)
class PromptTexts:
    """The texts around the conversation."""

    sections: Sequence[PromptSection]
    """Of the system message, in any order."""
    tools: Sequence[ToolSchema]
    """What it is offered."""
    tail: str
    """What the model reads last."""


def frame_around(agent: Agent, texts: PromptTexts, window: int, *, tells_time: bool) -> Frame:
    """The frame of texts that are complete. Of the agent count only the limits of its model and of its sessions."""
    every = tuple(ordered(texts.sections))
    system = system_message(every)
    fixed = tokens(system) + schema_tokens(texts.tools) + MESSAGE_OVERHEAD_TOKENS + tail_tokens(texts.tail)
    room = max(window - reserved_tokens(agent.spec.model, window) - fixed, 1)
    cap = agent.spec.session.context.max_history_tokens
    budget, tools = min(room, cap) if cap else room, tuple(texts.tools)
    return Frame(system, budget, room, window, fixed, every, tools, texts.tail, tells_time)


@dataclass(frozen=True, slots=True)
class WindowUse:
    """What of the session a request is made from."""

    records: Sequence[Record]
    """The newest records, oldest first."""
    from_start: bool
    """There are no older records, but for those that `past` stands for."""
    opening: Sequence[Record] = ()
    """The messages that the running turn is for; they count when `records` do not reach back to them."""
    past: ShownPast = NO_PAST
    """What stands for the records before these."""
    known: KnownTalk | None = field(default=None, compare=False, repr=False)
    """What the question before this one had of them."""


@dataclass(frozen=True, slots=True)
class FittedConversation:
    """The messages behind the system message, as they fit."""

    talk: tuple[TranscriptEntry, ...]
    """Each with the record that it is from."""
    ratio: float
    """Real tokens per estimated one."""

    @property
    def cut_seq(self) -> int | None:
        """As `ModelCalled.cut_seq`."""
        return max((each.seq for each in self.talk if each.mark == "notice"), default=None)


def build(agent: Agent, around: Frame, window: WindowUse) -> ModelRequest:
    """The request."""
    return request_of(agent, around, conversation(agent, around, window))


def request_of(agent: Agent, around: Frame, found: FittedConversation) -> ModelRequest:
    """The request with that conversation."""
    return ModelRequest(
        messages=(ChatMessage(role="system", content=around.system), *(each.message for each in found.talk)),
        tools=around.tools,
        tail=around.tail,
        temperature=agent.spec.model.temperature,
        max_output_tokens=agent.spec.model.max_output_tokens,
        window_tokens=around.window_tokens if _is_told_window(agent) else None,
        cache_points=_cache_points(found.talk),
        thinking=thinking_of(agent.spec.model),
    )


def _is_told_window(agent: Agent) -> bool:
    known = PROVIDERS.get(agent.spec.model.provider)
    return known is not None and known.is_told_window


def thinking_of(model: ModelFields) -> ThinkingLevel | int | None:
    """How much it is to think, as a request says it."""
    asked = model.thinking
    return asked.budget_tokens if isinstance(asked, ThinkingBudgetSpec) else asked


def conversation(agent: Agent, around: Frame, window: WindowUse) -> FittedConversation:
    """What the model sees of the conversation."""
    spec = agent.spec.session.context
    read = (window.known or KnownTalk()).of(window.records)
    ratio, begun = read.ratio, read.begun
    talk = with_short_results(_with_opening(read.talk, window.opening, begun), spec)
    can_read = any(tool.name == READ_OUTPUT for tool in around.tools)
    talk = with_masked_results(talk, spec, begun, can_read_output=can_read)
    room = _room(agent, around, ratio)
    if around.tells_time:
        talk, room = dated(talk), room - NOTICE_TOKENS
    last = talk[-1].turn if talk else ""
    seen = FittedRecords(window.from_start, window.from_start or not last or last in begun)
    cap = int(spec.max_history_tokens / ratio)
    room -= window.past.tokens
    kept = keep(talk, WindowLimits(max(room, 1), cap, bool(around.tools)), seen)
    if window.past.text:
        kept.insert(0, window.past.entry())
    return FittedConversation(tuple(dated_from_first(kept) if around.tells_time else kept), ratio)


def _room(agent: Agent, around: Frame, ratio: float) -> int:
    """Estimated tokens for the conversation, when each of them is `ratio` real ones."""
    real = around.window_tokens - reserved_tokens(agent.spec.model, around.window_tokens)
    return int(real / ratio) - around.fixed_tokens


def _with_opening(
    talk: list[TranscriptEntry], opening: Sequence[Record], begun: Container[str]
) -> list[TranscriptEntry]:
    """The talk with the messages that its last turn is for, when they lie before it."""
    _, current = split(talk)
    turn, first = (current[-1].turn, current[0].seq) if current else ("", None)
    if current and turn in begun and current[0].message.role == "user":
        return talk
    there = {each.seq for each in talk}
    recalled = {event.upto_seq: event for each in opening if isinstance(event := each.event, MemoryRecalled)}
    messages: list[TranscriptEntry] = []
    for record in opening:
        if not isinstance(record.event, MessageReceived) or record.seq in there:
            continue
        if first is None or record.seq < first:
            block = recalled.get(record.seq)
            messages += [recalled_message(block, turn)] if block and block.text else []
            messages.append(user_message(record, record.event, turn))
    return [*talk[: len(talk) - len(current)], *messages, *current]


def _cache_points(talk: Sequence[TranscriptEntry]) -> tuple[int, ...]:
    """Up to which messages a provider may remember the request: the system message, what is settled, the newest one."""
    settled = [at for at, each in enumerate(talk, 1) if each.settled]
    ends = [at for at, each in enumerate(talk, 1) if each.message.role in ("user", "tool")][-1:]
    return tuple(sorted({0, *settled, *ends}))
