"""Forks, exports and imports: a session from the records of another one. Built on what `Sessions` offers to all."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, TypeVar

from duragent import __version__
from duragent.clock import Clock
from duragent.errors import Damaged, InvalidArchive, InvalidRequest, SessionExists, StoreFull
from duragent.journal.events import SessionCreated, SessionRenamed
from duragent.journal.record import crc_seed, decode, encode, timestamp
from duragent.journal.state import SessionState
from duragent.session.create import Wish, marked, once
from duragent.session.sessions import Sessions
from duragent.session.watch import as_block
from duragent.system.os_errors import in_words
from duragent.transfer import archive
from duragent.transfer.log_copy import Copying, Copyist

LINES = 1_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Fork:
    """A wish for a session that shares the past of another one, up to record `at` (None: all of it)."""

    session_id: str
    at: int | None = None
    title: str | None = None
    idempotency_key: str | None = None


async def fork(sessions: Sessions, clock: Clock, wanted: Fork) -> tuple[SessionState, bool]:
    """The new session, and whether it was made before under the same key.

    What was under way at that record is wound up in the fork: nothing is run twice. Raises SessionNotFound,
    InvalidRequest.
    """
    key, mark = wanted.idempotency_key, marked("fork", wanted.session_id, wanted.at, wanted.title)

    async def make(target: str) -> SessionState:
        state = await sessions.state(wanted.session_id)
        if state.seq == 0:
            raise InvalidRequest(
                f"session '{wanted.session_id}' has no record that can be read: there is nothing to share"
            )
        at = state.seq if wanted.at is None else wanted.at
        if not 1 <= at <= state.seq:
            problem = f"session '{wanted.session_id}' has the records 1 to {state.seq}, not {at}"
            raise InvalidRequest(problem)

        def first(created: SessionCreated) -> SessionCreated:
            about = {"parent": f"{wanted.session_id}@{at}", "idempotency_key": key, "fingerprint": mark}
            return created.model_copy(update=about)

        # Not in the first record, because the past may hold another title.
        titled = [] if wanted.title is None else [SessionRenamed(title=wanted.title or None)]
        by = Copyist("the session was forked", timestamp(clock.now()), sessions.node)
        copying = Copying(wanted.session_id, target, by, first, titled)
        lines = _of_fork(copying, copying.lines(_stored(sessions, wanted.session_id, at)))
        return await sessions.adopt(target, lines, _blobs(sessions, wanted.session_id, copying))

    return await once(Wish(key, mark, clock.new_id("session")), sessions.state, make)


async def _of_fork(copying: Copying, lines: AsyncIterator[Sequence[bytes]]) -> AsyncIterator[Sequence[bytes]]:
    async for block in lines:
        yield block
    if copying.closed_seq:
        before = f"{copying.source}@{copying.closed_seq - 1}"
        raise InvalidRequest(f"the session was closed at record {copying.closed_seq}: fork it before that, at {before}")
    if copying.state.parent is None:
        raise InvalidRequest("the beginning of this log was compacted away: it cannot be forked")


async def _stored(sessions: Sessions, session_id: str, upto: int) -> AsyncIterator[bytes]:
    after = 0
    while after < upto and (lines := await sessions.read(session_id, after, min(LINES, upto - after))):
        block = as_block(lines)
        yield lines if block.last_seq <= upto else b"".join(lines.splitlines(True)[: upto + 1 - block.first_seq])
        # Not the number of lines: the beginning of a log of duragent-rust may have been compacted away.
        after = block.last_seq


async def _blobs(sessions: Sessions, session_id: str, copying: Copying) -> AsyncIterator[tuple[str, bytes]]:
    for name in sorted(copying.blobs):
        yield name, await sessions.blob(session_id, name)


# --- one file -------------------------------------------------------------------------------------------------------


async def export(sessions: Sessions, clock: Clock, session_id: str) -> IO[bytes]:
    """The session as one file (`archive.py`), at its beginning; the caller closes it. Raises Damaged, StoreFull."""
    state = await sessions.state(session_id)
    if damage := await sessions.damage(session_id):
        raise damage
    try:
        # At once: nobody would close what comes when its caller has gone.
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise _no_room(error) from error
    try:
        await _write(sessions, clock, state, file)
        await _settled(lambda: file.seek(0))
    except BaseException:
        file.close()
        raise
    return file


async def _write(sessions: Sessions, clock: Clock, state: SessionState, file: IO[bytes]) -> None:
    ts = timestamp(clock.now())
    copying = Copying(state.session_id, state.session_id, Copyist("", ts, ""))
    writer = archive.Writer(file)
    try:
        async for block in _stored(sessions, state.session_id, state.seq):
            await _settled(partial(copying.take, block))
            await _settled(partial(writer.add_lines, block))
        async for name, data in _blobs(sessions, state.session_id, copying):
            await _settled(partial(writer.add_blob, name, data))
        manifest = archive.Manifest(
            format=archive.FORMAT,
            session_id=state.session_id,
            agent=state.agent,
            head=state.seq,
            events_sha256="",
            exported_at=ts,
            duragent=__version__,
        )
        await _settled(lambda: writer.finish(manifest))
    except BaseException:
        writer.abandon()
        raise


async def _settled(work: Callable[[], _T]) -> _T:
    """Blocking work in a thread; who is cancelled in the middle goes on only when it has ended. Raises StoreFull."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> StoreFull:
    return StoreFull(f"there is no room for a temporary file: {in_words(error)}")


async def take_in(sessions: Sessions, clock: Clock, file: IO[bytes], *, new_id: bool) -> SessionState:
    """The session that is in this file, checked record by record; under its own id, or a new one.

    What was under way in it is wound up. Raises InvalidArchive, SessionExists.
    """
    found = await _settled(lambda: archive.Archive(file))
    target = clock.new_id("session") if new_id else found.manifest.session_id
    return await _taken_in(sessions, clock, found, target)


async def take_in_once(sessions: Sessions, clock: Clock, file: IO[bytes]) -> tuple[SessionState, bool]:
    """As `take_in` under its own id, and whether it is here already, record for record: then nothing is taken in.

    Raises SessionExists when the session with that id is another one.
    """
    found = await _settled(lambda: archive.Archive(file))
    manifest = found.manifest
    try:
        return await _taken_in(sessions, clock, found, manifest.session_id), False
    except SessionExists:
        state = await sessions.state(manifest.session_id)
        digest = hashlib.sha256()
        async for lines in _stored(sessions, state.session_id, manifest.head):
            digest.update(lines)
        if digest.hexdigest() != manifest.events_sha256:
            raise
        return state, True


async def take_in_anew(sessions: Sessions, clock: Clock, file: IO[bytes], key: str | None) -> tuple[SessionState, bool]:
    """As `take_in` under a new id, and whether this file was taken in before under the same key."""
    found = await _settled(lambda: archive.Archive(file))
    mark = marked("import", found.manifest.session_id, found.manifest.events_sha256)

    async def make(target: str) -> SessionState:
        return await _taken_in(sessions, clock, found, target, _Keyed(key, mark) if key else None)

    return await once(Wish(key, mark, clock.new_id("session")), sessions.state, make)


@dataclass(frozen=True, slots=True)
class _Keyed:
    """The key under which a session is taken in, and what else may come under it: its first record keeps both."""

    key: str
    mark: str

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


async def _taken_in(
    sessions: Sessions, clock: Clock, found: archive.Archive, target: str, keyed: _Keyed | None = None
) -> SessionState:
    source = found.manifest.session_id
    copying = Copying(source, target, Copyist("the session was imported", timestamp(clock.now()), sessions.node))

    async def blocks() -> AsyncIterator[bytes]:
        reading = found.blocks()
        while (block := await _settled(lambda: next(reading, b""))) != b"":
            yield block
        if copying.state.seq != found.manifest.head:
            raise InvalidArchive(f"it has {copying.state.seq} records, manifest.json says {found.manifest.head}")
        if copying.tx is not None:
            raise InvalidArchive("events.jsonl: the last group of records is not complete")

    async def blobs() -> AsyncIterator[tuple[str, bytes]]:
        for name in sorted(copying.blobs):
            yield name, await _settled(partial(found.blob, name))

    try:
        lines = copying.lines(blocks())
        return await sessions.adopt(target, keyed.lines(lines, target) if keyed else lines, blobs())
    except Damaged as error:
        if error.session_id != source or error.file != "events.jsonl":
            raise
        raise InvalidArchive(f"{error.file}:{error.line}: {error.problem}") from error
