"""State <-> `state.yaml`: for eyes, for listing, and for a fast open. Never the truth.

A snapshot is bound to the record that it stands at (`last_crc`) and to its own bytes (`checksum`, over all lines before
it). One that is edited, cut, older than its format or of another session counts as absent, and the log is folded
instead. Keys are flat and their order is fixed, so that `git diff` of a session shows what happened.
"""

import functools
import json
import zlib
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from duragent.journal.state import SessionState

FORMAT = "duragent/state/v1"
MAX_BYTES = 1 << 20
_HEADER = "# A summary of events.jsonl, written by the machine. Deleting it is harmless; edits are ignored.\n"
_CHECKSUM = "checksum: "


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state, and which record it stands at."""

    state: SessionState
    """What the log adds up to."""
    last_crc: str
    """The checksum of the record that the state stands at, as its line has it."""


def dump(snapshot: Snapshot) -> bytes:
    """The file's bytes. One line a key; what is nested is in flow style, which is JSON and YAML alike."""
    state = snapshot.state
    facts: dict[str, Any] = {"format": FORMAT, "session_id": state.session_id, "status": state.status}
    facts |= {"last_seq": state.seq, "last_crc": snapshot.last_crc}
    facts |= {key: value for key, value in asdict(state).items() if key not in ("session_id", "seq")}
    body = _HEADER + "".join(f"{key}: {json.dumps(value)}\n" for key, value in facts.items())
    return f"{body}{_CHECKSUM}{zlib.crc32(body.encode()):08x}\n".encode()


def load(data: bytes, session_id: str) -> Snapshot | None:
    """The snapshot; None when anything about these bytes cannot be trusted."""
    body, mark, checksum = data.rpartition(_CHECKSUM.encode())
    if not mark or len(data) > MAX_BYTES or checksum != b"%08x\n" % zlib.crc32(body):
        return None
    try:
        facts = dict(_fact(line) for line in body.decode().splitlines() if not line.startswith("#"))
        if facts.pop("format") != FORMAT or facts.get("session_id") != session_id:
            return None
        last_crc, seq = facts.pop("last_crc"), facts.pop("last_seq")
        facts.pop("status")
        return Snapshot(_state().validate_python(facts | {"seq": seq}), last_crc)
    except (ValueError, KeyError, RecursionError):
        return None


def is_ours(data: bytes) -> bool:
    """Whether duragent wrote the file, also when it was damaged since; an empty file counts as ours."""
    return not data or data.startswith(_HEADER[:24].encode())


def facts(data: bytes) -> dict[str, Any]:
    """What the file says, key by key and unchecked, for comparing. Lines that are no `key: JSON` are left out."""
    values = {}
    for line in data.decode("utf-8", "replace").splitlines():
        try:
            key, value = _fact(line)
        except (ValueError, RecursionError):
            continue
        values[key] = value
    values.pop("checksum", None)
    return values


def _fact(line: str) -> tuple[str, Any]:
    # The values are JSON, so the fast parser reads what people see as YAML.
    key, value = line.split(": ", 1)
    return key, json.loads(value)


@functools.cache
def _state() -> TypeAdapter[SessionState]:
    # Made when the first snapshot is read: it takes a while.
    return TypeAdapter(SessionState)
