"""What a person is asked about a tool call, and with which keys it is answered. Pure, but for the drawing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.cli.view import clean, one_line
from duragent.text import without_surrogates
from duragent.visible import in_sight
from duragent.wire import Approval, Decide, DecisionName

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from duragent.wire import Finding

REASON_MAX, PATTERNS_MAX, NAME_MAX = 2_000, 50, 200
FINDING_CHARS = 240
TOO_LONG_LINES, TOO_LONG_CHARS = 200, 20_000
TOO_LONG = "too long to judge here: duragent approvals --json, then duragent approve"
ORDINARY = "not in the allow list"
"""The reason that says nothing special about a part; parts with another one come first."""
_FRAME, _GAP, _BORDERS = 4, 2, 2
_WIDE, _REASON_WIDTH = 60, 40
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


def keys(approval: Approval) -> dict[str, str]:
    """The keys that answer it, each with its label."""
    if approval.kind == "lost":
        return {"r": "run again", "i": "it ran", "g": "give up"}
    deny = {"n": "deny", "d": "deny and say why"}
    if too_long(approval):
        return deny
    always = {"a": f"always: {offered(approval)}", "e": "edit pattern"} if approval.patterns else {}
    return {"y": "once", **always, **deny}


def offered(approval: Approval) -> str:
    """The patterns that would be allowed always."""
    return ", ".join(f'"{one_line(in_sight(pattern))}"' for pattern in approval.patterns)


def too_long(approval: Approval) -> bool:
    """Whether it is more than a person would read on a terminal."""
    texts = [approval.command, *(part.text for part in approval.findings)]
    return sum(map(len, texts)) > TOO_LONG_CHARS or sum(text.count("\n") + 1 for text in texts) > TOO_LONG_LINES


AT_ONCE: dict[str, DecisionName] = {
    "y": "allow_once",
    "a": "allow_always",
    "n": "deny",
    "r": "retry",
    "i": "done",
    "g": "failed",
}
"""The keys that need no word more."""
CONFIRMED = {"a": "allows it always", "r": "runs it again"}
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
    always = " | --always" if approval.patterns else ""
    return f"duragent approve {session} --once{always} | --deny [--reason TEXT]"


def lines(approval: Approval) -> list[str]:
    """The question for a pipe or a log, a fact on each line."""
    facts = [f"{one_line(in_sight(approval.tool))}  {in_one_line(approval.command)}"]
    facts += [f"  {in_one_line(part.text)}: {one_line(in_sight(part.reason))}" for part in _sorted(approval)]
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
    if [part.text for part in approval.findings] == [approval.command]:
        return ""
    return "\n".join(f"{_indented(part.text)}  ({one_line(in_sight(part.reason))})" for part in _sorted(approval))


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


def _sorted(approval: Approval) -> "list[Finding]":
    return sorted(approval.findings, key=lambda part: part.reason == ORDINARY)


def box(approval: Approval, width: int, rows: int) -> "RenderableType":
    """The question as a box so wide, of about so many lines, with its keys, which always have their place."""
    from rich.box import DOUBLE
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    inner = max(width - _FRAME, 1)
    below = [Text(fact, style="dim") for fact in _facts(approval)]
    if approval.kind == "approval" and too_long(approval):
        below.append(Text(TOO_LONG, style="bold yellow"))
    below += _keys_lines(approval, inner)
    body = Table.grid(expand=True)
    body.add_row(_grid(_rows(approval), inner, rows - _BORDERS - sum(_height(line, inner) for line in below)))
    for line in below:
        body.add_row(line)
    title = _TITLES[approval.kind]
    # Double lines are ours alone: `visible` takes them out of all text from elsewhere.
    return Panel(body, box=DOUBLE, title=title, title_align="left", border_style="yellow", padding=(0, 1))


def _grid(rows: list[tuple[str, str]], width: int, space: int) -> "Table":
    """The rows that fit into `space` lines, and how many do not. Reasons stand beside, or where it is narrow, below."""
    from rich.cells import cell_len, set_cell_size
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 3), expand=True)
    grid.add_column(ratio=1, overflow="fold")
    beside = width >= _WIDE
    reasons = min(max((cell_len(reason) for _, reason in rows), default=0), _REASON_WIDTH) if beside else 0
    if beside:
        grid.add_column(justify="left", style="dim", max_width=_REASON_WIDTH)
    text_width = width - reasons - 3 if reasons else width
    for at, (text, reason) in enumerate(rows):
        notes = [Text(reason)] if beside else [Text(f"  {reason}", style="dim")] if reason else []
        noted = sum(_height(note, reasons if beside else width) for note in notes if note.plain)
        left = space - (at < len(rows) - 1) - (0 if beside else noted)
        shown, height = Text(text), _height(Text(text), text_width)
        if height > left and at == 0:
            # A cell of each line may stay empty beside characters that are two cells wide.
            cut = set_cell_size(text, max(left * (text_width - 1) - 1, 1)).rstrip()
            shown, height = Text(f"{cut}…"), max(left, 1)
        elif height > left:
            more = f"… and {len(rows) - at} more lines: look above"
            grid.add_row(Text(more, style="bold yellow"), *([Text("")] if beside else []))
            break
        grid.add_row(shown, *(notes if beside else []))
        for note in [] if beside else notes:
            grid.add_row(note)
        space -= max(height, noted) if beside else height + noted
    return grid


def _height(text: "Text", width: int) -> int:
    """How many lines it takes."""
    from rich.console import Console

    return max(len(text.wrap(Console(width=max(width, 1), color_system=None), max(width, 1))), 1)


_TITLES = {"approval": "approval", "lost": "may have run"}


def _rows(approval: Approval) -> list[tuple[str, str]]:
    """The question as rows of text and reason: the reason of a part stands in the row of its first line."""
    parts = [(part.text, part.reason) for part in _sorted(approval)] or [(approval.command, "")]
    rows: list[tuple[str, str]] = []
    for text, reason in parts:
        lines = [line for line in numbered(in_sight(text).strip("\n")).split("\n") if line]
        shown = [clean(line) if len(lines) > 1 else one_line(line) for line in lines]
        shown = [line if len(line) <= FINDING_CHARS else f"{line[: FINDING_CHARS - 1]}…" for line in shown] or [""]
        rows += [(line, one_line(in_sight(reason)) if at == 0 else "") for at, line in enumerate(shown)]
    return rows


def _facts(approval: Approval) -> list[str]:
    facts = {"": approval.evidence, "runs in: ": approval.place, "counts as denied from: ": approval.expires_at or ""}
    return [f"{name}{one_line(in_sight(value))}" for name, value in facts.items() if value]


def _keys_lines(approval: Approval, width: int) -> "list[Text]":
    """The keys on as few lines as they fit; a key stays with its label."""
    from rich.text import Text

    rows: list[Text] = []
    for key, label in keys(approval).items():
        label_text = Text.assemble((f"[{key}]", "bold"), f" {label}")
        if rows and rows[-1].cell_len + _GAP + label_text.cell_len <= width:
            rows[-1].append(" " * _GAP).append_text(label_text)
        else:
            rows.append(label_text)
    return rows
