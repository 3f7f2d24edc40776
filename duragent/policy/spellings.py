"""One spelling for texts that mean the same: blanks, needless quotes, and redirections to nowhere.

The law of this file: patterns and command lines go through the same functions, so that it makes no difference how a
person and a model happen to write a thing.
"""

import functools
import re

_NOWHERE = r"""(?:/dev/(?:null|stdout|stderr|tty)|'/dev/null'|"/dev/null")"""
_END = r"(?=[\s;|&)]|$)"
_TO_NOWHERE = re.compile(
    rf"(?:(?<!\S)\d+|&)?>{{1,2}}\|?\s*{_NOWHERE}{_END}"
    rf"|(?:(?<!\S)\d+)?>&\s*(?:\d+-?|-){_END}"
    rf"|(?:(?<!\S)\d+)?<\s*/dev/null{_END}"
)
_REDIRECTION = re.compile(r"(\*?)[ \t]*(?:(?<![^\s*])\d+|&)?(>>|>\||>|<)(?![<>(&])(?<!<<)(?<!\(<)[ \t]*(?=\S)")
_HARMLESS_NAMED = re.compile(r"/dev/(?:null|stdout|stderr|tty)|[<>]&")


def without_harmless(text: str) -> str:
    """A line or pattern without `2>/dev/null`, `2>&1` and their like, which change nothing that is judged."""
    return " ".join(_TO_NOWHERE.sub(" ", text).split())


def spaced(text: str) -> str:
    """A line or pattern with its redirections in one form: `make >out`, `make 1> out` as `make > out`."""
    return _REDIRECTION.sub(lambda found: f"{found[1] or ' '}{found[2]} ", text).strip()


def lines_of(text: str) -> tuple[str, ...]:
    """A command line in the spellings that a denial of whole lines is compared with; the first one has all of it."""
    line = " ".join(text.split())
    return tuple(dict.fromkeys((spaced(line), spaced(without_harmless(line)))))


def names_harmless(rest: str) -> bool:
    """Whether a pattern itself contains something that `without_harmless` removes."""
    return _HARMLESS_NAMED.search(rest) is not None


@functools.lru_cache(4096)
def allowing(rest: str) -> tuple[str, ...]:
    """The spellings of a pattern that allows: as it stands, as we write it, and without what ` *` may leave out."""
    spellings = [*_plain(rest)]
    if not re.search(r"[\\'\"]", rest):
        spellings += [without_harmless(each) for each in spellings]
    return _with_nothing_behind(spellings)


@functools.lru_cache(4096)
def denying(rest: str, kind: str) -> tuple[str, ...]:
    """The spellings of a pattern that denies. Of commands it also denies what is longer, where it has no `*`.

    v0.5 looked for such a text anywhere in a command: `sudo` denied `sudo ls`, and `.ssh` denied `cat ~/.ssh/id`.
    """
    spellings = [*_plain(rest)]
    if kind in ("*", "bash") and rest and not re.search(r"(?<!\\)\*", rest):
        spellings += [longer for each in tuple(spellings) for longer in _longer(each)]
    return _with_nothing_behind(spellings)


def _longer(rest: str) -> tuple[str, ...]:
    if not re.match(r"\w", rest):
        return (f"*{rest}*",)
    return (f"{rest} *",) if re.search(r"\w$", rest) else (f"{rest}*",)


def _plain(rest: str) -> tuple[str, ...]:
    unquoted = re.sub(r"""(["'])([^"'$`\\*]*)\1""", lambda quoted: _quoted(quoted[2]), rest)
    spellings = [rest, unquoted]
    if not re.search(r"[\\'\"]", unquoted):
        spellings += [spaced(" ".join(unquoted.split()))]
    return tuple(dict.fromkeys(spellings))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text) else f"'{text}'"


def _with_nothing_behind(spellings: list[str]) -> tuple[str, ...]:
    spellings = [each for each in spellings if each]
    return tuple(dict.fromkeys((*spellings, *(each[:-2] for each in spellings if each.endswith(" *")))))
