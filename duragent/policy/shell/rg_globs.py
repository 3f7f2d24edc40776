"""By which patterns ripgrep enters folders whose name begins with a dot: `-g`, and lines with `!` of ignore files.

The law of this file: a pattern that is not surely about other names counts as one that fits. ripgrep's own rules are
in its guide, `GUIDE.md`, and in the documentation of the crate `ignore`.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from duragent.policy.shell.inside import Words
from duragent.system.safe_read import read_beginning

IGNORE_FILES = (".ignore", ".rgignore", ".gitignore", ".git/info/exclude")
_MAX_BYTES = 65_536
_SHORT = re.compile(r"-[^-]*g(.*)", re.DOTALL)
_LONG = re.compile(r"--i?glob(?:=(.*))?", re.DOTALL)
_ANY_NAME = "*"


def in_words(words: Words) -> tuple[str, ...]:
    """The patterns in the words of an rg command by which something is searched."""
    globs = []
    for word, behind in zip(words[1:], (*words, None)[2:], strict=True):
        if match := _SHORT.fullmatch(word.text) or _LONG.fullmatch(word.text):
            value = match[1] or (behind.text if behind is not None else "")
            globs.append(value if word.literal and (match[1] or (behind and behind.literal)) else _ANY_NAME)
    return tuple(glob for glob in globs if not glob.startswith("!"))


def named_again(folder: str) -> Iterator[str]:
    """The patterns of the ignore files in the folder and around it that take an exclusion back."""
    for each in (Path(folder), *Path(folder).parents):
        for name in IGNORE_FILES:
            lines = os.fsdecode(read_beginning(each / name, _MAX_BYTES)).splitlines()
            yield from (line[1:] for line in lines if line.startswith("!"))


def may_name(glob: str, name: str) -> bool:
    """Whether the pattern may fit a file or folder of this name."""
    last = re.split(r"[*?\[\]{}\\/]", glob.strip().rstrip("/").casefold())[-1]
    return name.casefold().endswith(last)
