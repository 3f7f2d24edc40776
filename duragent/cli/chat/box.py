"""The box in which a person is asked about a tool call: what, why and where, and the keys, which always have room."""

from typing import TYPE_CHECKING

from rich.box import DOUBLE
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from duragent.cli import looks
from duragent.cli.chat import diffs
from duragent.cli.chat.question import (
    NOTHING_YET,
    ORDINARY,
    TITLES,
    TOO_LONG,
    BoxState,
    choices,
    facts,
    heading,
    keys,
    label_of,
    numbered,
    patterns_of,
    reasons,
    sorted_parts,
    too_long,
)
from duragent.cli.view import clean, one_line
from duragent.visible import in_sight

if TYPE_CHECKING:
    from duragent.wire import Approval

FINDING_CHARS = 240
_FRAME, _GAP, _BORDERS = 4, 2, 2
_WIDE, _REASON_WIDTH = 60, 40
_PATTERN_LINES = 2
_BODY_LINES = 4
"""With less for what is asked, the facts below it get one line each."""
DRAFT = "Your draft is no answer; Esc puts it aside."


def box(approval: "Approval", width: int, rows: int, now: BoxState = NOTHING_YET) -> tuple[Panel, bool]:
    """The question as a box so wide, of about so many lines; and whether the whole diff of a change is in it."""
    inner = max(width - _FRAME, 1)
    below = _below(approval, inner, now)
    if rows - _BORDERS - sum(_height(line, inner) for line in below) < _BODY_LINES:
        below = _below(approval, inner, now, short=True)
    body = Table.grid(expand=True)
    space = rows - _BORDERS - sum(_height(line, inner) for line in below)
    change, whole = _change(approval, inner, space) if approval.preview else (None, False)
    body.add_row(change or _grid(_rows(approval), inner, space))
    for line in below:
        body.add_row(line)
    # Double lines are ours alone: `visible` takes them out of all text from elsewhere.
    style = looks.style("warning") or "none"
    title = TITLES[approval.kind]
    return Panel(body, box=DOUBLE, title=title, title_align="left", border_style=style, padding=(0, 1)), whole


def _below(approval: "Approval", width: int, now: BoxState, *, short: bool = False) -> list[Text]:
    if now.choosing >= 0:
        return _choices_lines(approval, width, now.choosing)
    told = [set_cell_size(fact, width - 1).rstrip() + "…" if short else fact for fact in facts(approval)]
    lines = [Text(fact, style=looks.style("quiet")) for fact in told]
    if approval.kind == "approval" and too_long(approval):
        lines.append(Text(TOO_LONG, style=f"bold {looks.style('warning')}"))
    lines += _keys_lines(keys(approval), width)
    return [*lines, *([Text(DRAFT, style=looks.style("warning"))] if now.draft else [])]


# --- what it is about -----------------------------------------------------------------------------------------------


def _change(approval: "Approval", width: int, space: int) -> tuple[Table, bool]:
    """A change of a file: its name, why it is asked about, and the diff, as far as they fit into `space` lines; and
    whether that is all of the diff.
    """
    grid = Table.grid(expand=True)
    head = [Text(heading(approval), style="bold")]
    head += [Text(why, style=looks.style("quiet" if why == ORDINARY else "warning")) for why in reasons(approval)]
    for line in head:
        grid.add_row(line)
        space -= _height(line, width)
    shown, whole = diffs.excerpt(approval.preview, width, max(space, 1))
    for row in shown:
        grid.add_row(Text(row.text, style=row.style, no_wrap=True, overflow="crop"))
    return grid, whole and space > 0


def _rows(approval: "Approval") -> list[tuple[str, str]]:
    """The question as rows of text and reason: the reason of a part stands in the row of its first line."""
    parts = [(part.text, part.reason) for part in sorted_parts(approval)] or [(approval.command, "")]
    rows: list[tuple[str, str]] = []
    for text, reason in parts:
        lines = [line for line in numbered(in_sight(text).strip("\n")).split("\n") if line]
        shown = [clean(line) if len(lines) > 1 else one_line(line) for line in lines]
        shown = [line if len(line) <= FINDING_CHARS else f"{line[: FINDING_CHARS - 1]}…" for line in shown] or [""]
        rows += [(line, one_line(in_sight(reason)) if at == 0 else "") for at, line in enumerate(shown)]
    return rows


def _grid(rows: list[tuple[str, str]], width: int, space: int) -> Table:
    """The rows that fit into `space` lines, and how many do not. Reasons stand beside, or where it is narrow, below."""
    grid = Table.grid(padding=(0, 3), expand=True)
    grid.add_column(ratio=1, overflow="fold")
    beside = width >= _WIDE
    reasons = min(max((cell_len(reason) for _, reason in rows), default=0), _REASON_WIDTH) if beside else 0
    if beside:
        grid.add_column(justify="left", style=looks.style("quiet"), max_width=_REASON_WIDTH)
    text_width = width - reasons - 3 if reasons else width
    for at, (text, reason) in enumerate(rows):
        notes = [Text(reason)] if beside else [Text(f"  {reason}", style=looks.style("quiet"))] if reason else []
        noted = sum(_height(note, reasons if beside else width) for note in notes if note.plain)
        left = space - (at < len(rows) - 1) - (0 if beside else noted)
        shown, height = Text(text), _height(Text(text), text_width)
        if height > left and at == 0:
            # A cell of each line may stay empty beside characters that are two cells wide.
            cut = set_cell_size(text, max(left * (text_width - 1) - 1, 1)).rstrip()
            while _height(Text(f"{cut}…"), text_width) > max(left, 1) and len(cut) > 1:
                # Words that are not broken need more room.
                cut = cut[:-1]
            shown, height = Text(f"{cut}…"), max(left, 1)
        elif height > left:
            more = f"… and {len(rows) - at} more lines: look above"
            grid.add_row(Text(more, style=looks.style("warning")), *([Text("")] if beside else []))
            break
        grid.add_row(shown, *(notes if beside else []))
        for note in [] if beside else notes:
            grid.add_row(note)
        space -= max(height, noted) if beside else height + noted
    return grid


def _height(text: Text, width: int) -> int:
    """How many lines it takes."""
    return max(len(text.wrap(Console(width=max(width, 1), color_system=None), max(width, 1))), 1)


# --- the keys -------------------------------------------------------------------------------------------------------


def _keys_lines(offered: dict[str, str], width: int) -> list[Text]:
    """The keys on as few lines as they fit; a key stays with its label."""
    rows: list[Text] = []
    for key, label in offered.items():
        label_text = Text.assemble((f"[{key}]", "bold"), f" {label}")
        if rows and rows[-1].cell_len + _GAP + label_text.cell_len <= width:
            rows[-1].append(" " * _GAP).append_text(label_text)
        else:
            rows.append(label_text)
    return rows


def _choices_lines(approval: "Approval", width: int, chosen: int) -> list[Text]:
    """What may be allowed, from narrow to wide; of the chosen one also its patterns, and whether they are cut."""
    rows: list[Text] = []
    for at, offer in enumerate(choices(approval)):
        mark = "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}" if at == chosen else " "
        rows.append(Text(f"{mark} {at + 1} {label_of(offer)}", style="bold" if at == chosen else ""))
        if at == chosen:
            patterns, room = patterns_of(offer), max((width - 4) * _PATTERN_LINES - 1, 1)
            cut = patterns if cell_len(patterns) <= room else f"{set_cell_size(patterns, room)}…"
            rows.append(Text(f"    {cut}", style=looks.style("quiet"), overflow="fold"))
    count = len(choices(approval))
    others = {f"1-{count}": "or arrows choose"} if count > 1 else {}
    return [*rows, *_keys_lines({"Enter": "allows it", **others, "e": "edit", "Esc": "back"}, width)]
