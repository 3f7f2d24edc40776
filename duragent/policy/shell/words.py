"""One word of a shell command, read as bash reads it: quotes removed, and what bash would still expand is marked.

The law of this file: the reader takes the whole source or raises `NotAWord`. It does not trust where the parser says
that a word ends; only for what stands inside `$(…)`, `${…}`, backticks and `<(…)` does it ask for the span.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HOLE = "\0"
"""The mark in `template` for what is not known before bash runs."""
GLOB = "\1"
"""The mark in `template` for what `*`, `?` or `[…]` may match: parts of file names, and no hidden file by itself."""
NUMBER = "\2"
"""The mark in `template` for the digits of `$?`, `$#` or `$$`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!_-]")
_PLAIN = re.compile(r"[\w@%+=:,./^-]+|\{\}")
_META = frozenset(" \t\n|&;()<>")
_ESCAPED_IN_DOUBLE = frozenset('$`"\\')


class NotAWord(ValueError):
    """The source is not exactly one word."""


@dataclass(frozen=True)
class Word:
    """One word of a command."""

    text: str
    """The word without its quotes; expansions are in it as they were written."""
    source: str
    """The word as it was written."""
    dynamic: bool = False
    """It has an expansion whose outcome the text does not tell."""
    glob: bool = False
    """It has an unquoted `*`, `?` or `[`."""
    braces: bool = False
    """It has an unquoted `{a,b}` or `{1..3}`, so bash makes several words of it."""
    open_start: bool = False
    """Its first character is the outcome of an expansion, so it may become an option."""
    marked: str = ""
    """`text` with a mark for each glob and number, when nothing else in it is open."""

    @property
    def literal(self) -> bool:
        return not (self.dynamic or self.glob or self.braces)

    @property
    def may_be_option(self) -> bool:
        """Bash may turn it into an option, or into several words of which one is an option."""
        return self.dynamic or self.braces or (self.glob and (self.open_start or self.text.startswith("-")))

    @property
    def canonical(self) -> str:
        """The word as a person would type it: no needless quotes, and all that are needed."""
        if not self.literal:
            return self.source
        if _PLAIN.fullmatch(self.text):
            return self.text
        if self.source.startswith("~"):
            return self.source
        return "'" + self.text.replace("'", "'\\''") + "'"

    @property
    def template(self) -> str:
        if self.literal:
            return self.text
        return HOLE if self.braces else self.marked or HOLE


def literal(text: str) -> Word:
    return Word(text, text)


def unknown() -> Word:
    """A word that comes from elsewhere, such as from the standard input of xargs."""
    return Word("…", "…", dynamic=True, open_start=True)


def read_word(source: str, spans: Mapping[int, int]) -> Word:
    """The word that `source` is. `spans` tells where an expansion that begins at an index ends. Raises NotAWord."""
    return _Reader(source, spans).word()


class _Reader:
    def __init__(self, source: str, spans: Mapping[int, int]) -> None:
        self.source, self.spans, self.at = source, spans, 0
        self.out: list[str] = []
        self.dynamic = self.glob = self.open_start = self.opaque = self.bracket = False
        self.marks: list[str] = []
        self.bare: list[str] = []  # what stood outside quotes, for braces

    def word(self) -> Word:
        if not self.source or self.source.startswith("#"):
            raise NotAWord(self.source)
        while self.at < len(self.source):
            self.step()
        bare = "".join(self.bare)
        braces = re.search(r"\{.*(,|\.\.).*\}", bare) is not None
        source = re.sub(r"\\\n", "", self.source) if "'" not in self.source else self.source
        start = self.open_start or (braces and bare.startswith("{"))
        return Word("".join(self.out), source, self.dynamic, self.glob, braces, start, self.marked())

    def step(self) -> None:
        char = self.source[self.at]
        if char == "\\":
            self.escape()
        elif char == "'":
            self.single()
        elif char == '"':
            self.double()
        elif char in "$`":
            self.expansion(quoted=False)
        elif char in "<>" and self.at in self.spans:
            self.expand_to(self.spans[self.at])
        elif char in _META:
            raise NotAWord(self.source)
        else:
            if char in "*?[":
                self.glob = True
                self.open_start = self.open_start or not self.out
            self.bare.append(char)
            self.take(char, mark=GLOB if char in "*?[" else None)
            self.bracket = self.bracket or char == "["

    def marked(self) -> str:
        return "" if self.opaque else "".join(self.marks)

    def take(self, text: str, length: int | None = None, mark: str | None = None) -> None:
        self.out.append(text)
        if self.bracket:
            # Where a bracket ends is hard to tell; it is never behind the next slash.
            self.bracket = "/" not in text
            self.marks.append(text[text.find("/") :] if "/" in text else "")
        elif not (mark == GLOB and self.marks[-1:] == [GLOB]):
            self.marks.append(text if mark is None else mark)
        self.at += len(text) if length is None else length

    def escape(self) -> None:
        if self.at + 1 >= len(self.source):
            raise NotAWord(self.source)
        following = self.source[self.at + 1]
        self.take("" if following == "\n" else following, 2)

    def single(self) -> None:
        end = self.source.find("'", self.at + 1)
        if end < 0:
            raise NotAWord(self.source)
        self.take(self.source[self.at + 1 : end], end + 1 - self.at)

    def double(self) -> None:
        self.take("", 1)
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == '"':
                self.take("", 1)
                return
            if char in "$`":
                self.expansion(quoted=True)
            elif char == "\\" and self.source[self.at + 1 : self.at + 2] in (*_ESCAPED_IN_DOUBLE, "\n"):
                self.escape()
            else:
                self.take(char)
        raise NotAWord(self.source)

    def expansion(self, *, quoted: bool) -> None:
        following = self.source[self.at + 1 : self.at + 2]
        if self.source[self.at] == "`" or following in ("(", "{", "["):
            if self.at not in self.spans:
                raise NotAWord(self.source)
            self.expand_to(self.spans[self.at])
        elif following == "'" and not quoted:
            self.expand_to(self.ansi_c_end())
        elif following == '"' and not quoted:
            self.dynamic = self.opaque = True  # a translated string: the locale decides
            self.take("", 1)
        elif name := _NAME.match(self.source, self.at + 1):
            self.expand_to(name.end(), mark=NUMBER if name[0] in ("?", "#", "$") else None)
        else:
            self.take("$")

    def expand_to(self, end: int, mark: str | None = None) -> None:
        self.dynamic = True
        self.opaque = self.opaque or mark is None
        self.open_start = self.open_start or not any(self.out)
        self.take(self.source[self.at : end], mark=mark)

    def ansi_c_end(self) -> int:
        found = re.compile(r"\$'(?:\\.|[^'\\])*'", re.DOTALL).match(self.source, self.at)
        if found is None:
            raise NotAWord(self.source)
        return found.end()
