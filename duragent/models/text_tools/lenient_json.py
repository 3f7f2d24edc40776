"""JSON as small models write it: what is nearly JSON is read where it can mean only one thing. Pure, linear time.

Read besides JSON itself: comments, trailing commas, single and typographic quotes, True, False and None, keys that are
plain words, raw line breaks in strings, escapes that JSON does not know (`\\d` is a backslash and a d), one closing
bracket too many. What could mean two things is refused; a quote that is not closed is never guessed.
"""

import json
import re
from typing import NoReturn

MAX_VALUES = 64
_MAX_DEPTH = 100

_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"(?:\s++|//[^\n]*+|#[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_BETWEEN = re.compile(r"[\s,;]*+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,400}+)(?:\.\d{1,400}+)?(?:[eE][+-]?\d{1,4}+)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_$][\w$-]*+", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_STRINGS = {
    opening: re.compile(rf"[{opening}]((?:[^\\{closing}]++|\\.)*+)[{closing}]", re.DOTALL)
    for opening, closing in (
        ('"', '"'),
        ("'", "'"),
        ("\u201c", "\u201c\u201d"),
        ("\u201d", "\u201c\u201d"),
        ("\u2018", "\u2018\u2019"),
        ("\u2019", "\u2018\u2019"),
    )
}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_PLAIN_ESCAPES = "\"'\\/\u201c\u201d\u2018\u2019"


class TooDeep(ValueError):
    """The value is nested deeper than anybody needs."""


class NotAlone(ValueError):
    """Something else follows whole values."""


def values(text: str, *, close: bool = False) -> list[object]:
    """The values that stand one after another in the text. `close` adds brackets that are missing at its end.

    Raises ValueError when anything else stands there (NotAlone: after a value), or more than MAX_VALUES of them.
    """
    result: list[object] = []
    at = _BETWEEN.match(text).end()  # type: ignore[union-attr]  # it always matches
    while at < len(text):
        if result and text[at] in "}]":
            at += 1
        elif len(result) == MAX_VALUES:
            raise NotAlone(f"more than {MAX_VALUES} values")
        else:
            value, at = _value(text, at, close) if not result else _next_value(text, at, close)
            result.append(value)
        at = _BETWEEN.match(text, at).end()  # type: ignore[union-attr]  # it always matches
    return result


def _next_value(text: str, at: int, close: bool) -> tuple[object, int]:
    try:
        return _value(text, at, close)
    except TooDeep:
        raise
    except ValueError as error:
        raise NotAlone(str(error)) from None


def _value(text: str, at: int, close: bool) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        raise TooDeep("nested too deeply") from None
    except ValueError:
        reader = _Reader(text, at, close)
        value = reader.value(0)
        return value, reader.at


class _Reader:
    """One value of the text, from `at` on."""

    def __init__(self, text: str, at: int, close: bool) -> None:
        self._text, self.at, self._close = text, at, close

    def value(self, depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise TooDeep("nested too deeply")
        char = self._next()
        if char == "{":
            return self._object(depth)
        if char == "[":
            return self._array(depth)
        if char in _STRINGS:
            return self._string(char)
        if number := _NUMBER.match(self._text, self.at):
            self.at = number.end()
            return json.loads(number.group())
        word = self._word()
        if word not in _WORDS:
            self._fail("a value is expected")
        return _WORDS[word]

    def _object(self, depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        self.at += 1
        if self._took("}"):
            return result
        while True:
            char = self._next()
            key = self._string(char) if char in _STRINGS else self._word()
            if not key and char not in _STRINGS:
                self._fail("a key is expected")
            if not self._took(":"):
                self._fail("a colon is expected")
            result[key] = self.value(depth + 1)
            if self._ends("}"):
                return result

    def _array(self, depth: int) -> list[object]:
        result: list[object] = []
        self.at += 1
        if self._took("]"):
            return result
        while True:
            result.append(self.value(depth + 1))
            if self._ends("]"):
                return result

    def _ends(self, bracket: str) -> bool:
        """After a member: whether that was the last. A comma at the end of the text closes nothing."""
        if self._close and self._next() == "":
            return True
        if self._took(","):
            return self._took(bracket)
        if not self._took(bracket):
            self._fail(f"a comma or {bracket} is expected")
        return True

    def _string(self, quote: str) -> str:
        match = _STRINGS[quote].match(self._text, self.at)
        if match is None:
            self._fail("a string is not closed")
        self.at = match.end()
        return _unescaped(match.group(1))

    def _word(self) -> str:
        match = _WORD.match(self._text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def _took(self, char: str) -> bool:
        if self._next() != char:
            return False
        self.at += 1
        return True

    def _next(self) -> str:
        self.at = _SPACE.match(self._text, self.at).end()  # type: ignore[union-attr]  # it always matches
        return self._text[self.at : self.at + 1]

    def _fail(self, problem: str) -> NoReturn:
        raise ValueError(f"{problem} at character {self.at + 1}")


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_escaped, text)
    # Two halves of one character, each in its own escape, become that character; a lone half stays.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _escaped(match: re.Match[str]) -> str:
    if match.group(1):
        return chr(int(match.group(1), 16))
    char = match.group(2)
    return _ESCAPES.get(char) or (char if char in _PLAIN_ESCAPES else "\\" + char)
