"""An import: a session from a file that `export` wrote, here or elsewhere."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO

from duragent.clock import Clock
from duragent.errors import Damaged, InvalidArchive, SessionExists
from duragent.journal.events import SessionCreated
from duragent.journal.record import crc_seed, decode, encode, timestamp
from duragent.journal.state import SessionState
from duragent.session.create import CreateKey, create_once, fingerprint
from duragent.session.sessions import Sessions
from duragent.transfer import archive
from duragent.transfer.log_copy import CopySource, LogCopy
from duragent.transfer.source import in_thread, stored_lines


async def import_(sessions: Sessions, clock: Clock, file: IO[bytes], *, new_id: bool) -> SessionState:
    """The session that is in this file, checked record by record; under its own id, or a new one.

    What was under way in it is wound up. Raises InvalidArchive, SessionExists.
    """
    archived = await in_thread(lambda: archive.Archive(file))
    target = clock.new_id("session") if new_id else archived.manifest.session_id
    return await _import(sessions, clock, archived, target)


async def import_once(sessions: Sessions, clock: Clock, file: IO[bytes]) -> tuple[SessionState, bool]:
    """As `import_` under its own id, and whether it is here already, record for record: then nothing is taken in.

    Raises SessionExists when the session with that id is another one.
    """
    archived = await in_thread(lambda: archive.Archive(file))
    manifest = archived.manifest
    try:
        return await _import(sessions, clock, archived, manifest.session_id), False
    except SessionExists:
        state = await sessions.state(manifest.session_id)
        digest = hashlib.sha256()
        async for lines in stored_lines(sessions, state.session_id, manifest.head):
            digest.update(lines)
        if digest.hexdigest() != manifest.events_sha256:
            raise
        return state, True


async def import_as_new(
    sessions: Sessions, clock: Clock, file: IO[bytes], key: str | None
) -> tuple[SessionState, bool]:
    """As `import_` under a new id, and whether this file was taken in before under the same key."""
    archived = await in_thread(lambda: archive.Archive(file))
    mark = fingerprint("import", archived.manifest.session_id, archived.manifest.events_sha256)

    async def make(target: str) -> SessionState:
        return await _import(sessions, clock, archived, target, _Keyed(key, mark) if key else None)

    return await create_once(CreateKey(key, mark, clock.new_id("session")), sessions.state, make)


@dataclass(frozen=True, slots=True)
class _Keyed:
    """The key under which a session is taken in: its first record keeps it."""

    key: str
    mark: str
    """The fingerprint of the request: another one under the same key is refused."""

    async def lines(self, lines: AsyncIterator[Sequence[bytes]], session_id: str) -> AsyncIterator[Sequence[bytes]]:
        seed, at_beginning = crc_seed(session_id), True
        async for block in lines:
            yield [self._first(block[0], seed), *block[1:]] if at_beginning else block
            at_beginning = False

    def _first(self, line: bytes, seed: int) -> bytes:
        record = decode(line, seed)
        if not isinstance(record.event, SessionCreated):
            return line
        kept = record.event.model_copy(update={"idempotency_key": self.key, "fingerprint": self.mark})
        return encode(replace(record, event=kept), seed).line


async def _import(
    sessions: Sessions, clock: Clock, archived: archive.Archive, target: str, keyed: _Keyed | None = None
) -> SessionState:
    source = archived.manifest.session_id
    copying = LogCopy(source, target, CopySource("the session was imported", timestamp(clock.now()), sessions.node))

    async def blocks() -> AsyncIterator[bytes]:
        reading = archived.blocks()
        while (block := await in_thread(lambda: next(reading, b""))) != b"":
            yield block
        if copying.state.seq != archived.manifest.head:
            raise InvalidArchive(f"it has {copying.state.seq} records, manifest.json says {archived.manifest.head}")
        if copying.tx is not None:
            raise InvalidArchive("events.jsonl: the last group of records is not complete")

    async def blobs() -> AsyncIterator[tuple[str, bytes]]:
        for name in sorted(copying.blobs):
            if name in copying.forgotten and not archived.has_blob(name):
                continue
            yield name, await in_thread(partial(archived.blob, name))

    try:
        lines = copying.lines(blocks())
        return await sessions.adopt(target, keyed.lines(lines, target) if keyed else lines, blobs())
    except Damaged as error:
        if error.session_id != source or error.file != "events.jsonl":
            raise
        raise InvalidArchive(f"{error.file}:{error.line}: {error.problem}") from error
