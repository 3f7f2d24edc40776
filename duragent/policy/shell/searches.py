"""Which words of a command are files, and which commands read all that is below a folder.

The law of this file: a word that may be a file counts as one. Only what is surely a pattern is left out.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duragent.policy.shell import rg_globs
from duragent.policy.shell.inside import Words
from duragent.policy.shell.words import Word, literal

_GREPS = frozenset({"grep", "egrep", "fgrep", "rg"})
_PATTERN_ELSEWHERE = re.compile(r"-[^-]*[ef]|--(?:re|fi|ty)")
"""An option that says the pattern, so that no operand is one."""
_RECURSIVE = {
    **dict.fromkeys(_GREPS - {"rg"}, re.compile(r"-[^-]*[rRd]|--(?:r|de|di)")),
    "diff": re.compile(r"-[^-]*r|--r"),
    "git": re.compile(r"--no-i|--u"),
    "cp": re.compile(r"-[^-]*[rRa]|--[ar]"),
}
_FOLLOWING = {
    **dict.fromkeys(_GREPS - {"rg"}, re.compile(r"-[^-]*R|--de")),
    "rg": re.compile(r"-[^-]*L|--fol"),
    "diff": re.compile(r"-[^-]*r|--r"),
    "git": re.compile(r"--no-i"),
}
_NEVER = re.compile(r"(?!)")
_HIDDEN_TOO = re.compile(r"-[^-]*[u.]|--(?:hid|un|no-ig|ig)")
_NAMES_IN_A_FILE = {
    **dict.fromkeys(("sort", "wc", "du"), re.compile(r"--f")),
    "find": re.compile(r"-files0-from"),
    "file": re.compile(r"-[^-]*f|--f"),
    "strings": re.compile(r"@"),
    "jq": re.compile(r"-[^-]*[fL]|--f|.*\b(?:import|include|modulemeta)\b", re.DOTALL),
}
"""Words by which a program takes names of files from another file, or jq loads what its program names."""
_LONG_FLAGS = """recursive dereference-recursive ignore-case no-ignore-case line-number files-with-matches text
    files-without-match no-messages extended-regexp fixed-strings perl-regexp basic-regexp word-regexp line-regexp
    count only-matching quiet silent invert-match with-filename no-filename null null-data byte-offset initial-tab
    line-buffered color colour hidden files no-heading heading no-ignore no-line-number""".split()
_COMPLETE = r"|--[a-z-]+=.*|--(?:" + "|".join(_LONG_FLAGS) + ")"
_NO_VALUE_BEHIND = {
    **dict.fromkeys(
        _GREPS - {"rg"}, re.compile(rf"-[\dabcEFGhHiIlLnoPqrRsTuUvwxyzZ]+(?:[ABCm]\d+)?{_COMPLETE}", re.DOTALL)
    ),
    "rg": re.compile(rf"-[\d.abcFHiIlLnNopPqsSuUvwxz]+(?:[ABCm]\d+)?{_COMPLETE}", re.DOTALL),
}
"""Options that never take the next word as their value."""


@dataclass(frozen=True)
class Search:
    """A command that reads everything below some folders."""

    folders: Words
    """The words that name the folders."""
    follows: str = ""
    """The option by which it follows links; "" when it follows none."""
    excluded: frozenset[str] = frozenset()
    """Names of folders that it leaves out."""
    hidden: bool = True
    """Whether it enters every folder whose name begins with a dot."""
    globs: tuple[str, ...] = ()
    """Patterns of folders that it enters although their names begin with a dot."""

    def leaves_out(self, path: str, globs: Sequence[str]) -> bool:
        """Whether a file is not read, by its path from the folder that is searched.

        `globs` name folders that are entered although their names begin with a dot.
        """
        parts = path.split("/")
        if self.excluded & set(parts):
            return True
        return not self.hidden and any(
            part.startswith(".") and not any(rg_globs.may_name(glob, part) for glob in globs) for part in parts
        )


def operands(program: str, words: Words) -> Words:
    """The words that may name files: without the program, and without grep's pattern where it is plain."""
    if program in ("<", ">"):
        return words
    rest = words[1:]
    at = _pattern(program, rest)
    return rest if at is None else (*rest[:at], *rest[at + 1 :])


def _pattern(program: str, rest: Words) -> int | None:
    """The position of a grep's pattern; None when there is none, or when it is not certain."""
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
    here = () if named and not _may_search_here(program, words) else (literal("."),)
    return Search(
        (*named, *here),
        next(filter(following.match, options), ""),
        frozenset(_excluded(program, words)) if program in _GREPS - {"rg"} else frozenset(),
        program != "rg" or any(map(_HIDDEN_TOO.match, options)),
        rg_globs.in_words(words) if program == "rg" else (),
    )


def names_in_a_file(program: str, words: Words) -> bool:
    """Whether it takes the names of the files to read from another file, or from its standard input."""
    option = _NAMES_IN_A_FILE.get(program)
    return option is not None and any(option.match(word.text) for word in words[1:])


def compares_folders(program: str, words: Words) -> Words:
    """The operands of a `git diff`, which compares files as diff does when one of two lies outside the repository."""
    if program != "git" or not any(word.text == "diff" for word in words[1:]):
        return ()
    named = tuple(word for word in words[1:] if not word.text.startswith("-") and word.text != "diff")
    return named if len(named) > 1 else ()


def _excluded(program: str, words: Words) -> Iterator[str]:
    """The folders that a grep leaves out. An option counts only where it cannot be an operand or a value."""
    for before, word in itertools.pairwise(words):
        if before.text == "--" or before.may_be_option:
            return
        is_option = word.literal and word.text.startswith("--exclude-dir=")
        if is_option and not (before is not words[0] and _may_take_value(program, before)):
            yield word.text.partition("=")[2].rstrip("/")


def _may_search_here(program: str, words: Words) -> bool:
    """Whether it may be that no folder is named, because what looks like one is a pattern or the value of an option."""
    if program not in _GREPS:
        return program == "git"
    sure = sum(
        not word.text.startswith("-") and (before is words[0] or not _may_take_value(program, before))
        for before, word in itertools.pairwise(words)
    )
    has_pattern = any(_PATTERN_ELSEWHERE.match(word.text) for word in words[1:])
    return sure <= (0 if has_pattern else 1)


def _may_take_value(program: str, option: Word) -> bool:
    if not option.text.startswith("-") or option.text in ("-", "--"):
        return False
    return not _NO_VALUE_BEHIND[program].fullmatch(option.text)
