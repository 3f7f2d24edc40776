"""Which words of a command are files, and which commands read all that is below a folder.

The law of this file: a word that may be a file counts as one. Only what is surely a pattern is left out.
"""

import re
from dataclasses import dataclass

from duragent.policy.inside import Words
from duragent.policy.words import Word, literal

_GREPS = frozenset({"grep", "egrep", "fgrep", "rg"})
_PATTERN_ELSEWHERE = re.compile(r"-[^-]*[ef]|--(?:re|fi|ty)")
"""An option that says the pattern, so that no operand is one."""
_RECURSIVE = {
    **dict.fromkeys(_GREPS - {"rg"}, re.compile(r"-[^-]*[rRd]|--(?:r|de|di)")),
    "diff": re.compile(r"-[^-]*r|--r"),
    "git": re.compile(r"--no-i"),
    "cp": re.compile(r"-[^-]*[rRa]|--[ar]"),
}
_FOLLOWING = {
    **dict.fromkeys(_GREPS - {"rg"}, re.compile(r"-[^-]*R|--de")),
    "rg": re.compile(r"-[^-]*L|--fol"),
    "diff": re.compile(r"-[^-]*r|--r"),
    "git": re.compile(r"--no-i"),
}
_NEVER = re.compile(r"(?!)")
_HIDDEN_TOO = re.compile(r"-[^-]*[u.]|--(?:hid|un|no-ig)")


@dataclass(frozen=True)
class Search:
    """A command that reads everything below `folders`. `follows`: the option by which it follows links, or ""."""

    folders: Words
    follows: str = ""
    excluded: frozenset[str] = frozenset()
    hidden: bool = True
    """Whether it enters folders whose name begins with a dot."""

    def leaves_out(self, path: str) -> bool:
        """Whether a file is not read, by its path from the folder that is searched."""
        parts = path.split("/")
        return bool(self.excluded & set(parts)) or (not self.hidden and any(part.startswith(".") for part in parts))


def operands(program: str, words: Words) -> Words:
    """The words that may name files: without the program, and without grep's pattern where it is plain."""
    if program in ("<", ">"):
        return words
    rest = words[1:]
    at = _pattern(program, rest)
    return rest if at is None else (*rest[:at], *rest[at + 1 :])


def _pattern(program: str, rest: Words) -> int | None:
    """Where the pattern of a grep stands; None when there is none, or it is not sure."""
    if program not in _GREPS or not all(word.literal for word in rest):
        return None
    if any(_PATTERN_ELSEWHERE.match(word.text) for word in rest):
        return None
    at = next((at for at, word in enumerate(rest) if not word.text.startswith("-")), None)
    # Behind a long option it may be the value of that.
    before = rest[at - 1].text if at else ""
    return None if before.startswith("--") and before != "--" and "=" not in before else at


def search(program: str, words: Words) -> Search | None:
    """How the command searches folders, None when it reads none."""
    options = [word.text for word in words[1:] if word.text.startswith("-")]
    recursive = _RECURSIVE.get(program)
    if program != "rg" and not (recursive and any(map(recursive.match, options))):
        return None
    following = _FOLLOWING.get(program, _NEVER)
    named = tuple(word for word in operands(program, words) if not word.text.startswith("-"))
    return Search(
        named or (_here(),),
        next(filter(following.match, options), ""),
        frozenset(text.partition("=")[2].rstrip("/") for text in options if text.startswith("--exclude-dir=")),
        program != "rg" or any(map(_HIDDEN_TOO.match, options)),
    )


def _here() -> Word:
    return literal(".")
