"""What the model would see, part by part with its tokens: for people who wonder where the window goes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from duragent.agent.load import Agent
from duragent.context.budget import reserved_tokens
from duragent.context.build import Frame, WindowUse, conversation
from duragent.context.tokens import message_tokens, schema_tokens, tail_tokens, tokens
from duragent.context.transcript import Mark, TranscriptEntry
from duragent.context.viewport import ShownPast


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A section of the system message."""

    source: str
    """Where it is from."""
    priority: int
    """A lower one comes first."""
    tokens: int
    """Calibrated."""


@dataclass(frozen=True, slots=True)
class ToolLine:
    """A tool's schema."""

    name: str
    tokens: int


@dataclass(frozen=True, slots=True)
class TailLine:
    """What the model reads last."""

    sources: tuple[str, ...]
    """The files that it is from."""
    tokens: int
    """Calibrated; 0 when there is none."""
    text: str
    """All of it."""


@dataclass(frozen=True, slots=True)
class PastLine:
    """What stands in the place of older records."""

    boundary: int
    """The last record that it stands for; 0 when all are shown."""
    kept_tokens: int
    """Of goals and pinned records; calibrated."""
    summaries_tokens: int
    """Of the summaries; calibrated."""
    levels: tuple[tuple[int, int], ...]
    """Each level with the number of its summaries, the highest first."""


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message of the conversation."""

    role: str
    seq: int
    """Of the record that it is from."""
    tokens: int
    """Calibrated."""
    mark: Mark
    """What was done to make it fit."""
    calls: tuple[str, ...]
    """Each with its name and its arguments."""
    text: str
    """All of it."""


@dataclass(frozen=True, slots=True)
class ContextReport:
    """The whole request. All tokens are calibrated: our estimate times `ratio`."""

    sections: tuple[SectionLine, ...]
    """In the order of the system message."""
    tools: tuple[ToolLine, ...]
    """What the model is offered."""
    messages: tuple[MessageLine, ...]
    """Oldest first, without the system message."""
    tail: TailLine
    """What stands in the last message besides."""
    past: PastLine
    """What the first message tells of older records; a part of `messages`."""
    window_tokens: int
    """What the model can read: `reserved_tokens` and `budget_tokens` together."""
    reserved_tokens: int
    """Kept free: for the answer, and a tenth of the window."""
    budget_tokens: int
    """For sections, tools, messages and the tail."""
    used_tokens: int
    """What they take."""
    left_tokens: int
    """Of the budget; negative when sections and tools alone are too long."""
    history_cap_tokens: int
    """The agent's cap for messages before the running turn; 0 means none."""
    ratio: float
    """Real tokens per estimated one, by what the provider reported."""
    masked: int
    """How many results are masked."""
    truncated: int
    """How many messages are cut."""


def report(agent: Agent, around: Frame, window: WindowUse) -> ContextReport:
    """The report on the request that `build` would make of the same."""
    found = conversation(agent, around, window)
    reserved = reserved_tokens(agent.spec.model, around.window_tokens)
    used = _real(around.fixed_tokens + sum(message_tokens(each.message) for each in found.talk), found.ratio)
    budget = around.window_tokens - reserved
    return ContextReport(
        sections=tuple(
            SectionLine(each.source, each.priority, _real(tokens(each.text), found.ratio)) for each in around.sections
        ),
        tools=tuple(ToolLine(each.name, _real(schema_tokens([each]), found.ratio)) for each in around.tools),
        messages=tuple(_line(each, found.ratio) for each in found.talk),
        tail=TailLine(
            tuple(part.source for part in agent.always), _real(tail_tokens(around.tail), found.ratio), around.tail
        ),
        past=_past(window.past, found.ratio),
        window_tokens=around.window_tokens,
        reserved_tokens=reserved,
        budget_tokens=budget,
        used_tokens=used,
        left_tokens=budget - used,
        history_cap_tokens=agent.spec.session.context.max_history_tokens,
        ratio=found.ratio,
        masked=_marked(found.talk, "masked"),
        truncated=_marked(found.talk, "truncated") + _marked(found.talk, "cut"),
    )


def _past(past: ShownPast, ratio: float) -> PastLine:
    levels = Counter(each.level for each in past.coverage.frontier)
    kept = _real(past.pinned_tokens, ratio)
    summaries = _real(past.tokens, ratio) - kept if past.text else 0
    return PastLine(past.boundary, kept, summaries, tuple(sorted(levels.items(), reverse=True)))


def _line(each: TranscriptEntry, ratio: float) -> MessageLine:
    message = each.message
    calls = tuple(f"{call.name} {call.arguments}" for call in message.calls)
    size = _real(message_tokens(message), ratio)
    return MessageLine(message.role, each.seq, size, each.mark, calls, message.content)


def _marked(talk: Sequence[TranscriptEntry], mark: Mark) -> int:
    return sum(each.mark == mark for each in talk)


def _real(estimated: int, ratio: float) -> int:
    return round(estimated * ratio)
