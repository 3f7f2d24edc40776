"""What can be read of a file of lines that duragent-rust v0.5 wrote. Pure.

v0.5 ended no partial line when it started again, so that the next record stands on the same line; it wrote records
twice when a write had failed halfway, and it never looked back. Here each record that is there is found, once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from duragent.journal.events import EVENT_TYPES, Event, Opaque
from duragent.journal.legacy import lift

_START = re.compile(r'\{"seq":')
_EDGES = " \t\r\0\ufeff"
_RESERVED = ("seq", "ts", "type", "tx", "crc")
_DECODER = json.JSONDecoder()


class _Unread(Exception):
    """A piece of a line that is no record of v0.5."""


@dataclass(frozen=True, slots=True)
class LegacyRecord:
    """One record of v0.5 as an event of today."""

    seq: int
    """As v0.5 numbered it; numbers may repeat or be missing."""
    ts: str
    """Its `timestamp`, as written."""
    event: Event
    """What happened, as an event of today."""
    kind: str
    """Its type in v0.5."""
    speaker: str = ""
    """The agent that the line names; "" when it names none."""


@dataclass(slots=True)
class LegacyLines:
    """What could be read of a file, and which of its lines could not."""

    records: list[LegacyRecord] = field(default_factory=list)
    """In the order of the file."""
    unread: list[int] = field(default_factory=list)
    """Numbers of lines of which a part is no record, from 1."""
    altered: list[int] = field(default_factory=list)
    """Numbers of lines with bytes that are no UTF-8, each of which is now U+FFFD."""


def read_lines(data: bytes, seen: set[tuple[int, str]]) -> LegacyLines:
    """Each record once; blank lines are not counted. `seen` has those of files that were read before."""
    lines = LegacyLines()
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.decode("utf-8", "replace").strip(_EDGES)
        if not text:
            continue
        whole = True
        for piece, written in _pieces(text):
            try:
                record = _record(piece)
            except _Unread:
                whole = False
                continue
            if (record.seq, written) not in seen:
                seen.add((record.seq, written))
                lines.records.append(record)
        if not whole:
            lines.unread.append(number)
        elif "\ufffd" in text and not _is_utf8(line):
            lines.altered.append(number)
    return lines


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _pieces(text: str) -> Iterator[tuple[Any, str]]:
    """The JSON values of a line, which should be one, each as it is written; None for each stretch that is none."""
    try:
        yield json.loads(text), text
        return
    except (ValueError, RecursionError):
        pass
    end = 0
    for start in [match.start() for match in _START.finditer(text)]:
        if start < end:
            continue
        try:
            value, stop = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if text[end:start].strip(_EDGES):
            yield None, ""
        yield value, text[start:stop]
        end = stop
    if text[end:].strip(_EDGES):
        yield None, ""


def _record(fields: Any) -> LegacyRecord:
    if not isinstance(fields, dict) or "timestamp" not in fields or "ts" in fields:
        raise _Unread
    lifted, known = lift.checked_lift(fields, _Unread), fields["type"] in lift.KINDS
    seq, kind = lifted["seq"], lifted["type"]
    payload = {name: value for name, value in lifted.items() if name not in _RESERVED}
    try:
        if known and kind in EVENT_TYPES:
            event: Event = EVENT_TYPES[kind].model_validate(payload)  # type: ignore[assignment]  # the table holds the union's members
        else:
            # A name that v0.5 did not know must not come to life here because we have an event of that name.
            event = Opaque(type=f"legacy_{kind}" if kind in EVENT_TYPES else kind, payload=_flat(payload))
    except (ValidationError, RecursionError) as error:
        raise _Unread from error
    speaker = fields.get("agent")
    return LegacyRecord(seq, fields["timestamp"], event, fields["type"], speaker if isinstance(speaker, str) else "")


def _flat(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload without mappings and lists, which could look like a text that was moved out to a blob."""
    return {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in payload.items()}
