"""What pydantic finds wrong with a value, in words for the person who wrote it. Pure; the one table of such words."""

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

SHAPES = {
    "string_type": "text",
    "string_unicode": "valid Unicode text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "dict_type": "an object",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}
"""By pydantic's type of error: what was wanted."""

_LIMITS = {
    "greater_than": ("more than {}", "gt"),
    "greater_than_equal": ("{} or more", "ge"),
    "less_than": ("less than {}", "lt"),
    "less_than_equal": ("{} or less", "le"),
}
_LENGTHS = {
    "string_too_long": ("must have at most {} characters", "max_length"),
    "string_too_short": ("must have at least {} characters", "min_length"),
}
_LONGEST_SHOWN = 60


def problem_and_hint(
    details: Mapping[str, Any], shown: str, shapes: Mapping[str, str] = SHAPES
) -> tuple[str, str | None]:
    """ "must be …, not <shown>", and what may help. `details` are pydantic's, `shown` is the value for people."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in shapes:
        return f"must be {shapes[kind]}, not {shown}", None
    if kind in _LIMITS:
        words, key = _LIMITS[kind]
        return f"must be {words.format(f'{context[key]:.15g}')}, not {shown}", None
    if kind in _LENGTHS:
        words, key = _LENGTHS[kind]
        return words.format(context[key]), None
    match kind:
        case "missing":
            return "is missing", None
        case "literal_error":
            return _not_one_of(str(context["expected"]), details["input"], shown)
        case "union_tag_invalid":
            given = cut(f"'{context['tag']}'")
            return f"type must be {_choices(str(context['expected_tags']))}, not {given}", None
        case "union_tag_not_found":
            return "needs a 'type'", None
        case "value_error":
            return str(context["error"]), None
    message = str(details["msg"])
    return message[:1].lower() + message[1:], None


def unknown_key(key: str, known: Sequence[str]) -> tuple[str, str]:
    """For a key that is none of the known ones, with the nearest of them, or all."""
    near = difflib.get_close_matches(_snake(key), {_snake(name): name for name in known}, n=1)
    if near:
        return "is not a known key", f"did you mean `{next(name for name in known if _snake(name) == near[0])}`?"
    return "is not a known key", f"known keys: {', '.join(known)}"


def cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _not_one_of(expected: str, value: object, shown: str) -> tuple[str, str | None]:
    names = _quoted(expected)
    near = difflib.get_close_matches(str(value)[:60].lower(), names, n=1) if len(names) > 1 else []
    return f"must be {_choices(expected)}, not {shown}", f"did you mean '{near[0]}'?" if near else None


def _choices(expected: str) -> str:
    names = _quoted(expected)
    return f"'{names[0]}'" if len(names) == 1 else "one of " + ", ".join(names)


def _quoted(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
