"""The bytes of a line of a log. Only this file knows them.

    {"seq":42,"ts":"2026-11-20T23:58:16.123Z","type":"tool_started",…payload…,"tx":"1/2","crc":"9f3a1c02"}\n

- `seq` from 1 without gaps, `ts` RFC 3339 UTC with milliseconds, `type`, payload, `crc` last.
- `crc`: 8 lower-case hex digits of `crc32(the bytes before ',"crc":', crc32(stream_id + "\n"))`. It is over raw
  bytes, so no canonical JSON is needed; the seed makes a line that was pasted from another log invalid.
- `tx` only where several records were appended at once: they count together or not at all.
- A line has at most `MAX_LINE_BYTES`.
- JSON escapes line ends, so a line has none but its last byte, the newline.

A *block* is several whole lines, as a store returns them. Nothing here parses JSON, except of lines of duragent-rust
v0.5, which have `timestamp` instead of `ts`, keys in another order, and no `crc`.
"""

import json
import re
import zlib
from collections.abc import Collection, Iterator
from typing import Any

from duragent.journal.legacy import lift

MAX_LINE_BYTES = 1 << 20

_CRC_TAIL_BYTES = len(',"crc":"00000000"}')
_CRC_KEY = b',"crc":"'
_SEQ_KEY = b'{"seq":'
_BLOB_KEY = b'{"blob":"'
_ATTACHMENTS = b'"attachments":['
_TYPE_WITHIN_BYTES = 200
"""`type` stands behind `seq` and `ts`, so within the first bytes of a line."""
_BLOB = re.compile(rb'\{"blob":"[0-9a-f]{64}"')
_TX = re.compile(rb',"tx":"(\d{1,9})/(\d{1,9})"$')
_PLAIN = re.compile(rb'^(\{"seq":(\d+),"ts":"[^"\n]*","type":"([\w.-]+)".*),"crc":"[0-9a-f]{8}"\}$', re.MULTILINE)
"""A line as `record.encode` writes it: all before the crc, the seq, the type."""
_START = re.compile(rb'\{"seq":\d+,"ts":"[^"]*","type":"[\w.-]+"')
_NOT_IN_NAMES = re.compile(r"[^\w.-]", re.ASCII)


class BadLine(Exception):
    """A line that cannot be trusted; the message says why, for people."""


# --- writing --------------------------------------------------------------------------------------------------------


def with_crc(head: bytes, seed: int) -> bytes:
    """The line (without its newline) of a JSON object of which `head` is all but the closing brace."""
    return b'%b,"crc":"%08x"}' % (head, zlib.crc32(head, seed))


def with_zero_crc(body: bytes) -> bytes:
    """A line with the form of the others for a whole JSON object. Its checksum fits no stream: it is only for show."""
    return b'%b,"crc":"00000000"}\n' % body[:-1]


def line_bytes(body: bytes) -> int:
    """How long the line of a whole JSON object will be, with its newline."""
    return len(body) + _CRC_TAIL_BYTES + 1


def rebound(line: bytes, seed: int) -> bytes:
    """The line (without its newline) as a line of the stream with that seed, and of no group of lines.

    Lines of duragent-rust carry no checksum: they stay as they are.
    """
    if is_legacy(line):
        return line
    head = _TX.sub(b"", line[:-_CRC_TAIL_BYTES])
    return with_crc(head, seed)


# --- one line, without parsing it -----------------------------------------------------------------------------------


def checked_seq(line: bytes | memoryview, seed: int) -> int:
    """The seq of a line (without its newline) after checking its crc; no JSON is parsed. Raises BadLine."""
    view = memoryview(line)
    tail = bytes(view[-_CRC_TAIL_BYTES:])
    if not tail.startswith(_CRC_KEY):
        return lift.checked_seq(bytes(view), BadLine)
    head = view[:-_CRC_TAIL_BYTES]
    if tail[len(_CRC_KEY) :] != b'%08x"}' % zlib.crc32(head, seed):
        raise BadLine("the checksum does not fit")
    return seq_of(bytes(view[:32]))


def is_legacy(line: bytes) -> bool:
    """Whether the line (without its newline) has no checksum, as in logs of duragent-rust."""
    return not line[-_CRC_TAIL_BYTES:].startswith(_CRC_KEY)


def seq_of(line: bytes) -> int:
    """The seq at the start of a line, without any check of the rest. Raises BadLine."""
    if line.startswith(_SEQ_KEY):
        digits = line[len(_SEQ_KEY) : len(_SEQ_KEY) + 20].split(b",", 1)[0]
        if digits.isdigit():
            return int(digits)
    raise BadLine('does not start with {"seq":')


def crc_of(line: bytes) -> str:
    """The checksum as the line has it, unchecked."""
    return line.rstrip(b"\n")[-_CRC_TAIL_BYTES:][-10:-2].decode()


def tx_of(line: bytes) -> tuple[int, int] | None:
    """(i, n) when the line (without its newline) is the i-th of n that were appended at once."""
    match = _TX.search(line[-_CRC_TAIL_BYTES - 32 : -_CRC_TAIL_BYTES])
    return (int(match[1]), int(match[2])) if match else None


# --- a block of lines, without parsing it ---------------------------------------------------------------------------


def split_lines(block: bytes) -> list[bytes]:
    """The lines of a block, each without its newline."""
    return block.removesuffix(b"\n").split(b"\n") if block else []


def first_seq(block: bytes) -> int:
    """The seq of the first line. Raises ValueError, KeyError and TypeError for what is no line."""
    try:
        return seq_of(block)
    except BadLine:
        # A line of duragent-rust, whose keys have another order.
        return int(json.loads(block.partition(b"\n")[0])["seq"])


def last_seq(block: bytes) -> int:
    """The seq of the last line. Raises as `first_seq` does."""
    return first_seq(block[block.rfind(b"\n", 0, len(block) - 1) + 1 :])


def lines_between(block: bytes, after: int, upto: int) -> bytes:
    """The lines of a block (of seqs without gaps) with a seq greater than `after` and at most `upto`."""
    first = first_seq(block)
    return b"".join(block.splitlines(keepends=True)[max(0, after - first + 1) : max(0, upto - first + 1)])


def lines_of_types(block: bytes, types: Collection[str]) -> bytes:
    """The lines of a block whose events have one of these types, and those of duragent-rust, whatever they are."""
    marks = (*(b'"type":"%b"' % name.encode() for name in types), b'"timestamp"')
    lines = block.splitlines(keepends=True)
    return b"".join(line for line in lines if any(mark in line[:_TYPE_WITHIN_BYTES] for mark in marks))


def lines_with_attachments(block: bytes) -> bytes:
    """The lines of a block that may have attachments; of the others it is certain that they have none."""
    return b"".join(line for line in block.splitlines(keepends=True) if _ATTACHMENTS in line)


def good_bytes(block: bytes, expected: int, seed: int) -> int:
    """How many bytes of the block are, at a glance, records `expected` and following whose checksums fit.

    The rest may be good too, but has to be looked at with `checked_seq`: a replay is mostly lines of the plain form.
    """
    position = 0
    for line in block.split(b"\n")[:-1]:
        head = line[:-_CRC_TAIL_BYTES]
        if line[-_CRC_TAIL_BYTES:] != b',"crc":"%08x"}' % zlib.crc32(head, seed) or not head.startswith(
            b'{"seq":%d,' % expected
        ):
            break
        position, expected = position + len(line) + 1, expected + 1
    return position


def frame_parts(block: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """(head, seq, type) of each line: `head` is its JSON object without `crc` and without the closing brace.

    `type` holds only letters, digits, `_`, `.` and `-`: another character becomes `_`. A line of duragent-rust is
    lifted to the form of today. Parses nothing where every line is of the plain form.
    """
    parts: list[tuple[bytes, bytes, bytes]] = _PLAIN.findall(block)
    if len(parts) == block.count(b"\n"):
        return parts
    return [part for line in split_lines(block) for part in _PLAIN.findall(line) or [_parts_of_odd(line)]]


def bodies(block: bytes) -> list[bytes]:
    """Each line as a JSON object without `crc`; one of duragent-rust is lifted to the form of today."""
    return [
        line[:-_CRC_TAIL_BYTES] + b"}"
        if _START.match(line) and line.startswith(_CRC_KEY, len(line) - _CRC_TAIL_BYTES)
        else _parts_of_odd(line)[0] + b"}"
        for line in split_lines(block)
    ]


def _parts_of_odd(line: bytes) -> tuple[bytes, bytes, bytes]:
    fields: dict[str, Any] = json.loads(line)
    fields.pop("crc", None)
    if "ts" not in fields and "timestamp" in fields:
        fields = lift.lift(fields)
    # ASCII only: lone surrogates, which people and models do send, stay what they are as escapes.
    head = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()[:-1]
    return head, b"%d" % fields["seq"], _NOT_IN_NAMES.sub("_", str(fields["type"])).encode()


def has_blob(block: bytes) -> bool:
    """Whether texts of these lines may have been moved out to blobs; False is certain."""
    return _BLOB_KEY in block


def lines_with_blobs(block: bytes) -> Iterator[bytes]:
    """Those of a block, each without its newline, for which `has_blob` is true."""
    at = block.find(_BLOB_KEY)
    while at >= 0:
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end
        yield block[block.rfind(b"\n", 0, at) + 1 : end]
        at = block.find(_BLOB_KEY, end)


def may_have_blob(line: bytes) -> bool:
    """As `has_blob`, with a closer look: for those that parse the line then."""
    return _BLOB.search(line) is not None
