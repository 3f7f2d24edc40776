"""The smallest line of an event: what it must say, and what it means when it says no more."""

import json
from typing import Any

from duragent.journal.events import Event
from duragent.journal.line import with_crc
from duragent.journal.record import Record, crc_seed, decode, encode

SEED = crc_seed("s")
TS = "2026-01-01T00:00:00.000Z"


def read(kind: str, **fields: Any) -> Event:
    """The event of a line with these fields and no others."""
    body = json.dumps({"seq": 1, "ts": TS, "type": kind, **fields}, separators=(",", ":")).encode()
    return decode(with_crc(body[:-1], SEED), SEED).event


def written(event: Event) -> dict[str, Any]:
    """The fields that a line of this event has, without those of its frame."""
    fields: dict[str, Any] = json.loads(encode(Record(1, TS, event), SEED).line)
    return {name: value for name, value in fields.items() if name not in ("seq", "ts", "type", "crc")}
