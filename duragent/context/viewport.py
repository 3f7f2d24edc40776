"""What stands in the place of the records before the boundary: goals, pinned records and summaries, as one message.

The law: the text depends on the summaries, and on what was pinned and aimed at when the boundary moved last. So it
stays the same, byte for byte, until the boundary moves or a person asks for other summaries. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from duragent.agent.spec import AgentSpec, ContextSpec
from duragent.context.tokens import MESSAGE_OVERHEAD_TOKENS, beginning, message_tokens, tokens
from duragent.context.tool_results import with_masked_results, with_short_results
from duragent.context.transcript import TranscriptEntry, said
from duragent.journal.covered import ALL_SHOWN, PIN_CHARS, Coverage, Covered, Goal
from duragent.journal.events import TurnStarted
from duragent.journal.record import Record
from duragent.models.messages import ChatMessage

HISTORY = "history"
"""The tool that reads older records."""

NO_TEXT = "(the text of this summary is not there)"
_HEAD = "[Before record {next:,}. Summaries{how}.]"
_HOW = "; `history` with a range shows the original"
_CUT = " […]"


@dataclass(frozen=True, slots=True)
class PastTexts:
    """The texts that belong to a coverage, by the seq of their records."""

    summaries: Mapping[int, tuple[str, str]]
    """Text and facts."""
    pins: Mapping[int, str]
    """What of a pinned record stays in sight."""


NO_TEXTS = PastTexts({}, {})


@dataclass(frozen=True, slots=True)
class ShownPast:
    """What stands in the place of the records before the boundary."""

    text: str = ""
    """The message, to the byte; "" when all records are shown."""
    boundary: int = 0
    """The last record that it stands for."""
    coverage: Coverage = ALL_SHOWN
    """What it was made of."""
    pinned_tokens: int = 0
    """What goals and pins take of it."""

    @property
    def tokens(self) -> int:
        """By our estimate, before calibration."""
        return tokens(self.text) + MESSAGE_OVERHEAD_TOKENS if self.text else 0

    def entry(self) -> TranscriptEntry:
        """The first message of the conversation."""
        return TranscriptEntry(ChatMessage(role="user", content=self.text), self.boundary, mark="summary")


NO_PAST = ShownPast()


def past(at: Coverage, texts: PastTexts, spec: ContextSpec, *, room_tokens: int, can_read: bool) -> ShownPast:
    """The message. `room_tokens` is what the history may take; `can_read` says that the model has `history`."""
    if not at.boundary:
        return NO_PAST
    kept = _kept(at, texts, int(spec.pin_share * room_tokens))
    summaries = _summaries(at.frontier, texts, int(spec.summary_share * room_tokens))
    head = _HEAD.format(next=at.boundary + 1, how=_HOW if can_read else "")
    text = "\n\n".join(part for part in (head, kept, summaries) if part)
    return ShownPast(text, at.boundary, at, tokens(kept))


def _kept(at: Coverage, texts: PastTexts, limit: int) -> str:
    """Goals and pins, in their order, as far as they fit."""
    goals = [("Goals:", line) for line in _goal_lines(at.shown_goals)]
    pins = [
        ("Pinned:", f"- record {pin.seq:,}: {' '.join(text.split())[:PIN_CHARS]}")
        for pin in at.shown_pins
        if (text := texts.pins.get(pin.since, ""))
    ]
    lines: list[str] = []
    left, before = limit, ""
    for head, line in (*goals, *pins):
        more = [line] if head == before else [*([""] if lines else []), head, line]
        cost = sum(tokens(each) + 1 for each in more)
        if cost > left:
            break
        lines += more
        left, before = left - cost, head
    return "\n".join(lines)


def _goal_lines(goals: Sequence[Goal], parent: str = "", depth: int = 0) -> list[str]:
    known = {goal.goal for goal in goals}
    lines: list[str] = []
    for goal in goals:
        if goal.parent == parent or (not depth and goal.parent not in known):
            lines.append(f"{'  ' * depth}- {goal.goal}: {goal.text}")
            lines += _goal_lines([each for each in goals if each.goal != goal.goal], goal.goal, depth + 1)
    return lines


def _summaries(frontier: Sequence[Covered], texts: PastTexts, limit: int) -> str:
    """Each with its range. When they are too long together, each gives up the same part."""
    parts = [(_title(each), *texts.summaries.get(each.seq, (NO_TEXT, ""))) for each in frontier]
    fixed = sum(tokens(title) + 2 for title, _, _ in parts)
    whole = sum(tokens(text) + tokens(facts) + 2 for _, text, facts in parts)
    room = max(limit - fixed, 0)
    shares = [1.0 if whole <= room else room / whole] * len(parts)
    return "\n\n".join(
        "\n".join(line for line in (title, _cut(text, share), _cut(facts, share)) if line)
        for (title, text, facts), share in zip(parts, shares, strict=True)
    )


def _title(each: Covered) -> str:
    return f"Records {each.first:,} to {each.last:,} (L{each.level}):"


def _cut(text: str, share: float) -> str:
    if share >= 1 or not text:
        return text
    kept = beginning(text, int(tokens(text) * share) - 2)
    return kept + _CUT if kept else ""


# --- what is behind the boundary ------------------------------------------------------------------------------------


def turn_sizes(records: Sequence[Record], spec: AgentSpec) -> list[tuple[int, int]]:
    """The turns of these records, oldest first: where each begins, and its tokens as the model would be shown it.

    A place between two turns counts only where all that belongs to the earlier one stands before it.
    """
    context = spec.session.context
    begun = {record.event.turn for record in records if isinstance(record.event, TurnStarted)}
    talk = with_masked_results(with_short_results(said(records), context), context, begun, can_read_output=True)
    if not talk:
        return []
    ends = _ends(talk)
    starts = [0, *(at for at in range(1, len(talk)) if _is_between(talk, at) and ends[at] < talk[at].seq)]
    bounds = [*starts, len(talk)]
    return [
        (talk[first].seq, sum(message_tokens(each.message) for each in talk[first:last]))
        for first, last in pairwise(bounds)
    ]


def _ends(talk: Sequence[TranscriptEntry]) -> list[int]:
    """For each place: the newest record before it, or the oldest behind it when that one is older still (no cut)."""
    newest, upto = 0, [0]
    for each in talk[:-1]:
        newest = max(newest, each.seq)
        upto.append(newest)
    oldest = talk[-1].seq
    for at in range(len(talk) - 1, 0, -1):
        oldest = min(oldest, talk[at].seq)
        if oldest < talk[at].seq:
            upto[at] = talk[at].seq
    return upto


def _is_between(talk: Sequence[TranscriptEntry], at: int) -> bool:
    before, behind = talk[at - 1], talk[at]
    is_new = before.turn != behind.turn or not behind.turn
    return is_new and behind.message.role == "user" and before.message.role != "user"
