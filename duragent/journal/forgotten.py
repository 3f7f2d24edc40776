"""Texts that were moved out of stored lines, and those of them that were forgotten. Pure.

The law of this file: a text is known by its SHA-256. Once a record says that it was forgotten its blob may be absent
without damage, also where other records have the same text.
"""

import json
from collections.abc import Iterator
from typing import Any

from duragent.journal.events import (
    FORGOTTEN,
    ForgottenText,
    HistorySummarised,
    MemoryRecalled,
    PromptSet,
    RecordPinned,
    TextForgotten,
)
from duragent.journal.line import has_blob, lines_of_types, may_have_blob, split_lines
from duragent.journal.record import forgettable_fields

FORGOTTEN_BYTES = FORGOTTEN.encode()
"""What is read in the place of a blob that was forgotten."""

_TYPE = "text_forgotten"
_GIVEN = {
    str(event.model_fields["type"].default): forgettable_fields(event)
    for event in (MemoryRecalled, HistorySummarised, RecordPinned)
}
"""The fields of records whose texts a session was given, or that were made of others: these can be forgotten."""
_PROMPT = str(PromptSet.model_fields["type"].default)


def forgotten_in(lines: bytes) -> set[str]:
    """The blobs that these lines say were forgotten, by their SHA-256. The lines must have been checked."""
    parsed = (json.loads(line) for line in split_lines(lines_of_types(lines, (_TYPE,))))
    # A line of duragent-rust may come along, and is of no such type.
    events = [TextForgotten.model_validate(fields) for fields in parsed if fields.get("type") == _TYPE]
    return {name for event in events for name in names_of(event)}


def names_of(event: TextForgotten) -> set[str]:
    """The blobs that this event says were forgotten."""
    return {each.sha256 for each in event.fields}


def moved_out_in(lines: bytes) -> list[ForgottenText]:
    """All texts of these lines that are in blobs, in their order: what can be named to be forgotten."""
    return [text for text, _ in _texts(lines)]


def forgettable_in(lines: bytes) -> list[ForgottenText]:
    """Those of them that are made to be forgotten: what memory gave, files in a question, summaries and pins."""
    return [text for text, is_made_so in _texts(lines) if is_made_so]


def _texts(lines: bytes) -> Iterator[tuple[ForgottenText, bool]]:
    if not has_blob(lines):
        return
    for line in split_lines(lines):
        fields = json.loads(line) if may_have_blob(line) else {}
        for field, moved in _places(fields) if "ts" in fields else ():
            text = ForgottenText(seq=fields["seq"], field=field, sha256=moved["blob"])
            yield text, _is_forgettable(fields, field)


def _is_forgettable(fields: dict[str, Any], field: str) -> bool:
    name, inner = field.partition("[")[::2]
    if fields["type"] == _PROMPT and name == "sections" and inner:
        return fields[name][int(inner.partition("]")[0])].get("forgettable") is True
    return field in _GIVEN.get(fields["type"], ())


def _places(fields: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in fields.items():
        # `details` are a tool's own.
        if name == "details":
            continue
        if _is_moved(value):
            yield name, value
        elif isinstance(value, list):
            for at, part in enumerate(value):
                for inner, text in part.items() if isinstance(part, dict) else ():
                    if _is_moved(text):
                        yield f"{name}[{at}].{inner}", text


def _is_moved(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"blob", "size_bytes"}
