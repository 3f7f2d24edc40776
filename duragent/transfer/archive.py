"""A session as one file: a zip of the exact log, the blobs that it refers to, and a manifest. Blocking.

    manifest.json        format, session, agent, how many records, sha256 of the log
    events.jsonl         the stored lines, byte for byte
    blobs/<sha256>

The law: reading trusts nothing. Only these names are looked at, nothing is unpacked to a path that the file names, and
every size is bounded before its bytes are read.
"""

import contextlib
import hashlib
import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from duragent.errors import InvalidArchive
from duragent.journal.line import MAX_LINE_BYTES
from duragent.stores.base import STREAM_ID
from duragent.yaml.validation_words import SHAPES, cut, problem_and_hint

FORMAT = "duragent/export/v1"
MANIFEST_MAX_BYTES = 64 << 10
TOTAL_MAX_BYTES = 8 << 30
BLOB_MAX_BYTES = 256 << 20
BLOBS_MAX = 100_000
DIRECTORY_MAX_BYTES = 16 << 20
_BLOCK_BYTES = 256 << 10
_NAMES = ("manifest.json", "events.jsonl")
_BLOB = re.compile(r"blobs/([0-9a-f]{64})")
_ENCRYPTED = 0x41
_DIGITS_MAX = 20
_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    OverflowError,
    RuntimeError,  # NotImplementedError among them
)
"""What a file that is no proper zip makes Python's reader raise."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What a file may claim or hold at most."""

    total_bytes: int = TOTAL_MAX_BYTES
    """Of all members together, as the file says how long they are."""
    blob_bytes: int = BLOB_MAX_BYTES
    """Of one blob."""
    blobs: int = BLOBS_MAX
    """How many blobs."""


class Manifest(BaseModel):
    """What the file says about itself."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="ignore")

    format: str
    """`FORMAT`; a later version has another one."""
    session_id: str
    agent: str
    """The name of its agent."""
    head: int
    """How many records the log has."""
    events_sha256: str
    """The SHA-256 of the log, in hex."""
    exported_at: str
    """RFC 3339 in UTC."""
    duragent: str = ""
    """The version that wrote it; "" when it does not say so."""


class Writer:
    """Writes the log first, then blobs, and at last the manifest."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._log: IO[bytes] | None = self._zip.open("events.jsonl", "w", force_zip64=True)
        self._digest = hashlib.sha256()

    def add_lines(self, lines: bytes) -> None:
        assert self._log is not None
        self._log.write(lines)
        self._digest.update(lines)

    def add_blob(self, name: str, data: bytes) -> None:
        self._end_log()
        self._zip.writestr(f"blobs/{name}", data)

    def finish(self, manifest: Manifest) -> None:
        """`manifest.events_sha256` is filled in here."""
        self._end_log()
        whole = manifest.model_copy(update={"events_sha256": self._digest.hexdigest()})
        self._zip.writestr("manifest.json", whole.model_dump_json(indent=2) + "\n")
        self._zip.close()

    def abandon(self) -> None:
        """Close a file that will not be finished, whatever state it is in."""
        with contextlib.suppress(OSError, ValueError):
            self._end_log()
            self._zip.close()

    def _end_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


class _Directory:
    """A file of which no single read is long: the list of members is read at once, whatever length it claims."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if 0 <= size <= DIRECTORY_MAX_BYTES else DIRECTORY_MAX_BYTES + 1)
        if len(data) > DIRECTORY_MAX_BYTES:
            raise zipfile.BadZipFile("its list of members is too long")
        return data


class Archive:
    """An export that is being read. Every method raises InvalidArchive for what is not as it should be."""

    def __init__(self, file: IO[bytes], limits: ArchiveLimits | None = None) -> None:
        """`file` is read at once as far as its list of members and its manifest go."""
        self._limits = limits or ArchiveLimits()
        try:
            self._zip = zipfile.ZipFile(cast("IO[bytes]", _Directory(file)))
        except _FAULTS as error:
            raise InvalidArchive("it is cut off, or no export of a session") from error
        self._members = {member.filename: member for member in self._zip.infolist()}
        self._check_members()
        self.manifest = self._manifest()

    def _check_members(self) -> None:
        if len(self._members) != len(self._zip.infolist()):
            raise InvalidArchive("it has two members of one name")
        if len(self._members) > self._limits.blobs + 2:
            raise InvalidArchive(f"it has more than {self._limits.blobs:,} blobs")
        for name in _NAMES:
            if name not in self._members:
                raise InvalidArchive(f"it has no {name}")
        for name, member in self._members.items():
            if name not in _NAMES and not _BLOB.fullmatch(name):
                raise InvalidArchive(f"{name[:80]!r} does not belong into an export")
            if member.flag_bits & _ENCRYPTED:
                raise InvalidArchive(f"{name} is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise InvalidArchive(f"{name} is compressed in a way that an export is not")
        if sum(member.file_size for member in self._members.values()) > self._limits.total_bytes:
            raise InvalidArchive(f"it has more than {self._limits.total_bytes >> 30} GiB")

    def _manifest(self) -> Manifest:
        try:
            manifest = Manifest.model_validate_json(self._read("manifest.json", MANIFEST_MAX_BYTES))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            words, _ = problem_and_hint(first, cut(repr(first["input"])))
            where = "".join(f"{part} " for part in first["loc"])
            known = first["type"] in SHAPES or first["type"] == "missing"
            problem = f"{where}{words}" if known else "it is no JSON object with the facts of an export"
            raise InvalidArchive(f"manifest.json: {problem}") from error
        if manifest.format != FORMAT:
            raise InvalidArchive(f"manifest.json: the format is {manifest.format[:80]!r}, this version reads {FORMAT}")
        if not STREAM_ID.match(manifest.session_id):
            raise InvalidArchive("manifest.json: session_id is no id of a session")
        if manifest.head < 1:
            raise InvalidArchive("it has no records")
        return manifest

    def blocks(self) -> Iterator[bytes]:
        """The log in blocks of whole lines. The last raises when the log is not the one that was exported."""
        digest, rest = hashlib.sha256(), b""
        with self._open("events.jsonl") as log:
            while data := self._some(log):
                digest.update(data)
                whole, newline, rest = (rest + data).rpartition(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    raise InvalidArchive("events.jsonl: a line is longer than any record")
                if newline:
                    _check_lines(whole + newline)
                    yield whole + newline
        if rest:
            raise InvalidArchive("events.jsonl: the last line has no end")
        if digest.hexdigest() != self.manifest.events_sha256:
            raise InvalidArchive("events.jsonl is not what manifest.json says: its sha256 is another")

    def has_blob(self, name: str) -> bool:
        return f"blobs/{name}" in self._members

    def blob(self, name: str) -> bytes:
        member = f"blobs/{name}"
        if member not in self._members:
            raise InvalidArchive(f"it has no {member}, which a record refers to")
        data = self._read(member, self._limits.blob_bytes)
        if hashlib.sha256(data).hexdigest() != name:
            raise InvalidArchive(f"{member} is not what its name says")
        return data

    def _read(self, name: str, limit: int) -> bytes:
        if self._members[name].file_size > limit:
            raise InvalidArchive(f"{name} is longer than {limit:,} bytes")
        with self._open(name) as member:
            return b"".join(iter(lambda: self._some(member), b""))

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(self._members[name])
        except _FAULTS as error:
            raise InvalidArchive(f"{name} cannot be read: {error}") from error

    def _some(self, member: IO[bytes]) -> bytes:
        try:
            return member.read(_BLOCK_BYTES)
        except _FAULTS as error:
            raise InvalidArchive(f"the file is damaged: {error}") from error


def _check_lines(lines: bytes) -> None:
    """For lengths and numbers that no log of ours has, and no answer of ours could: a checksum is easily made."""
    for line in lines.split(b"\n")[:-1]:
        if len(line) >= MAX_LINE_BYTES:
            raise InvalidArchive("events.jsonl: a line is longer than any record")
        try:
            json.loads(line, parse_constant=_refuse, parse_float=_finite, parse_int=_short)
        except (ValueError, RecursionError) as error:
            raise InvalidArchive(f"events.jsonl: a record cannot be read: {str(error)[:200]}") from error


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _short(text: str) -> int:
    return int(text) if len(text) <= _DIGITS_MAX else int(_refuse(text))
