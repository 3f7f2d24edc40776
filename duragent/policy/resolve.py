"""From a word of a command to the files that it may name: links are followed, and globs are looked up on the disk.

The law of this file: where it cannot tell, it names too much. A pattern with a bracket is read as `*`, a folder of a
process stands for all of them, and work that has no end raises `TooMuch`.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from duragent.policy.place import PRIVATE_PROCESS_FILES, PROCESS, PROCESS_FILES, CommandPlace, is_private_name
from duragent.policy.shell.words import GLOB, NUMBER

MAX_STEPS = 4_000
MAX_LINKS = 40
_DEVICES = re.compile(r"/dev/(?:fd/\d+|stdin|stdout|stderr|null|tty|zero|full|u?random)")
_PROCESS_NAME = re.compile(r"\d+|self|thread-self")
_MARKS = re.compile(f"[{GLOB}{NUMBER}]")

Parts = tuple[str, ...]


class TooMuch(Exception):
    """There are more files than can be looked at."""


@dataclass(frozen=True)
class FileTarget:
    """A file that a word may name: its real path, whether it is private, and what is there now."""

    path: str
    private: bool = False
    sort: Literal["folder", "other", "missing"] = "missing"


@dataclass(frozen=True)
class _State:
    at: str
    rest: Parts
    links: int = 0


class Resolver:
    """Looks at the disk for one judgement. Every question is answered once."""

    def __init__(self, place: CommandPlace) -> None:
        self._closed = place.closed
        self._identities = frozenset(filter(None, map(_identity, place.closed)))
        self._steps = MAX_STEPS
        self._known: dict[tuple[str, str], tuple[FileTarget, ...]] = {}

    def targets(self, base: str, text: str) -> tuple[FileTarget, ...]:
        """What `text` names from the folder `base`; marks of `words` stand for globs. Raises TooMuch."""
        if _DEVICES.fullmatch(text):
            return ()
        found = self._known.get((base, text))
        if found is None:
            found = self._known[base, text] = tuple(dict.fromkeys(self._walk(os.path.join(base, text))))
        return found

    def _walk(self, path: str) -> Iterator[FileTarget]:
        waiting = [_State("/", _parts(path))]
        seen: set[_State] = set()
        while waiting:
            state = waiting.pop()
            self._steps -= 1
            if self._steps < 0:
                raise TooMuch
            if state in seen:
                continue
            seen.add(state)
            found = self._next(state)
            if isinstance(found, FileTarget):
                yield found
            else:
                waiting += found

    def _next(self, state: _State) -> FileTarget | list[_State]:
        """Where the next part of the path leads, or what the whole path names."""
        if self._is_private(state.at):
            return FileTarget(state.at, private=True)
        if not state.rest:
            return FileTarget(state.at, sort=_sort(state.at))
        name, rest = state.rest[0], state.rest[1:]
        if state.at == "/proc":
            return self._processes(state, name, rest)
        if state.at == PROCESS or state.at.startswith(f"{PROCESS}/"):
            return _in_process(state.at, name, rest)
        if name == "..":
            return [_State(os.path.dirname(state.at), rest, state.links)]
        names = _matching(state.at, name) if _MARKS.search(name) else [name]
        return [self._entered(state, each) for each in names]

    def _entered(self, state: _State, name: str) -> _State:
        path = os.path.join(state.at, name)
        link = _link(path)
        if link is None or state.links >= MAX_LINKS:
            return _State(path, state.rest[1:], state.links)
        start = "/" if link.startswith("/") else state.at
        return _State(start, (*_parts(link), *state.rest[1:]), state.links + 1)

    def _processes(self, state: _State, name: str, rest: Parts) -> list[_State]:
        if name == "..":
            return [_State("/", rest, state.links)]
        if not _MARKS.search(name):
            one = _State(PROCESS, rest, state.links) if _PROCESS_NAME.fullmatch(name) else self._entered(state, name)
            return [one]
        names = _matching("/proc", name)
        states = [self._entered(state, each) for each in names if not _PROCESS_NAME.fullmatch(each)]
        # Processes come and go: a pattern that fits digits fits some of them.
        plain = _MARKS.sub("", name)
        if not plain or plain.isdigit() or any(map(_PROCESS_NAME.fullmatch, names)):
            states.append(_State(PROCESS, rest, state.links))
        return states

    def _is_private(self, path: str) -> bool:
        if is_private_name(path) or any(path == each or path.startswith(f"{each}/") for each in self._closed):
            return True
        return bool(self._identities) and _identity(path) in self._identities


def _parts(path: str) -> Parts:
    return tuple(part for part in path.split("/") if part not in ("", "."))


def _in_process(at: str, name: str, rest: Parts) -> FileTarget | list[_State]:
    """Below the folder of a process, which is the same for all of them."""
    if at == f"{PROCESS}/task" and name != "..":
        return [_State(PROCESS, rest)]
    if at != PROCESS:
        # `..` may lead back to where the private files are.
        return FileTarget(PROCESS, private=True) if ".." in (name, *rest) else [_State(f"{at}/{name}", rest)]
    if _MARKS.search(name):
        fits = _regex(name)
        if any(map(fits.fullmatch, PRIVATE_PROCESS_FILES)):
            return FileTarget(f"{PROCESS}/*", private=True)
        return [_State(f"{PROCESS}/{each}", rest) for each in PROCESS_FILES if fits.fullmatch(each)]
    if name == "task" and rest:
        return [_State(f"{PROCESS}/task", rest)]
    if name in PROCESS_FILES:
        return [_State(f"{PROCESS}/{name}", rest)]
    return FileTarget(f"{PROCESS}/{name}", private=True)


def _matching(folder: str, pattern: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    fits, hidden = _regex(pattern), pattern.startswith(".")
    return [name for name in names if (hidden or not name.startswith(".")) and fits.fullmatch(name)]


def _regex(pattern: str) -> re.Pattern[str]:
    marks = {GLOB: ".*", NUMBER: "[0-9]*"}
    return re.compile("".join(marks.get(char) or re.escape(char) for char in pattern), re.DOTALL)


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except (OSError, ValueError):
        return None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino)


def _sort(path: str) -> Literal["folder", "other", "missing"]:
    try:
        # The name of the folder that stands for all processes is a link.
        return "folder" if path == PROCESS or stat.S_ISDIR(os.lstat(path).st_mode) else "other"
    except (OSError, ValueError):
        return "missing"
