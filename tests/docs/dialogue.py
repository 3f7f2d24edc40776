"""A dialogue of the documentation, played on a real terminal.

$ duragent chat                      starts the program
> hello                              is typed into it (`^C` and `^D` are the keys)
[y]                                  is a key that is pressed, without Enter
# in another terminal: kill -9 …     is run by a shell, the same one for all such lines
anything else                        must appear, in this order; `…` stands for anything
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Self

from tests.support.bounds import LIMIT_SECONDS
from tests.support.terminal import Terminal

_KEYS = {"^C": "\x03", "^D": "\x04"}
_KEY = re.compile(r"\[(\w)\]")
_FIGURES = r"(?:\W|\d|\b(?:writing|s|tokens|in|out|Ctrl-C stops)\b)+?"
_ELSEWHERE = "# in another terminal: "


def play(text: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Raises AssertionError when the program does not say what the page says."""
    first, *lines = text.rstrip().splitlines()
    assert first.startswith("$ duragent "), f"a dialogue begins with a command, not with {first!r}"
    command = [sys.executable, "-m", "duragent", *first.split()[2:]]
    with Terminal(command, folder, environ) as terminal, _Elsewhere(folder, environ) as elsewhere:
        for line in lines:
            if line.startswith("> "):
                typed = line[2:]
                terminal.type(_KEYS.get(typed, f"{typed}\r"))
            elif key := _KEY.fullmatch(line):
                terminal.type(key[1])
            elif line.startswith(_ELSEWHERE):
                elsewhere.run(line.removeprefix(_ELSEWHERE))
            else:
                terminal.expect(_pattern(line))
        assert terminal.end() == 0


class _Elsewhere:
    """Another terminal: a shell that keeps its variables."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._shell = subprocess.Popen(
            ["bash", "-e"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, env=dict(environ), text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate(timeout=LIMIT_SECONDS)

    def run(self, command: str) -> None:
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command}\necho done\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "done\n", command


def _pattern(line: str) -> str:
    # A terminal may break a line where the page does not, and draws its prompt again while words come.
    found = r".*?".join(_words(part.split()) for part in line.split("…"))
    # The blank behind a question comes when the program waits for the answer: what is typed before may get lost.
    return found + r"\s" if line.endswith(":") else found


def _words(words: list[str]) -> str:
    # While an answer grows, so do the figures of the line below it.
    between = [_FIGURES if word.isdecimal() and after.isdecimal() else r"\W+" for word, after in pairwise(words)]
    return "".join(gap + re.escape(word) for word, gap in zip(words, ["", *between], strict=bool(words)))
