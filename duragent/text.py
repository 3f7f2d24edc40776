"""Text as it comes: a string type that accepts every Python string, and the two ways to make one fit for others."""

import re
from typing import Annotated

from pydantic import PlainValidator

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


Text = Annotated[str, PlainValidator(_any_text, json_schema_input_type=str)]
"""A string that may hold lone surrogates: pydantic's own `str` refuses them, and people and models do send them."""


def without_surrogates(text: str) -> str:
    """The text as valid Unicode: each lone surrogate becomes U+FFFD, for doors that must encode UTF-8."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def printable(text: str) -> str:
    """The text without control characters that could drive a terminal; newlines and tabs stay."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
