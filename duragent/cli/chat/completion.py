"""What the input line offers while it is typed: commands behind `/`, files behind `@`."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from duragent.cli.view import one_line

OFFERED = 50
FILES_MAX = 20_000
"""Files that are looked at; in a folder with more the others are found by their path."""
KEPT_SECONDS = 5.0
"""How long the list of files is used again."""
SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "target", "dist", "build"})
"""Folders whose files are seldom meant; a path that is typed leads into them."""

_MENTION = re.compile(r"""(?<![^\s(\["'])@(?P<quote>"?)(?P<path>[^"\n]*)\Z""")


@dataclass(frozen=True)
class MenuItem:
    """A line of the menu behind `/`."""

    name: str
    """With its slash."""
    summary: str
    """What it does."""
    arguments: str = ""
    """What may be typed behind it."""


class LineCompleter(Completer):
    """Completions for the text before the cursor."""

    def __init__(self, items: Callable[[], Sequence[MenuItem]], here: Path) -> None:
        self._items = items
        self._here = here
        self._files: tuple[str, ...] = ()
        self._listed_at = float("-inf")

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if is_command(text):
            yield from self._commands(text)
        elif mention := mention_in(text):
            yield from self._paths(mention)

    def _commands(self, typed: str) -> Iterator[Completion]:
        items = self._items()
        begin = [item for item in items if item.name.startswith(typed)]
        # One letter is in most of them.
        part = typed[1:].lower() if len(typed) > 2 else ""
        inside = [item for item in items if item not in begin and part and part in item.name.lower()]
        for item in (*begin, *inside):
            shown = one_line(f"{item.name} {item.arguments}".strip())
            yield Completion(
                item.name + (" " if item.arguments else ""),
                start_position=-len(typed),
                display=shown,
                display_meta=one_line(item.summary),
            )

    def _paths(self, mention: "Mention") -> Iterator[Completion]:
        path = mention.path
        names = below(path, self._here) if path.startswith(("/", "~", "../", "./")) else fitting(self._listed(), path)
        for name in names[:OFFERED]:
            quoted = mention.quoted or " " in name
            # Behind a folder the person goes on.
            end = "" if name.endswith("/") else '" ' if quoted else " "
            yield Completion(
                ('"' if quoted else "") + name + end,
                start_position=-len(path) - mention.quoted,
                display=one_line(name),
            )

    def _listed(self) -> tuple[str, ...]:
        if time.monotonic() - self._listed_at > KEPT_SECONDS:
            self._files, self._listed_at = tuple(files_below(self._here)), time.monotonic()
        return self._files


def is_command(text: str) -> bool:
    """Whether the text before the cursor may become the name of a command."""
    return text.startswith("/") and not any(char.isspace() for char in text) and "/" not in text[1:]


def is_offered(text: str) -> bool:
    """Whether there is something to offer for the text before the cursor, without being asked for it."""
    return is_command(text) or mention_in(text) is not None


@dataclass(frozen=True)
class Mention:
    """A path that is being typed behind `@`."""

    path: str
    """As far as it is typed."""
    quoted: bool
    """Whether it stands behind a quotation mark, for a name with spaces."""


def mention_in(text: str) -> Mention | None:
    """The mention with which the text ends, if any."""
    found = _MENTION.search(text.rpartition("\n")[2])
    if found is None or (not found["quote"] and any(char.isspace() for char in found["path"])):
        return None
    return Mention(found["path"], bool(found["quote"]))


def below(path: str, here: Path) -> list[str]:
    """What is in the folder that the path leads to, beginning with its last part; folders with a slash behind."""
    folder, _, begin = path.rpartition("/")
    folder = f"{folder}/" if folder or path.startswith("/") else ""
    try:
        entries = sorted(os.scandir(here / os.path.expanduser(folder or ".")), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []
    return [
        f"{folder}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if entry.name.startswith(begin) and entry.name.isprintable() and (begin or not entry.name.startswith("."))
    ]


def fitting(files: Sequence[str], typed: str) -> list[str]:
    """The files that fit what was typed, the best first: a name that begins so, a path that has it, its letters."""
    wanted = typed.lower()
    ranked = [(_rank(name.lower(), wanted), len(name), name) for name in files]
    return [name for rank, _, name in sorted(each for each in ranked if each[0] < _NONE)]


_NONE = 9


def _rank(name: str, wanted: str) -> int:
    last = name.rpartition("/")[2]
    if not wanted or name.startswith(wanted) or last.startswith(wanted):
        return 0
    if wanted in last:
        return 1
    if wanted in name:
        return 2
    letters = iter(name)
    return 3 if all(char in letters for char in wanted) else _NONE


def files_below(folder: Path) -> Iterator[str]:
    """The files below the folder, relative to it, the nearest first; at most `FILES_MAX`, none of them hidden."""
    waiting, found = [""], 0
    for prefix in waiting:
        try:
            entries = sorted(os.scandir(folder / prefix), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.isprintable():
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED:
                    waiting.append(f"{prefix}{entry.name}/")
            elif found < FILES_MAX:
                found += 1
                yield prefix + entry.name
        if found >= FILES_MAX:
            return
