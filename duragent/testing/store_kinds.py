"""What a store promises of streams that are no sessions, tried with a kind that exists only here: a notebook."""

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from duragent.errors import Damaged, DuragentError, Fenced, NotFound, SeqConflict, StoreError
from duragent.journal.events import Opaque
from duragent.journal.fold import decode_lines
from duragent.journal.line import split_lines
from duragent.journal.record import StreamRecord, encode
from duragent.stores.base import Claim, Store, Stream, StreamKind, TornTail
from duragent.testing.store_copies import Spoil, one_after_another
from duragent.testing.store_logs import raises, read_all, read_all_back

_TS = "2026-01-02T03:04:05.678Z"


class NotebookOpened(BaseModel):
    """The first record of a notebook."""

    type: Literal["notebook_opened"] = "notebook_opened"
    owner: str


class EntryWritten(BaseModel):
    """One more note."""

    type: Literal["entry_written"] = "entry_written"
    text: str


class EntryStruck(BaseModel):
    """The note of record `note` does not count any more."""

    type: Literal["entry_struck"] = "entry_struck"
    note: int


NoteEvent = NotebookOpened | EntryWritten | EntryStruck | Opaque
NOTEBOOK = StreamKind(
    "notebook",
    {"notebook_opened": NotebookOpened, "entry_written": EntryWritten, "entry_struck": EntryStruck},
    lambda stream_id: NotFound(f"notebook '{stream_id}' not found"),
    StoreError,
)
BOOK = Stream("mind-assistantB", NOTEBOOK)


def note_lines(first: int, events: Sequence[NoteEvent]) -> list[bytes]:
    """One append of these events, the first with seq `first`."""
    count = len(events)
    marks = [f"{at}/{count}" if count > 1 else None for at in range(1, count + 1)]
    records = [StreamRecord(first + at, _TS, event, marks[at]) for at, event in enumerate(events)]
    return [encode(record, BOOK.seed).line for record in records]


OPENED = note_lines(1, [NotebookOpened(owner="assistant")])
GROUP = note_lines(2, [EntryWritten(text="milk"), EntryWritten(text="eggs"), EntryStruck(note=2)])
LINES = [*OPENED, *GROUP]


def notes(block: bytes) -> list[str]:
    """The fold of this kind: the notes that count."""
    written: dict[int, str] = {}
    for _, record in decode_lines(split_lines(block), BOOK.id, 0, types=NOTEBOOK.types):
        match record.event:
            case EntryWritten(text=text):
                written[record.seq] = text
            case EntryStruck(note=note):
                written.pop(note)
    return list(written.values())


async def _filled(store: Store) -> Claim:
    claim = await store.create(BOOK.id, OPENED)
    await store.append(claim, GROUP, expect=1)
    return claim


async def log_of_another_kind_is_kept_and_folded(store: Store) -> None:
    claim = await _filled(store)
    assert (claim.stream_id, claim.head, claim.oldest) == (BOOK.id, 4, 1)
    await store.release(claim)
    again = await store.claim(BOOK.id)
    assert (again.head, again.torn, again.damage) == (4, None, None)
    block = await read_all(store, again)
    assert (block, await read_all_back(store, again, 2)) == (b"".join(LINES),) * 2
    assert notes(block) == ["eggs"]
    assert await store.verify(BOOK.id) == 4
    assert [listed.stream_id for listed in await store.list_streams()] == [BOOK.id]


async def errors_of_another_kind_speak_of_it(store: Store) -> None:
    for refused in (store.claim(BOOK.id), store.verify(BOOK.id)):
        assert (await raises(NotFound, refused)).args == (f"notebook '{BOOK.id}' not found",)
    claim = await _filled(store)
    for refusal in (
        await raises(StoreError, store.create(BOOK.id, OPENED)),
        await raises(SeqConflict, store.append(claim, note_lines(9, [EntryWritten(text="x")]), expect=8)),
        await raises(Damaged, store.get_blob(claim, hashlib.sha256(b"x").hexdigest())),
        await raises(Damaged, store.mend(claim, 9, lambda tail: [])),
    ):
        _must_speak_of_a_notebook(refusal)
    await store.delete(BOOK.id)
    _must_speak_of_a_notebook(await raises(Fenced, store.read(claim, 0, 10)))


async def log_of_another_kind_is_taken_in_and_mended(store: Store) -> None:
    data = b"a drawing"
    digest = hashlib.sha256(data).hexdigest()
    await store.adopt(BOOK.id, one_after_another([OPENED, GROUP]), one_after_another([(digest, data)]))
    claim = await store.claim(BOOK.id)
    assert (await read_all(store, claim), await store.get_blob(claim, digest)) == (b"".join(LINES), data)

    def closing(tail: TornTail) -> Sequence[bytes]:
        return note_lines(2, [EntryWritten(text=f"{tail.size_bytes} bytes were cut off")])

    await store.mend(claim, 1, closing)
    claim = await store.claim(BOOK.id)
    assert notes(await read_all(store, claim)) == [f"{sum(map(len, GROUP))} bytes were cut off"]


async def damage_of_another_kind_is_told(store: Store, spoil: Spoil) -> None:
    """As for sessions: the good part is served, and the error names the notebook."""
    claim = await _filled(store)
    await store.append(claim, note_lines(5, [EntryWritten(text="bread")]), expect=4)
    await store.release(claim)
    spoil(store, BOOK.id, 5)
    claim = await store.claim(BOOK.id)
    assert claim.damage is not None
    _must_speak_of_a_notebook(claim.damage)
    assert notes(await read_all(store, claim)) == ["eggs"]
    _must_speak_of_a_notebook(await raises(Damaged, store.verify(BOOK.id)))


def _must_speak_of_a_notebook(error: DuragentError) -> None:
    assert f"notebook '{BOOK.id}'" in str(error), str(error)
    assert "session" not in str(error), str(error)


KIND_PROMISES = (
    log_of_another_kind_is_kept_and_folded,
    errors_of_another_kind_speak_of_it,
    log_of_another_kind_is_taken_in_and_mended,
)
