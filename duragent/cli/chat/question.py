"""What a person is asked about a tool call, and with which keys it is answered: its words. Pure; `box` draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.cli.chat.diffs import added_and_removed, is_whole, rows
from duragent.cli.chat.tool_blocks import main_value
from duragent.cli.view import clean, one_line, place_of
from duragent.text import without_surrogates
from duragent.visible import in_sight
from duragent.wire import Approval, Decide, DecisionName, Offer

if TYPE_CHECKING:
    from duragent.wire import Finding

REASON_MAX, PATTERNS_MAX, NAME_MAX = 2_000, 50, 200
TOO_LONG_LINES, TOO_LONG_CHARS = 200, 20_000
TOO_LONG = "too long to judge here: duragent approvals --json, then duragent approve"
LONG_LINES, LONG_CHARS = 6, 400
"""What is longer than this may not be all in the box."""
ORDINARY = "not in the allow list"
"""The reason that says nothing special about a part; parts with another one come first."""
LINE_END = "\N{RETURN SYMBOL}"
WORDS: dict[str, DecisionName] = {
    "once": "allow_once",
    "session": "allow_session",
    "always": "allow_always",
    "deny": "deny",
    "retry": "retry",
    "done": "done",
    "give-up": "failed",
}
"""The decisions as a person types them."""

DECIDED: dict[str, str] = {
    "allow_once": "allowed it once",
    "allow_session": "allows it in this session",
    "allow_always": "always allows it",
    "deny": "denied it",
    "retry": "had it run again",
    "done": "says that it ran",
    "failed": "gave it up",
}
"""Each decision as words to write behind the name of the person."""


@dataclass(frozen=True)
class AnswerKey:
    """What a person decided."""

    decision: DecisionName
    reason: str = ""
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoxState:
    """What the person at the keyboard is about to do."""

    choosing: int = -1
    """The place of the offer that Enter would take; -1 while none is chosen."""

    draft: bool = False
    """Whether a message stands in the input line, so that the keys write to it."""


NOTHING_YET = BoxState()


def keys(approval: Approval) -> dict[str, str]:
    """The keys that answer it, each with its label."""
    show = {"v": "show all"} if is_long(approval) else {}
    if approval.kind == "lost":
        return {"r": "run again", "i": "it ran", "g": "give up", **show}
    deny = {"n": "deny", "d": "deny and say why"}
    if too_long(approval):
        return {**deny, **show}
    offers = choices(approval)
    label = "always…" if len(offers) > 1 else "".join(map(label_of, offers))
    always = {"a": label, "e": "edit pattern"} if offers else {}
    return {"y": "once", **always, **deny, **show}


def choices(approval: Approval) -> list[Offer]:
    """What may be allowed together with the call, from narrow to wide."""
    if approval.offers or not approval.patterns:
        return approval.offers
    exact = not any("*" in pattern for pattern in approval.patterns)
    words = "this call" if exact else "this call and others like it"
    return [Offer(scope="policy", words=words, patterns=approval.patterns)]


_SCOPES = {"session": "in this session", "policy": "always"}


def label_of(offer: Offer) -> str:
    """Such as: always: this call."""
    return f"{_SCOPES[offer.scope]}: {one_line(in_sight(offer.words))}"


def patterns_of(offer: Offer) -> str:
    return ", ".join(f'"{one_line(in_sight(pattern))}"' for pattern in offer.patterns)


def taken(offer: Offer, patterns: tuple[str, ...] = ()) -> AnswerKey:
    """The answer that takes the offer, or other patterns for as long."""
    decision: DecisionName = "allow_session" if offer.scope == "session" else "allow_always"
    return AnswerKey(decision, "", patterns or tuple(offer.patterns))


def is_long(approval: Approval) -> bool:
    """Whether the box may not have room for all of it."""
    command = approval.command
    return bool(approval.preview) or len(command) > LONG_CHARS or command.count("\n") >= LONG_LINES


def too_long(approval: Approval) -> bool:
    """Whether it is more than a person would read on a terminal."""
    if approval.preview:
        return not is_whole(approval.preview)
    texts = [approval.command, *(part.text for part in approval.findings)]
    return sum(map(len, texts)) > TOO_LONG_CHARS or sum(text.count("\n") + 1 for text in texts) > TOO_LONG_LINES


AT_ONCE: dict[str, DecisionName] = {
    "y": "allow_once",
    "n": "deny",
    "r": "retry",
    "i": "done",
    "g": "failed",
}
"""The keys that need no word more."""
CONFIRMED = {"a": "allows it", "r": "runs it again"}
"""The keys that need Enter as well, for what they do lasts, or happens twice."""


def decide(approval: Approval, choice: AnswerKey, by: str) -> Decide:
    """The decision about the call that was shown, and no other."""
    return Decide(
        call_id=approval.call_id,
        decision=choice.decision,
        arguments_sha256=approval.arguments_sha256 or None,
        patterns=[without_surrogates(pattern) for pattern in choice.patterns[:PATTERNS_MAX]],
        reason=without_surrogates(choice.reason)[:REASON_MAX],
        by=without_surrogates(by)[:NAME_MAX],
    )


def next_command(approval: Approval, session: str) -> str:
    """How to answer it from a shell."""
    if approval.kind == "lost":
        return f"duragent approve {session} --retry | --done | --give-up"
    wide = " | --session" if any(offer.scope == "session" for offer in approval.offers) else ""
    always = " | --always" if approval.patterns else ""
    return f"duragent approve {session} --once{wide}{always} | --deny [--reason TEXT]"


def lines(approval: Approval) -> list[str]:
    """The question for a pipe or a log, a fact on each line."""
    facts = [f"{one_line(in_sight(approval.tool))}  {in_one_line(approval.command)}"]
    facts += [f"  {in_one_line(part.text)}: {one_line(in_sight(part.reason))}" for part in sorted_parts(approval)]
    if approval.kind == "lost":
        facts.append(f"  may have run: {one_line(in_sight(approval.evidence))}")
    if approval.place:
        facts.append(f"  runs in: {one_line(in_sight(approval.place))}")
    return facts


def in_one_line(text: str) -> str:
    """A command where there is room for one line only: the ends of its lines are shown."""
    return one_line(in_sight(text.strip("\n").replace("\n", f" {LINE_END} ")))


def above(approval: Approval) -> str:
    """What stands above the box in full, for a box shows the beginnings only; "" when the line of the call says it."""
    if approval.kind == "lost":
        return _indented(approval.command)
    if approval.preview:
        return ""
    if [part.text for part in approval.findings] == [approval.command]:
        return ""
    return "\n".join(f"{_indented(part.text)}  ({one_line(in_sight(part.reason))})" for part in sorted_parts(approval))


def _indented(text: str) -> str:
    return "  " + numbered(in_sight(text).strip("\n"), "  ")


def numbered(text: str, indent: str = "") -> str:
    """A text of several lines with a number before each, so that none can pass for ours; one line as it is."""
    lines = text.split("\n")
    if len(lines) == 1:
        return text
    width = len(str(len(lines)))
    rows = (f"{indent}{at:>{width}} | {line}" for at, line in enumerate(lines, 1))
    return "\n" + "\n".join(rows)


def sorted_parts(approval: Approval) -> "list[Finding]":
    return sorted(approval.findings, key=lambda part: part.reason == ORDINARY)


TITLES = {"approval": "approval", "lost": "may have run"}


def heading(approval: Approval) -> str:
    """The call in one line where a diff says the rest of it."""
    what = f"{one_line(in_sight(approval.tool))} {one_line(in_sight(main_value(approval.tool, approval.command)))}"
    return f"{what}  {added_and_removed(approval.preview)}"


def reasons(approval: Approval) -> list[str]:
    """Why it is asked about, each reason once."""
    return list(dict.fromkeys(one_line(in_sight(part.reason)) for part in sorted_parts(approval) if part.reason))


def facts(approval: Approval) -> list[str]:
    """Where it would run, and until when it may be answered."""
    said = {"": approval.evidence, "runs in: ": approval.place, "counts as denied from: ": approval.expires_at or ""}
    return [f"{name}{one_line(in_sight(value))}" for name, value in said.items() if value]


def whole(approval: Approval) -> list[str]:
    """All of it, for a pager: a row of the diff on each line, else the lines of the command with their numbers."""
    if approval.preview:
        return [heading(approval), *rows(approval.preview)]
    text = numbered(in_sight(approval.command).strip("\n"))
    return [clean(line) for line in f"{one_line(in_sight(approval.tool))} {text}".split("\n")]


PLAIN_ROWS = 40
_PLAIN_TITLES = {"approval": "Approval needed", "lost": "May have run"}
_WORD_MORE = {"d": ("d WHY", "deny, and say why"), "e": ("e PATTERN", "this pattern instead")}
"""The keys that stand before a word more on the same line, as they are shown, and their labels."""


def plain_question(approval: Approval) -> str:
    """The question for a terminal on which nothing is drawn, and for those who listen to it: lines, then the keys."""
    call, *told = _plain_change(approval) if approval.preview else lines(approval)
    told += [TOO_LONG] if approval.kind == "approval" and too_long(approval) else []
    answers: list[tuple[str, str]] = []
    for key, label in keys(approval).items():
        if key == "a":
            answers += [(f"a {at}", label_of(offer)) for at, offer in enumerate(choices(approval), 1)]
        else:
            answers.append(_WORD_MORE.get(key, (key, label)))
    shown = [f"{_PLAIN_TITLES[approval.kind]}: {call}", *told, "Answer with a line:"]
    return "\n".join([*shown, *(f"  {word}: {label}" for word, label in answers)])


def tells_whole_diff(approval: Approval) -> bool:
    """Whether `plain_question` leaves nothing out of the diff of a change."""
    return is_whole(approval.preview) and not _left_out(rows(approval.preview))


def _left_out(shown: Sequence[str]) -> int:
    """How many rows of a change `plain_question` leaves out. To say so takes a row, too."""
    left = len(shown) - PLAIN_ROWS
    return left if left > 1 else 0


def _plain_change(approval: Approval) -> list[str]:
    shown = rows(approval.preview)
    if left := _left_out(shown):
        half = PLAIN_ROWS // 2
        shown = [*shown[:half], f"… {left:,} more lines: v shows all", *shown[-half:]]
    return [heading(approval), *(f"  {line}" for line in (*shown, *reasons(approval), *facts(approval)))]


def answer_of(approval: Approval, line: str) -> AnswerKey | None:
    """What a typed line answers: `y`, `a` or `a 2`, `e PATTERN`, `n`, `d WHY`, `r`, `i`, `g`; None for no answer."""
    key, _, more = line.strip().partition(" ")
    key, more = key.lower(), more.strip()
    if key not in keys(approval) or (more and key not in "aed"):
        return None
    offers = choices(approval)
    match key:
        case "a":
            place = place_of(more or "1", len(offers))
            return None if place is None else taken(offers[place])
        case "e":
            return taken(offers[0], (more,)) if more else None
        case "d":
            return AnswerKey("deny", more) if more else None
        case _:
            return AnswerKey(AT_ONCE[key]) if key in AT_ONCE else None
