"""What the model would see, part by part with its tokens: for people who wonder where the window goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from duragent.agent.load import Agent
from duragent.context.budget import reserved_tokens
from duragent.context.build import Frame, WindowUse, conversation
from duragent.context.tokens import message_tokens, schema_tokens, tokens
from duragent.context.transcript import Mark, TranscriptEntry


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A section of the system message."""

    source: str
    priority: int
    tokens: int


@dataclass(frozen=True, slots=True)
class ToolLine:
    """A tool's schema."""

    name: str
    tokens: int


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message. `seq` is the record that it is from; `mark` says what was done to make it fit; `text` is whole."""

    role: str
    seq: int
    tokens: int
    mark: Mark
    calls: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ContextReport:
    """The whole request. All tokens are calibrated: our estimate times `ratio`.

    `window_tokens` = `reserved_tokens` (the answer and a tenth) + `budget_tokens`; `left_tokens` is negative when the
    system message and the tools alone are too long.
    """

    sections: tuple[SectionLine, ...]
    tools: tuple[ToolLine, ...]
    messages: tuple[MessageLine, ...]
    window_tokens: int
    reserved_tokens: int
    budget_tokens: int
    used_tokens: int
    left_tokens: int
    history_cap_tokens: int
    ratio: float
    masked: int
    truncated: int


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


def _line(each: TranscriptEntry, ratio: float) -> MessageLine:
    message = each.message
    calls = tuple(f"{call.name} {call.arguments}" for call in message.calls)
    size = _real(message_tokens(message), ratio)
    return MessageLine(message.role, each.seq, size, each.mark, calls, message.content)


def _marked(talk: Sequence[TranscriptEntry], mark: Mark) -> int:
    return sum(each.mark == mark for each in talk)


def _real(estimated: int, ratio: float) -> int:
    return round(estimated * ratio)
