"""A record: one event with its place and time, and how it becomes a line of a log and comes back (`encode`, `decode`).

The form of a line is in `line.py`. Texts that make a line too long are moved out to blobs (`encode` says which), and so
are all that can be forgotten.
Unknown fields and types are accepted. Lines of duragent-rust v0.5 (`timestamp`, no `crc`) are lifted to today's form.
"""

import functools
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from pydantic import BaseModel, ValidationError

from duragent.journal.events import (
    EVENT_TYPES,
    CommandFinished,
    Event,
    MessageReceived,
    ModelReplied,
    Opaque,
    PromptSet,
    ToolFinished,
    ToolStarted,
    UndoRequested,
)
from duragent.journal.events.base import MovedOut
from duragent.journal.legacy import lift
from duragent.journal.line import (
    MAX_LINE_BYTES,
    BadLine,
    checked_seq,
    line_bytes,
    lines_with_blobs,
    may_have_blob,
    split_lines,
    with_crc,
    with_zero_crc,
)

BLOB_MIN_BYTES = 16 << 10
"""When a line is too long, texts of at least this size go to blobs, the longest first."""

# JSON may hold these raw, but readers that split at Unicode line ends, or terminals, would trip over them. Lone
# surrogates cannot be encoded at all.
_MUST_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MOVED = {"blob", "size_bytes"}
_LISTS = ("calls", "sections")
"""Fields with parts that have texts of their own."""
E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class StreamRecord(Generic[E]):
    """One event of a stream, with its place and time."""

    seq: int
    """Its number in the stream, from 1 without gaps."""
    ts: str
    """When it was written: the text as stored, RFC 3339 in UTC with milliseconds."""
    event: E
    """What happened; `Opaque` for a type that the reader does not know."""
    tx: str | None = None
    """"i/n" when it is the i-th of n records that were appended at once; None when it was appended alone."""


@dataclass(frozen=True, slots=True)
class Record(StreamRecord[Event]):
    """One event of a session."""

    event: Event
    """What happened; `Opaque` for a type that this version does not know."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it is stored."""

    line: bytes
    """The line, with its newline."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    """The texts that were moved out of it, by their SHA-256 in hex; they must be durable before the line is."""


def crc_seed(stream_id: str) -> int:
    """The start value of the checksums of a stream's lines."""
    return zlib.crc32(stream_id.encode() + b"\n")


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and `Z`; `moment` must be in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


# --- writing --------------------------------------------------------------------------------------------------------


def encode(record: StreamRecord[Any], seed: int) -> Encoded:
    """The line of a record. Texts that do not fit are replaced by `{"blob": sha256, "size_bytes": n}`.

    So are texts that can be forgotten, whatever their length: those of type `Forgettable`, and in `sections` those that
    say `forgettable`.
    """
    fields = _fields(record)
    blobs: dict[str, bytes] = {}
    event_type: type[BaseModel] = type(record.event)
    forgettable = forgettable_fields(event_type)
    if forgettable or isinstance(record.event, PromptSet):
        fields, blobs = _with_forgettable(fields, forgettable)
    body = _json(fields)
    if line_bytes(body) > MAX_LINE_BYTES:
        body, more = _with_blobs(fields)
        blobs |= more
    return Encoded(with_crc(body[:-1], seed) + b"\n", blobs)


def _fields(record: StreamRecord[Any]) -> dict[str, Any]:
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


@functools.cache
def forgettable_fields(event: type[BaseModel]) -> tuple[str, ...]:
    """The fields of such events whose texts can be forgotten."""
    fields = event.model_fields.items()
    return tuple(name for name, field in fields if any(isinstance(mark, MovedOut) for mark in field.metadata))


def _with_forgettable(fields: dict[str, Any], names: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    fields = _copy(fields)
    places = [(fields, name) for name in names]
    places += [(part, "text") for part in _parts(fields) if part is not fields and part.get("forgettable") is True]
    for part, name in places:
        if isinstance(text := part.get(name), str) and text:
            _move_out(part, name, text, blobs)
    return fields, blobs


def _move_out(part: dict[str, Any], name: str, text: str, blobs: dict[str, bytes]) -> None:
    data = text.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(data).hexdigest()
    blobs[digest] = data
    part[name] = {"blob": digest, "size_bytes": len(data)}


def _with_blobs(fields: dict[str, Any]) -> tuple[bytes, dict[str, bytes]]:
    blobs: dict[str, bytes] = {}
    fields = _copy(fields)
    texts = [(part, name, text) for part in _parts(fields) for name, text in part.items() if isinstance(text, str)]
    for part, name, text in sorted(texts, key=lambda slot: len(slot[2]), reverse=True):
        if len(text.encode("utf-8", "surrogatepass")) < BLOB_MIN_BYTES:
            break
        _move_out(part, name, text, blobs)
        body = _json(fields)
        if line_bytes(body) <= MAX_LINE_BYTES:
            return body, blobs
    raise ValueError(f"a {fields['type']} record does not fit into {MAX_LINE_BYTES} bytes")


def _copy(fields: dict[str, Any]) -> dict[str, Any]:
    copied = dict(fields)
    for name in _LISTS:
        if isinstance(parts := fields.get(name), list | tuple):
            copied[name] = [dict(part) if isinstance(part, dict) else part for part in parts]
    return copied


def _parts(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Where long texts may stand: in the record itself, in the tool calls of a reply, in sections of a prompt."""
    lists = [parts for name in _LISTS if isinstance(parts := fields.get(name), list)]
    return [fields, *(part for parts in lists for part in parts if isinstance(part, dict))]


# --- reading --------------------------------------------------------------------------------------------------------


def blob_names(block: bytes) -> set[str]:
    """The blobs that texts of these lines were moved out to. The lines must have been checked."""
    # Only a line that may have one is worth parsing.
    parsed = (json.loads(line) for line in lines_with_blobs(block) if may_have_blob(line))
    # Lines of duragent-rust know no blobs, and may hold anything.
    return {str(moved["blob"]) for fields in parsed if "ts" in fields for _, _, moved in _moved(fields)}


def blobs_of(line: bytes, event: BaseModel) -> set[str]:
    """All blobs that belong to a stored line: texts that were moved out, and what its event names."""
    return blob_names(line) | {name for name in _named_blobs(event) if name}


def _named_blobs(event: BaseModel) -> Iterable[str | None]:
    match event:
        case MessageReceived():
            return (file.sha256 for file in event.attachments)
        case ToolFinished():
            return (event.output_sha256, *(file.sha256 for file in event.attachments))
        case CommandFinished():
            return (event.output_sha256,)
        case ModelReplied():
            return (event.opaque.sha256,) if event.opaque else ()
        case ToolStarted():
            return (name for file in event.before for name in (file.sha256, file.after))
        case UndoRequested():
            return (name for file in event.files for name in (file.now, file.then) if not file.refused)
        case _:
            return ()


@overload
def decode(line: bytes, seed: int, blob: Callable[[str], bytes] | None = None) -> Record: ...


@overload
def decode(
    line: bytes, seed: int, blob: Callable[[str], bytes] | None = None, *, types: Mapping[str, type[E]]
) -> StreamRecord[E | Opaque]: ...


def decode(
    line: bytes,
    seed: int,
    blob: Callable[[str], bytes] | None = None,
    *,
    types: Mapping[str, type[Any]] = EVENT_TYPES,
) -> StreamRecord[Any]:
    """The record of a line (with or without its newline). Raises BadLine.

    `blob` fetches texts that were moved out; without it they stay a short note, which the state never looks at.
    `types` are the events of the stream's kind, by their type; those of a session unless something else is given.
    """
    line = line.rstrip(b"\n")
    checked_seq(line, seed)
    made: type[StreamRecord[Any]] = Record if types is EVENT_TYPES else StreamRecord
    try:
        fields = json.loads(line)
        if "ts" not in fields and "timestamp" in fields:
            fields = lift.lift(fields)
        seq, ts, kind = fields.pop("seq"), fields.pop("ts"), fields.pop("type")
        tx = fields.pop("tx", None)
        fields.pop("crc", None)
        if type(seq) is not int or not isinstance(ts, str):
            raise ValueError("seq is no number, or ts no text")
        event_type = types.get(kind)
        if event_type is None:
            return made(seq, ts, Opaque(type=kind, payload=fields), tx)
        return made(seq, ts, event_type.model_validate(_with_texts(fields, blob)), tx)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise BadLine(_why(error)) from error


def expanded_block(block: bytes, blob: Callable[[str], bytes]) -> bytes:
    """The lines with their blobs put back as texts, for doors that show whole records. Each has a crc of zeros.

    The crc fits no line, so these lines cannot be taken for stored ones; it gives them the form of the others.
    """
    return b"".join(with_zero_crc(expand(line, blob)) for line in split_lines(block))


def expand(line: bytes, blob: Callable[[str], bytes]) -> bytes:
    """The line with its blobs put back as texts and without `crc`."""
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
