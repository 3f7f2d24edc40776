"""What is remembered of decoded lines is never told apart from decoding them anew."""

from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.context.transcript import TalkFold
from duragent.journal.events import MemoryRecalled, MessageReceived
from duragent.journal.line import MAX_LINE_BYTES, BadLine
from duragent.journal.record import Record, blob_names, crc_seed, decode, encode
from duragent.session import record_cache
from duragent.session.record_cache import RecordCache, RestingCaches
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house

SEED = crc_seed("session_a")


async def no_blob(lines: bytes) -> dict[str, bytes]:
    raise AssertionError("blobs were asked for")


def line(seq: int, text: str = "hello") -> bytes:
    return encode(Record(seq, "2026-01-01T00:00:00.000Z", MessageReceived(message_id="m", text=text)), SEED).line


def lines(first: int, last: int) -> bytes:
    return b"".join(line(seq) for seq in range(first, last + 1))


async def test_decoded_gives_the_records_of_the_lines_again_and_again() -> None:
    memory = RecordCache(SEED)
    expected = [decode(line(seq), SEED) for seq in range(1, 9)]
    assert await memory.records(lines(1, 8), no_blob) == expected
    assert await memory.records(lines(5, 8), no_blob) == expected[4:]
    assert await memory.records(lines(1, 8), no_blob) == expected
    memory.forget()
    assert await memory.records(lines(1, 8), no_blob) == expected


async def test_decoded_decodes_a_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    memory = RecordCache(SEED)
    await memory.records(lines(1, 6), no_blob)
    await memory.records(lines(4, 6), no_blob)
    await memory.records(lines(1, 8), no_blob)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
    memory.forget()
    await memory.records(lines(7, 8), no_blob)
    assert seen[8:] == [7, 8]


async def test_decoded_remembers_the_newest_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    memory = RecordCache(SEED, most_bytes=3 * len(line(1)))
    await memory.records(lines(1, 6), no_blob)
    await memory.records(lines(1, 6), no_blob)
    assert seen == [1, 2, 3, 4, 5, 6, 1, 2, 3]


@pytest.mark.parametrize(("size", "times"), [(MAX_LINE_BYTES, 3), (MAX_LINE_BYTES // 80, 1)])
async def test_decoded_does_not_remember_long_texts_that_were_moved_out(size: int, times: int) -> None:
    event = MemoryRecalled(turn="t", upto_seq=1, text="x" * size)
    encoded, asked = encode(Record(1, "2026-01-01T00:00:00.000Z", event), SEED), list[str]()
    memory = RecordCache(SEED)

    async def blobs(lines: bytes) -> dict[str, bytes]:
        asked.extend(blob_names(lines))
        return encoded.blobs

    for behind in (b"", b"", line(2)):
        found = await memory.records(encoded.line + behind, blobs)
        assert found[0] == decode(encoded.line, SEED, encoded.blobs.__getitem__)
    assert asked == [*encoded.blobs] * times


@pytest.mark.parametrize(("size", "taken"), [(MAX_LINE_BYTES, [1, 2, 1, 2]), (MAX_LINE_BYTES // 80, [1, 2])])
async def test_conversation_with_long_texts_is_not_kept_between_two_turns(
    monkeypatch: pytest.MonkeyPatch, size: int, taken: list[int]
) -> None:
    record = Record(1, "2026-01-01T00:00:00.000Z", MessageReceived(message_id="m", text="x" * size))
    encoded, memory, seen = encode(record, SEED), RecordCache(SEED), list[int]()
    take = TalkFold.take

    def counted(self: TalkFold, record: Record) -> None:
        seen.append(record.seq)
        take(self, record)

    monkeypatch.setattr(TalkFold, "take", counted)

    async def blobs(lines: bytes) -> dict[str, bytes]:
        return encoded.blobs

    for _ in range(2):
        memory.talk.of(await memory.records(encoded.line + line(2), blobs))
        memory.rest()
    assert seen == taken


async def test_decoded_reads_all_anew_once_it_is_told_to_forget() -> None:
    encoded = encode(Record(1, "2026-01-01T00:00:00.000Z", MemoryRecalled(turn="t", upto_seq=1, text="secret")), SEED)
    memory, kept = RecordCache(SEED), dict(encoded.blobs)

    async def blobs(lines: bytes) -> dict[str, bytes]:
        return dict(kept)

    async def forgotten_meanwhile(lines: bytes) -> dict[str, bytes]:
        memory.forget()
        return encoded.blobs

    await memory.records(encoded.line, forgotten_meanwhile)
    kept = dict.fromkeys(kept, b"gone")
    for _ in range(2):
        [record] = await memory.records(encoded.line, blobs)
        assert record.event == MemoryRecalled(turn="t", upto_seq=1, text="gone")


async def test_decoded_refuses_a_line_that_was_changed_meanwhile() -> None:
    memory = RecordCache(SEED)
    await memory.records(line(1), no_blob)
    with pytest.raises(BadLine):
        await memory.records(line(1).replace(b"hello", b"hallo"), no_blob)


async def test_caches_that_rest_share_one_bound_and_the_oldest_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    resting = RestingCaches(most_bytes=2 * len(line(1)))
    first, second, third = (RecordCache(SEED, resting=resting) for _ in range(3))
    for seq, each in enumerate((first, second), 1):
        await each.records(line(seq), no_blob)
        each.rest()
    await first.records(line(1), no_blob)
    first.rest()
    await third.records(line(3), no_blob)
    third.rest()
    assert seen == [1, 2, 3]
    for seq, each in enumerate((first, second, third), 1):
        await each.records(line(seq), no_blob)
    assert seen[3:] == [2]


async def test_cache_in_use_is_not_emptied_by_those_that_rest() -> None:
    resting = RestingCaches(most_bytes=1)
    used, other = RecordCache(SEED, resting=resting), RecordCache(SEED, resting=resting)
    before = await used.records(line(1), no_blob)
    await other.records(line(2), no_blob)
    other.rest()
    assert (await used.records(line(1), no_blob))[0] is before[0]


async def test_steps_of_a_turn_and_the_next_turn_decode_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = count_decodes(monkeypatch)
    store = FileStore(tmp_path / "sessions")
    store.open()
    async with open_house(store, ScriptedModel(otherwise="yes"), tmp_path / "agents") as house:
        session = await house.new()
        for text in ("one", "two"):
            await house.ask(session, text)
            await house.idle(session)
    store.close()
    # Up to the question of the first turn: created, claimed, message, started. The second goes on from there.
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) > 4


def count_decodes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seqs of the lines that are decoded from now on."""
    seen: list[int] = []

    def counted(line: bytes, seed: int, blob: Callable[[str], bytes]) -> Record:
        record = decode(line, seed, blob)
        seen.append(record.seq)
        return record

    monkeypatch.setattr(record_cache, "decode", counted)
    return seen
