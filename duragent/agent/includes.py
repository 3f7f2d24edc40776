"""`{{include:file}}` in what people write for an agent: the file's text stands in its place.

The law of this file: only what lies in the agent's folder or in the workspace's `shared/` is read, wherever links lead,
and never `memory/`, where agents write. What cannot be included is an InvalidFile with the chain of names.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from duragent.agent.folder_files import followed, read_text_inside
from duragent.errors import InvalidFile

SHARED = "shared"
MOST_DEPTH = 8
MAX_INCLUDED_BYTES = 256 * 1024
NOT_INCLUDED = "memory"
"""The folder in an agent's own in which the agent writes."""

_INCLUDE = re.compile(r"\{\{\s*include:([^{}\n]*)\}\}")


class Includes:
    """What one agent's texts include, counted over all of them."""

    def __init__(self, agent_folder: Path, workspace: Path) -> None:
        self._agent, self._shared = agent_folder, workspace / SHARED
        self._sizes = 0
        self._read: dict[Path, str] = {}

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were included, as they really lie, sorted."""
        return tuple(sorted(self._read))

    def expanded(self, path: Path, text: str, limit_bytes: int | None = None) -> str:
        """The text of the file `path` with all that it includes.

        Raises InvalidFile, also at the line where the result becomes longer than `limit_bytes`.
        """
        if "{{" not in text and limit_bytes is None:
            return text
        lines: list[str] = []
        size = 0
        for number, line in enumerate(text.splitlines(keepends=True), start=1):
            lines.append(self._line(line, ((path, number),)))
            size += len(lines[-1].encode())
            if limit_bytes is not None and size > limit_bytes:
                raise InvalidFile(str(path), f"is longer than {limit_bytes // 1024} KiB from here on", line=number)
        return "".join(lines)

    def _line(self, line: str, chain: Sequence[tuple[Path, int]]) -> str:
        """One line; `chain` are the files with the lines that led here, the innermost last."""
        return _INCLUDE.sub(lambda found: self._included(found[1].strip(), chain), line)

    def _included(self, name: str, chain: Sequence[tuple[Path, int]]) -> str:
        if not name:
            _fail(chain, name, "names no file")
        if len(chain) > MOST_DEPTH:
            _fail(chain, name, f"is nested more than {MOST_DEPTH} levels deep")
        path = self._path(name, chain[-1][0])
        text = self._text(path, name, chain)
        self._sizes += len(text.encode())
        if self._sizes > MAX_INCLUDED_BYTES:
            _fail(chain, name, f"makes what this agent includes more than {MAX_INCLUDED_BYTES // 1024} KiB")
        # The line break at the end of a file belongs to the file, and not to the place where it is included.
        text = text.removesuffix("\n").removesuffix("\r")
        lines = enumerate(text.splitlines(keepends=True), start=1)
        return "".join(self._line(line, (*chain, (path, number))) for number, line in lines)

    def _path(self, name: str, including: Path) -> Path:
        below = including.parent
        if name.startswith(f"{SHARED}/"):
            return self._shared / name.removeprefix(f"{SHARED}/")
        return below / name

    def _text(self, path: Path, name: str, chain: Sequence[tuple[Path, int]]) -> str:
        try:
            real = followed(path)
            if any(followed(each) == real for each, _ in chain):
                _fail(chain, name, "is included within itself")
            if real in self._read:
                return self._read[real]
            self._read[real] = read_text_inside(self._folder_of(real), path, MAX_INCLUDED_BYTES)
            return self._read[real]
        except InvalidFile as error:
            if isinstance(error, _CannotInclude):
                raise
            _fail(chain, name, error.problem)

    def _folder_of(self, real: Path) -> Path:
        """Within which of the two folders the file lies. Raises InvalidFile."""
        own, shared = followed(self._agent), followed(self._shared)
        if real.is_relative_to(own / NOT_INCLUDED):
            raise InvalidFile(str(real), "lies in `memory`, where the agent writes")
        for folder in (own, shared):
            if real.is_relative_to(folder):
                return folder
        raise InvalidFile(str(real), f"leads out of {self._agent} and {self._shared}")


class _CannotInclude(InvalidFile):
    """With the whole chain in its words."""


def _fail(chain: Sequence[tuple[Path, int]], name: str, problem: str) -> NoReturn:
    """Raises InvalidFile at the line that names the file, with the names that led there."""
    path, line = chain[-1]
    problem = f"{{{{include:{name}}}}} {problem}"
    if len(chain) > 1:
        names = [os.path.basename(each) for each, _ in chain]
        problem += f": {' → '.join([*names, name])}"
    raise _CannotInclude(str(path), problem, line=line)
