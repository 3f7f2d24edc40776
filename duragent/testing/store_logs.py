"""Logs to try a store with: lines, sessions that have them, and how they are read back."""

import hashlib
from collections.abc import Awaitable, Sequence

from duragent.errors import DuragentError, Fenced
from duragent.journal.events import Event, MessageReceived, SessionCreated
from duragent.journal.line import seq_of
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.base import Claim, Store

SESSION = "session_01contract"
_TS = "2026-01-02T03:04:05.678Z"


def message_lines(session_id: str, first: int, texts: Sequence[str]) -> list[bytes]:
    """One append of messages, the first with seq `first`, marked as a group when they are several."""
    count = len(texts)
    return [
        _line(session_id, first + at, MessageReceived(message_id=f"msg_{first + at}", text=text), at + 1, count)
        for at, text in enumerate(texts)
    ]


def first_line(session_id: str) -> bytes:
    """The line that every log begins with."""
    return _line(session_id, 1, SessionCreated(agent="assistant"), 1, 1)


def _line(session_id: str, seq: int, event: Event, number: int, count: int) -> bytes:
    mark = f"{number}/{count}" if count > 1 else None
    return encode(Record(seq, _TS, event, mark), crc_seed(session_id)).line


async def filled(store: Store, texts: Sequence[str], session_id: str = SESSION) -> tuple[Claim, list[bytes]]:
    """A session with `session_created` and one append for each text, and its lines."""
    lines = [first_line(session_id)]
    claim = await store.create(session_id, lines)
    for text in texts:
        more = message_lines(session_id, len(lines) + 1, [text])
        await store.append(claim, more, expect=len(lines))
        lines += more
    return claim, lines


async def read_all(store: Store, claim: Claim, limit: int = 1000) -> bytes:
    """The whole log, read forwards."""
    found, after = b"", claim.oldest - 1
    while block := await store.read(claim, after, limit):
        found, after = found + block, seqs(block)[-1]
    return found


async def read_all_back(store: Store, claim: Claim, limit: int) -> bytes:
    """The whole log, read backwards."""
    found, before = b"", None
    while block := await store.read_back(claim, before, limit):
        found, before = block + found, seqs(block)[0]
    return found


def seqs(block: bytes) -> list[int]:
    assert block.endswith(b"\n")
    return [seq_of(line) for line in block.split(b"\n")[:-1]]


async def raises(kind: type[DuragentError], done: Awaitable[object]) -> DuragentError:
    """The error of this kind that `done` ends with."""
    try:
        await done
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


async def all_fenced(store: Store, claim: Claim) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    await raises(Fenced, store.append(claim, message_lines(SESSION, 3, ["no"]), expect=2))
    await raises(Fenced, store.read(claim, 0, 10))
    await raises(Fenced, store.read_back(claim, None, 10))
    await raises(Fenced, store.put_blob(claim, digest, b"x"))
    await raises(Fenced, store.get_blob(claim, digest))
    await raises(Fenced, store.put_snapshot(claim, b"x"))
    await raises(Fenced, store.put_partial(claim, b"x", append=False))
    await raises(Fenced, store.get_partial(claim))
