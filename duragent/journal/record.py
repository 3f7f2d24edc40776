"""A record and its JSON line.

    {"seq":42,"ts":"2026-11-20T23:58:16.123Z","type":"tool_started",…payload…,"tx":"1/2","crc":"9f3a1c02"}\n

- `seq` from 1 without gaps, `ts` RFC 3339 UTC with milliseconds, `type`, payload, `crc` last.
- `crc`: 8 lower-case hex digits of `crc32(the bytes before ',"crc":', crc32(session_id + "\n"))`. It is over raw
  bytes, so nobody needs a canonical JSON; the seed makes a line that was pasted from another session invalid.
- `tx` only where several records were appended at once: they count together or not at all.
- A line has at most `MAX_LINE_BYTES`; longer texts are moved out to blobs (`encode` says which).
- Unknown fields and types are accepted. Lines of duragent-rust v0.5 (`timestamp`, no `crc`) are lifted by `legacy.py`.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from duragent.journal.events import EVENT_TYPES, Event, Opaque, ToolFinished
from duragent.journal.legacy import lift

MAX_LINE_BYTES = 1 << 20
BLOB_MIN_BYTES = 16 << 10
"""When a line is too long, texts of at least this size go to blobs, the longest first."""

CRC_TAIL_BYTES = len(',"crc":"00000000"}')
_CRC_KEY = b',"crc":"'
_SEQ_KEY = b'{"seq":'
# JSON may hold these raw, but readers that split at Unicode line ends, or terminals, would trip over them. Lone
# surrogates cannot be encoded at all.
_MUST_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MOVED = {"blob", "size_bytes"}
_BLOB = re.compile(rb'\{"blob":"([0-9a-f]{64})"')
_TX = re.compile(rb',"tx":"(\d{1,9})/(\d{1,9})"$')


class BadLine(Exception):
    """A line that cannot be trusted; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event with its place and time. `ts` is the text as stored."""

    seq: int
    ts: str
    event: Event
    tx: str | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """A line with its newline, and the blobs (sha256 in hex -> bytes) that must be durable before it."""

    line: bytes
    blobs: dict[str, bytes] = field(default_factory=dict)


def crc_seed(session_id: str) -> int:
    return zlib.crc32(session_id.encode() + b"\n")


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`; `moment` must be in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


# --- writing --------------------------------------------------------------------------------------------------------


def encode(record: Record, seed: int) -> Encoded:
    """The line of a record. Texts that do not fit are replaced by `{"blob": sha256, "size_bytes": n}`."""
    fields = _fields(record)
    body = _json(fields)
    blobs: dict[str, bytes] = {}
    if len(body) + CRC_TAIL_BYTES + 1 > MAX_LINE_BYTES:
        body, blobs = _with_blobs(fields)
    head = body[:-1]
    return Encoded(b'%b,"crc":"%08x"}\n' % (head, zlib.crc32(head, seed)), blobs)


def _fields(record: Record) -> dict[str, Any]:
    event = record.event
    fields: dict[str, Any] = {"seq": record.seq, "ts": record.ts, "type": event.type}
    if isinstance(event, Opaque):
        fields |= event.payload
    else:
        fields |= _payload(event)
    if record.tx:
        fields["tx"] = record.tx
    return fields


def _payload(event: BaseModel) -> dict[str, Any]:
    """The event's fields, less the ones that are empty by default and are so here."""
    fields = type(event).model_fields
    return {
        name: value
        for name, value in event.model_dump().items()
        if name != "type" and (value not in (None, "", (), [], {}) or value != fields[name].default)
    }


def _json(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _MUST_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def _with_blobs(fields: dict[str, Any]) -> tuple[bytes, dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    fields = _copy(fields)
    texts = [(part, name, text) for part in _parts(fields) for name, text in part.items() if isinstance(text, str)]
    for part, name, text in sorted(texts, key=lambda slot: len(slot[2]), reverse=True):
        data = text.encode("utf-8", "surrogatepass")
        if len(data) < BLOB_MIN_BYTES:
            break
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        part[name] = {"blob": digest, "size_bytes": len(data)}
        body = _json(fields)
        if len(body) + CRC_TAIL_BYTES + 1 <= MAX_LINE_BYTES:
            return body, blobs
    raise ValueError(f"a {fields['type']} record does not fit into {MAX_LINE_BYTES} bytes")


def _copy(fields: dict[str, Any]) -> dict[str, Any]:
    calls = fields.get("calls")
    if not isinstance(calls, list | tuple):
        return dict(fields)
    return fields | {"calls": [dict(call) if isinstance(call, dict) else call for call in calls]}


def _parts(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Where long texts may stand: in the record itself, and in the tool calls of a reply."""
    calls = fields.get("calls")
    return [fields, *(call for call in (calls if isinstance(calls, list) else ()) if isinstance(call, dict))]


# --- reading --------------------------------------------------------------------------------------------------------


def checked_seq(line: bytes | memoryview, seed: int) -> int:
    """The seq of a line (without its newline) after checking its crc; no JSON is parsed. Raises BadLine."""
    view = memoryview(line)
    tail = bytes(view[-CRC_TAIL_BYTES:])
    if not tail.startswith(_CRC_KEY):
        return lift.checked_seq(bytes(view), BadLine)
    head = view[:-CRC_TAIL_BYTES]
    if tail[len(_CRC_KEY) :] != b'%08x"}' % zlib.crc32(head, seed):
        raise BadLine("the checksum does not fit")
    return seq_of(bytes(view[:32]))


def is_legacy(line: bytes) -> bool:
    """Whether the line has no checksum, as in logs of duragent-rust."""
    return not line[-CRC_TAIL_BYTES:].startswith(_CRC_KEY)


def seq_of(line: bytes) -> int:
    """The seq at the start of a line, without any check of the rest. Raises BadLine."""
    if line.startswith(_SEQ_KEY):
        digits = line[len(_SEQ_KEY) : len(_SEQ_KEY) + 20].split(b",", 1)[0]
        if digits.isdigit():
            return int(digits)
    raise BadLine('does not start with {"seq":')


def crc_of(line: bytes) -> str:
    """The checksum as the line has it, unchecked."""
    return line.rstrip(b"\n")[-CRC_TAIL_BYTES:][-10:-2].decode()


def tx_of(line: bytes) -> tuple[int, int] | None:
    """(i, n) when the line is the i-th of n that were appended at once."""
    match = _TX.search(line[-CRC_TAIL_BYTES - 32 : -CRC_TAIL_BYTES])
    return (int(match[1]), int(match[2])) if match else None


def without_tx(head: bytes) -> bytes:
    """A line up to its checksum, as if it had been appended alone."""
    return _TX.sub(b"", head)


def blob_names(lines: bytes) -> set[str]:
    """The blobs that texts of these lines were moved out to. The lines must have been checked."""
    # Hardly any line has one; only one that may have is worth parsing.
    found = (json.loads(line) for line in lines.split(b"\n") if _BLOB.search(line))
    # Lines of duragent-rust know no blobs, and may hold anything.
    return {str(moved["blob"]) for fields in found if "ts" in fields for _, _, moved in _moved(fields)}


def blobs_of(line: bytes, event: Event) -> set[str]:
    """All blobs that belong to a stored line: texts that were moved out, and the whole output of a call."""
    output = event.output_sha256 if isinstance(event, ToolFinished) else ""
    return blob_names(line) | ({output} if output else set())


def decode(line: bytes, seed: int, blob: Callable[[str], bytes] | None = None) -> Record:
    """The record of a line (with or without its newline). Raises BadLine.

    `blob` fetches texts that were moved out; without it they stay a short note, which the state never looks at.
    """
    line = line.rstrip(b"\n")
    checked_seq(line, seed)
    try:
        fields = json.loads(line)
        if "ts" not in fields and "timestamp" in fields:
            fields = lift.lift(fields)
        seq, ts, kind = fields.pop("seq"), fields.pop("ts"), fields.pop("type")
        tx = fields.pop("tx", None)
        fields.pop("crc", None)
        if type(seq) is not int or not isinstance(ts, str):
            raise ValueError("seq is no number, or ts no text")
        event_type = EVENT_TYPES.get(kind)
        if event_type is None:
            return Record(seq, ts, Opaque(type=kind, payload=fields), tx)
        return Record(seq, ts, event_type.model_validate(_with_texts(fields, blob)), tx)  # type: ignore[arg-type]  # the table holds the union's members
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise BadLine(_why(error)) from error


def expand(line: bytes, blob: Callable[[str], bytes]) -> bytes:
    """The line with its blobs put back as texts and without `crc`, for doors that show whole records."""
    fields = json.loads(line)
    fields.pop("crc", None)
    # Lines of duragent-rust hold arguments as they came, and know no blobs.
    return _json(fields if "ts" not in fields else _with_texts(fields, blob))


def _with_texts(fields: dict[str, Any], blob: Callable[[str], bytes] | None) -> dict[str, Any]:
    for part, name, moved in _moved(fields):
        part[name] = _text(moved, blob)
    return fields


def _moved(fields: dict[str, Any]) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Where texts were moved out: the part, the field, and what stands there. `details` are a tool's, and no text."""
    return [
        (part, name, value)
        for part in _parts(fields)
        for name, value in part.items()
        if isinstance(value, dict) and value.keys() == _MOVED and name != "details"
    ]


def _text(moved: dict[str, Any], blob: Callable[[str], bytes] | None) -> str:
    if blob is None:
        return f"[{moved['size_bytes']} bytes in blob {moved['blob']}]"
    return blob(moved["blob"]).decode("utf-8", "surrogatepass")


def _why(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"field {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    if isinstance(error, KeyError):
        return f"field {error} is missing"
    return f"not a record: {error}"
