"""Blocks of a conversation as text for a terminal, and the last lines of an answer that is being written."""

import io
import os
import sys
from typing import TYPE_CHECKING, Any

from duragent.cli import looks
from duragent.cli.chat.conversation import MESSAGE_CHARS, MESSAGE_LINES, AnswerBlock, Block, MessageBlock, Note
from duragent.cli.chat.diffs import role_of, style_of
from duragent.cli.chat.question import NOTHING_YET, BoxState, numbered, plain_question, whole
from duragent.cli.chat.tool_blocks import Called, Returned
from duragent.cli.view import clean, dimmed, in_colour, many, one_line, paint

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.markdown import Markdown
    from rich.text import Text

    from duragent.wire import Approval

_MIN_WIDTH = 20
_HEIGHT = 25
"""Makes no difference to what is drawn, but for a dumb terminal rich takes the width only together with it."""
_RULE_SPACE = 3


def render(block: Block, width: int, *, colour: bool | None = None) -> str:
    """The block as lines with ANSI colours, with a newline at its end."""
    return _drawn(_parts(block, max(width, _MIN_WIDTH)), width, in_colour() if colour is None else colour)


def render_question(
    asked: "Approval", width: int, rows: int = 100, *, now: BoxState = NOTHING_YET, colour: bool | None = None
) -> str:
    """The box in which a person is asked, as lines with ANSI colours; plain lines where TERM is `dumb`."""
    if os.environ.get("TERM") == "dumb":
        return plain_question(asked) + "\n"
    return question_box(asked, width, rows, now, colour=colour)[0]


def question_box(
    asked: "Approval", width: int, rows: int, now: BoxState, *, colour: bool | None = None
) -> tuple[str, bool]:
    """The box, and whether the whole diff of a change is in it."""
    from duragent.cli.chat.box import box

    drawn, whole_diff = box(asked, max(width, _MIN_WIDTH), rows, now)
    return _drawn([drawn], width, in_colour() if colour is None else colour), whole_diff


def whole_question(asked: "Approval") -> list[str]:
    """All that it is about, a line each, for a pager; a diff with its colours."""
    lines = whole(asked)
    return [lines[0], *(paint(row, role_of(row)) for row in lines[1:])] if asked.preview else lines


def _drawn(parts: "list[RenderableType]", width: int, colour: bool) -> str:
    from rich.console import Console
    from rich.theme import Theme

    out = io.StringIO()
    colour = colour and looks.theme() != "none"
    console = Console(
        file=out,
        width=max(width, _MIN_WIDTH),
        height=_HEIGHT,
        force_terminal=True,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        theme=Theme(looks.markdown_styles()),
        _environ={**os.environ, "TERM": os.environ.get("TERM", "xterm")},
    )
    for part in parts:
        console.print(part)
    return dimmed(out.getvalue()) if colour else out.getvalue()


def _parts(block: Block, width: int) -> "list[RenderableType]":
    from rich.text import Text

    match block:
        case MessageBlock(text, who, all_of_it):
            line = Text()
            line.append(f"{clean(who)}> " if who else "> ", style=looks.style("theirs" if who else "mine"))
            beginning, rest = (text, "") if all_of_it else _beginning(text)
            line.append(clean(beginning))
            return [line, *([Text(rest, style=looks.style("quiet"))] if rest else [])]
        case AnswerBlock(text, stopped):
            parts: list[RenderableType] = [_markdown(text)]
            return [*parts, *([Text("(not finished)", style=looks.style("quiet"))] if stopped else []), Text("")]
        case Note(text, mood):
            return _hanging(Text(clean(text), style=looks.style(mood)), width)
        case Called():
            return _hanging(_called(block, width), width, 2)
        case Returned():
            return [line for part in _returned(block) for line in _hanging(part, width)]


def _hanging(text: "Text", width: int, further: int = 0) -> "list[RenderableType]":
    """Its lines as there is room for them: what a line goes on with stands below where it began, or so much further in.

    What is foreign must not come to stand where our own lines begin.
    """
    from rich.console import Console
    from rich.text import Text

    console, lines = Console(width=width, color_system=None), list["RenderableType"]()
    for line in text.split("\n", allow_blank=True):
        indent = min(len(line.plain) - len(line.plain.lstrip(" ")), width // 2)
        below = Text(" " * (indent or further), style=text.style)
        if line.cell_len <= width or not below.plain:
            lines.append(line)
            continue
        pieces = line[indent:].wrap(console, width - max(indent, len(below.plain)))
        lines += [
            (Text(line.plain[:indent], style=text.style) if at == 0 else below) + piece
            for at, piece in enumerate(pieces)
        ]
    return lines


def _beginning(text: str) -> tuple[str, str]:
    """What is shown of a message, and a line about the rest: a person has seen what they pasted."""
    lines = text.split("\n", MESSAGE_LINES)
    beginning = "\n".join(lines[:MESSAGE_LINES])[:MESSAGE_CHARS]
    rest = text[len(beginning) :].strip("\n")
    if not rest:
        return text, ""
    count = rest.count("\n") + 1
    what = many(count, "more line") if count > 1 else f"{len(rest):,} more characters"
    return beginning, f"  … {what}: Ctrl-O shows all"


def _markdown(text: str) -> "Markdown":
    """An answer as Markdown. An entity such as `&#x202e;` is a character only when it has been read, so what was read
    is cleaned again.
    """
    from rich.markdown import Markdown

    # Without hyperlinks: they would hide where a link of the model's making leads.
    theme: Any = looks.code_theme()  # rich takes a theme as well as the name of one
    markdown = Markdown(clean(text), hyperlinks=False, code_theme=theme)
    waiting = list(markdown.parsed)
    while waiting:
        token = waiting.pop()
        token.content, token.info = clean(token.content), clean(token.info)
        token.attrs = {name: clean(value) if isinstance(value, str) else value for name, value in token.attrs.items()}
        waiting += token.children or ()
    return markdown


def _called(block: Called, width: int) -> "Text":
    from rich.text import Text

    tool, text, rule = clean(block.tool), clean(block.text), _rule(block)
    line = Text("● ", style=looks.style("call"))
    line.append(tool, style="bold")
    if block.asked:
        # In full, because a person has to decide about it.
        line.append("  " + numbered(text, "  "))
        return line
    text = one_line(text, max(width * 2, 80))
    line.append(f"  {text}" if text else "")
    if rule:
        space = width - line.cell_len - len(rule)
        line.append(" " * space if space >= _RULE_SPACE else "\n  ")
        line.append(rule, style=looks.style("quiet"))
    return line


def _rule(block: Called) -> str:
    rule = one_line(block.rule)
    return rule if not rule or rule.startswith("approved") else f"allowed by {rule}"


def _returned(block: Returned) -> "list[Text]":
    from rich.text import Text

    style = looks.style("quiet" if block.good else "removed")
    lines = [Text(f"  {clean(line)}", style=looks.style("quiet")) for line in block.text.split("\n") if block.text]
    lines += [Text(f"  {clean(line)}", style=style_of(line)) for line in block.diff.split("\n") if block.diff]
    more = "Ctrl-O shows all" if block.whole is not None else ""
    facts = " · ".join(part for part in (clean(block.of), clean(block.facts), more) if part)
    return [*lines, *([Text(f"  {facts}", style=style)] if facts else [])]


def plain(block: Block) -> str:
    """The block for a pipe."""
    match block:
        case MessageBlock(text, who):
            return f"{clean(who)}> {clean(text)}"
        case AnswerBlock(text, stopped):
            return clean(text) + ("\n(not finished)" if stopped else "")
        case Note(text):
            return clean(text)
        case Called(tool, text):
            rule = _rule(block)
            return f"● {clean(tool)}  {clean(text)}" + (f"  ({rule})" if rule else "")
        case Returned(facts, text, diff):
            shown = "\n".join(part for part in (text, diff, facts) if part)
            return "\n".join(f"  {clean(line)}" for line in shown.split("\n"))


def tail_lines(text: str, width: int, count: int) -> list[str]:
    """The last `count` lines that the text takes on a terminal `width` cells wide; wide characters take two."""
    from prompt_toolkit.utils import get_cwidth

    # Only the end can be seen, and a cell is at least half a character: the rest need not be measured.
    shown = clean(text[-width * count * 4 :]).expandtabs(4)
    lines: list[str] = []
    for source in shown.split("\n"):
        start = used = 0
        for at, char in enumerate(source):
            used += get_cwidth(char)
            if used > width:
                space = source.rfind(" ", start, at + 1)
                lines.append(source[start : at if space < 0 else space])
                start = at if space < 0 else space + 1
                used = sum(get_cwidth(each) for each in source[start : at + 1])
        lines.append(source[start:])
    return lines[-count:]


def write_block(block: Block, width: int) -> None:
    sys.stdout.write(render(block, width) if sys.stdout.isatty() else plain(block) + "\n")
    sys.stdout.flush()
