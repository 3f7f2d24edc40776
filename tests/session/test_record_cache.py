"""What is remembered of decoded lines is never told apart from decoding them anew."""

from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.journal.events import MessageReceived, ModelReplied
from duragent.journal.line import MAX_LINE_BYTES, BadLine
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.session import record_cache
from duragent.session.record_cache import RecordCache, RestingCaches
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house

SEED = crc_seed("session_a")


def no_blob(name: str) -> bytes:
    raise AssertionError(f"{name} was asked for")


def line(seq: int, text: str = "hello") -> bytes:
    return encode(Record(seq, "2026-01-01T00:00:00.000Z", MessageReceived(message_id="m", text=text)), SEED).line


def lines(first: int, last: int) -> bytes:
    return b"".join(line(seq) for seq in range(first, last + 1))


def test_decoded_gives_the_records_of_the_lines_again_and_again() -> None:
    memory = RecordCache(SEED)
    expected = [decode(line(seq), SEED) for seq in range(1, 9)]
    assert memory.records(lines(1, 8), no_blob) == expected
    assert memory.records(lines(5, 8), no_blob) == expected[4:]
    assert memory.records(lines(1, 8), no_blob) == expected
    memory.forget()
    assert memory.records(lines(1, 8), no_blob) == expected


def test_decoded_decodes_a_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    memory = RecordCache(SEED)
    memory.records(lines(1, 6), no_blob)
    memory.records(lines(4, 6), no_blob)
    memory.records(lines(1, 8), no_blob)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
    memory.forget()
    memory.records(lines(7, 8), no_blob)
    assert seen[8:] == [7, 8]


def test_decoded_remembers_the_newest_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    memory = RecordCache(SEED, most_bytes=3 * len(line(1)))
    memory.records(lines(1, 6), no_blob)
    memory.records(lines(1, 6), no_blob)
    assert seen == [1, 2, 3, 4, 5, 6, 1, 2, 3]


def test_decoded_does_not_remember_texts_that_were_moved_out() -> None:
    encoded = encode(
        Record(1, "2026-01-01T00:00:00.000Z", ModelReplied(message_id="m", text="x" * MAX_LINE_BYTES)), SEED
    )
    memory, asked = RecordCache(SEED), []

    def blob(name: str) -> bytes:
        asked.append(name)
        return encoded.blobs[name]

    first, second = (memory.records(encoded.line, blob) for _ in range(2))
    assert first == second == [decode(encoded.line, SEED, encoded.blobs.__getitem__)]
    assert asked == [*encoded.blobs] * 2


def test_decoded_refuses_a_line_that_was_changed_meanwhile() -> None:
    memory = RecordCache(SEED)
    memory.records(line(1), no_blob)
    with pytest.raises(BadLine):
        memory.records(line(1).replace(b"hello", b"hallo"), no_blob)


def test_caches_that_rest_share_one_bound_and_the_oldest_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = count_decodes(monkeypatch)
    resting = RestingCaches(most_bytes=2 * len(line(1)))
    first, second, third = (RecordCache(SEED, resting=resting) for _ in range(3))
    for seq, each in enumerate((first, second), 1):
        each.records(line(seq), no_blob)
        each.rest()
    first.records(line(1), no_blob)
    first.rest()
    third.records(line(3), no_blob)
    third.rest()
    assert seen == [1, 2, 3]
    for seq, each in enumerate((first, second, third), 1):
        each.records(line(seq), no_blob)
    assert seen[3:] == [2]


def test_cache_in_use_is_not_emptied_by_those_that_rest() -> None:
    resting = RestingCaches(most_bytes=1)
    used, other = RecordCache(SEED, resting=resting), RecordCache(SEED, resting=resting)
    before = used.records(line(1), no_blob)
    other.records(line(2), no_blob)
    other.rest()
    assert used.records(line(1), no_blob)[0] is before[0]


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
