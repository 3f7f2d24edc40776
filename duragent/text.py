"""Text as it comes: a string type that accepts every Python string, and the ways to make one fit for others."""

import re
from typing import Annotated

from pydantic import AfterValidator, PlainValidator

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if not value.isascii() and _PAIR.search(value):
        # Two halves that came in two pieces: on the disk, as JSON, they are one character.
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return value


Text = Annotated[str, PlainValidator(_any_text, json_schema_input_type=str)]
"""A string that may hold lone surrogates: pydantic's own `str` refuses them, and people and models do send them."""

BRIEF_MAX = 16_000
"""Characters of a sentence for people. What the state looks at must never be so long that it moves out to a blob."""

Brief = Annotated[Text, AfterValidator(lambda text: text[:BRIEF_MAX])]


def cut_to(text: str, most_chars: int) -> str:
    """The text, or as much of its beginning with an ellipsis that says so."""
    return text if len(text) <= most_chars else f"{text[:most_chars]}…"


def part_around(text: str, at: int, most_chars: int) -> str:
    """The text, or the part of it around a position, a third before it; with an ellipsis at each end that is cut."""
    if len(text) <= most_chars:
        return text
    start = max(0, min(at - most_chars // 3, len(text) - most_chars))
    end = start + most_chars
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


def without_surrogates(text: str) -> str:
    """The text as valid Unicode: each lone surrogate becomes U+FFFD, for doors that must encode UTF-8."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(text: str) -> str:
    """The text without control characters that could drive a terminal; newlines and tabs stay."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
