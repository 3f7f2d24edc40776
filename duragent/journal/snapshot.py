"""State <-> `state.yaml`: for eyes, for listing, and for a fast open. Never the truth. Streams of all kinds have one.

A snapshot is bound to the record that it stands at (`last_crc`) and to its own bytes (`checksum`, over all lines before
it). One that is edited, cut, older than its format or of another stream counts as absent, and the log is folded
instead. Keys are flat and their order is fixed, so that `git diff` of a stream shows what happened.
"""

import functools
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar, cast

from pydantic import BaseModel, TypeAdapter

from duragent.journal.state import SessionState

FORMAT = "duragent/state/v1"
MAX_BYTES = 1 << 20
_HEADER = "# A summary of events.jsonl, written by the machine. Deleting it is harmless; edits are ignored.\n"
_CHECKSUM = "checksum: "
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[S]):
    """A state, and which record it stands at."""

    state: S
    """What the log adds up to."""
    last_crc: str
    """The checksum of the record that the state stands at, as its line has it."""


@dataclass(frozen=True, slots=True)
class SnapshotForm(Generic[S]):
    """How the snapshots of one kind of stream are written. Its states are dataclasses with `seq` and their own id."""

    format: str
    """Names the kind and the version of its state."""
    state: type[S]
    """The class of the state."""
    id_field: str
    """The field of the state with the stream's id."""
    also: Callable[[S], dict[str, Any]] = lambda _: {}
    """Facts for people that follow from the state, and come first."""

    def dump(self, snapshot: Snapshot[S]) -> bytes:
        """The file's bytes. One line a key; what is nested is in flow style, which is JSON and YAML alike."""
        state: Any = snapshot.state
        facts: dict[str, Any] = {"format": self.format, self.id_field: getattr(state, self.id_field)}
        facts |= self.also(state) | {"last_seq": state.seq, "last_crc": snapshot.last_crc}
        facts |= {key: value for key, value in asdict(state).items() if key not in (self.id_field, "seq")}
        body = _HEADER + "".join(f"{key}: {json.dumps(value, default=_plain)}\n" for key, value in facts.items())
        return f"{body}{_CHECKSUM}{zlib.crc32(body.encode()):08x}\n".encode()

    def load(self, data: bytes, stream_id: str) -> Snapshot[S] | None:
        """The snapshot; None when anything about these bytes cannot be trusted."""
        body, mark, checksum = data.rpartition(_CHECKSUM.encode())
        if not mark or len(data) > MAX_BYTES or checksum != b"%08x\n" % zlib.crc32(body):
            return None
        try:
            facts = dict(_fact(line) for line in body.decode().splitlines() if not line.startswith("#"))
            if facts.pop("format") != self.format or facts.get(self.id_field) != stream_id:
                return None
            last_crc, seq = facts.pop("last_crc"), facts.pop("last_seq")
            state: S = _adapter(cast(Any, self.state)).validate_python(facts | {"seq": seq})
            return Snapshot(state, last_crc)
        except (ValueError, KeyError, RecursionError):
            return None


def _plain(event: BaseModel) -> dict[str, Any]:
    """A state may have an event in it."""
    return event.model_dump(mode="json")


SESSION_FORM = SnapshotForm(FORMAT, SessionState, "session_id", lambda state: {"status": state.status})
"""The snapshots of sessions."""
dump, load = SESSION_FORM.dump, SESSION_FORM.load


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
def _adapter(state: Any) -> TypeAdapter[Any]:
    # Made when the first snapshot is read: it takes a while.
    return TypeAdapter(state)
