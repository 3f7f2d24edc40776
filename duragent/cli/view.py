"""How things look: tables and colours on a terminal, tabs and ISO times in a pipe, JSON when it is asked for."""

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import typer

from duragent.cli import looks

if TYPE_CHECKING:
    from duragent.journal.events import Attachment
    from duragent.wire import AttachmentInfo, SessionInfo

_NOT_FOR_UTF8 = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLACE_DIGITS = 9
SHORT_ID = 6
"""Characters at the end of a ULID; the same ones are hardly a part of another session's id."""
_STATUS_WORDS = {"active": "idle", "running": "working", "paused": "waits for you", "completed": "closed"}
_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"), (30 * 86_400, 86_400, "day"))


def many(count: int, what: str) -> str:
    """Such as: 1 session, 2 sessions, 1,000 sessions."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def some(names: Sequence[str]) -> str:
    """The first three of them, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def counted(names: Sequence[object], what: str, most: int) -> str:
    """Such as: 2 notes (m_1, m_2). At most so many are named."""
    named = ", ".join(map(str, names[:most])) + (", …" if len(names) > most else "")
    return f"{many(len(names), what)} ({named})"


def waiting_notes(count: int) -> str:
    """Such as: 2 notes wait for you."""
    return "1 note waits for you" if count == 1 else f"{count:,} notes wait for you"


_quiet = False


def set_quiet(quiet: bool) -> None:
    """Whether `note` prints nothing, for the rest of this command."""
    global _quiet
    _quiet = quiet


def note(sentence: str) -> None:
    """For people, on stderr: what is neither a result nor an error."""
    if not _quiet:
        typer.echo(wrapped(sentence, sys.stderr), err=True)


def wrapped(sentence: str, stream: TextIO | None = None) -> str:
    """Broken between words where it is shown on a terminal, which would break it anywhere."""
    if not on_terminal(stream):
        return sentence
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    fill = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False, replace_whitespace=False).fill
    return "\n".join(map(fill, sentence.split("\n")))


def say_unread(count: int) -> None:
    """A hint, when the server has not read all sessions since its start."""
    if count:
        sessions = many(count, "older session")
        note(f"The server is still reading {sessions}; run this again to see all there is to see.")


def on_terminal(stream: TextIO | None = None) -> bool:
    return (stream or sys.stdout).isatty()


def at_terminal() -> bool:
    """Whether a person can be asked: stdin and stdout are both a terminal."""
    return sys.stdin.isatty() and on_terminal()


def in_colour(stream: TextIO | None = None) -> bool:
    """https://no-color.org: any value that is not empty means no colours."""
    wanted = looks.theme() != "none" and not os.environ.get("NO_COLOR")
    return wanted and on_terminal(stream) and os.environ.get("TERM") != "dumb"


def paint(text: str, role: looks.Role) -> str:
    words = looks.style(role).split() if in_colour() else []
    if not words:
        return text
    colour = next((word for word in words if word in looks.COLOURS), None)
    return typer.style(text, fg=colour, **{word: True for word in words if word != colour})


def clean(text: str) -> str:
    """Text from elsewhere, fit for a terminal: nothing in it is invisible, drives it, or looks like our own boxes."""
    from duragent.visible import visible

    return visible(text.replace("\r\n", "\n"))


def dimmed(text: str) -> str:
    """Cleaned text with the codes of characters that cannot be seen in a weak colour, where there are colours."""
    from duragent.visible import CODE

    return CODE.sub(lambda match: f"\x1b[2m{match[0]}\x1b[22m", text) if in_colour() else text


def one_line(text: str | None, limit: int = 0) -> str:
    shown = " ".join(clean(text or "").split())
    return shown[: limit - 1] + "…" if limit and len(shown) > limit else shown


def place_of(typed: str, count: int) -> int | None:
    """The place in a list of so many, from 0, that a typed number means; None for what is no number of a line."""
    # Not `isdigit` alone: it takes signs that are no number to `int`, which refuses thousands of digits besides.
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= _PLACE_DIGITS else 0
    return number - 1 if 1 <= number <= count else None


def short_id(session_id: str) -> str:
    """`7f3kab`, the end of the id: enough of it to find the session again."""
    return one_line(session_id)[-SHORT_ID:]


def session_cell(session_id: str) -> str:
    """A session's id for a table or a line: short on a terminal, whole in a pipe."""
    return short_id(session_id) if on_terminal() else one_line(session_id)


def record_cell(ref: str) -> str:
    """As `session_cell`, for a record, `SESSION#SEQ`; the id of a note is as it is."""
    session_id, mark, seq = ref.partition("#")
    return f"{session_cell(session_id)}#{one_line(seq)}" if mark else one_line(ref)


def short_ids(session_ids: Sequence[str]) -> list[str]:
    """The end of each id, longer than `short_id` where it is a part of another of them."""
    every = "\n".join(session_ids).casefold()

    def short(session_id: str) -> str:
        ends = (session_id[-length:] for length in range(SHORT_ID, len(session_id)))
        return next((end for end in ends if every.count(end.casefold()) == 1), session_id)

    return [one_line(short(session_id)) for session_id in session_ids]


def status_word(session: "SessionInfo") -> str:
    """What lists say of it: idle, working, waits for you, closed; damaged; `…` for one that is not read yet."""
    if session.unread:
        return "…"
    return "damaged" if session.damage else _STATUS_WORDS[session.status]


def title_of(session: "SessionInfo") -> str:
    """What it is called: its title, else the beginning of its first message; "" before there is one."""
    return one_line(session.title or session.topic)


def person() -> str:
    """Who sits at this terminal, for the log."""
    import getpass

    try:
        return clean(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "cli"


def json_text(value: Any) -> str:
    """JSON in one line of valid UTF-8, whatever the strings hold; what cannot be seen in them is escaped."""
    from duragent.visible import INVISIBLE

    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii():
        return text.replace("\x7f", "\\u007f")
    text = INVISIBLE.sub(lambda match: json.dumps(match[0])[1:-1], text)
    return _NOT_FOR_UTF8.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(value: Any) -> None:
    typer.echo(json_text(value))


def parse_time(ts: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(ts)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def ago(ts: str, now: datetime | None = None) -> str:
    """`3 minutes ago`; a date after a month; the text itself when it is no time."""
    moment = parse_time(ts)
    if moment is None:
        return one_line(ts)
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 1:
        return "just now"
    for limit, size, name in _STEPS:
        if seconds < limit:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return moment.astimezone().strftime("%Y-%m-%d")


def when(ts: str) -> str:
    """For a table's cell."""
    return ago(ts) if on_terminal() else one_line(ts)


def file_words(file: "Attachment | AttachmentInfo") -> str:
    """`photo.png (image/png, 120 kB)`."""
    from duragent.file_types import size_in_words

    return f"{one_line(file.name)} ({one_line(file.media_type)}, {size_in_words(file.size_bytes)})"


def dollars(usd: float) -> str:
    """Cents where there are any, else four digits, rounded up: `$0.02`, `$0.0004`."""
    digits = 2 if usd >= 0.01 else 4
    return f"${math.ceil(usd * 10**digits - 1e-6) / 10**digits:.{digits}f}"


def lost_attempts(session: "SessionInfo") -> str:
    """What attempts without an answer may have used at most; empty when there were none."""
    count = session.unknown_attempts
    if not count:
        return ""
    cost = f", {dollars(session.possible_cost_usd)}" if session.possible_cost_usd else ""
    used = f"may have used up to {session.possible_tokens:,} tokens{cost} more" if session.possible_tokens else ""
    return f"{count} attempt{'s' if count != 1 else ''} without an answer" + (f" {used}" if used else "")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """A table on a terminal; in a pipe a header line and tab-separated cells. Cells may be any text."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not on_terminal():
        for line in ([column.lower().replace(" ", "_") for column in columns], *cells):
            typer.echo("\t".join(line))
        return
    if not cells:
        typer.echo(empty)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    Console(no_color=not in_colour(), highlight=False).print(table)
