"""JSON that every provider and every log takes: finite numbers, and no nesting without end. Pure."""

import json
import math
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 64
"""Levels of lists and objects, one in another; not everything that reads JSON goes deeper."""


def object_of(text: str) -> dict[str, Any]:
    """The arguments of a call as an object; an empty one for what is none.

    So one malformed call does not fail every later request.
    """
    return _object_in(text) or {}


def object_text(text: str) -> str:
    """The arguments of a call as they were written, if they are an object; else "{}"."""
    return "{}" if _object_in(text) is None else text


def is_flat(value: Any) -> bool:
    """Whether a JSON value has at most `MAX_DEPTH` levels of lists and objects."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return True
    return False


def _object_in(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    # Nearly every text has fewer brackets than would be too deep.
    return found if text.count("{") + text.count("[") <= MAX_DEPTH or is_flat(found) else None


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
