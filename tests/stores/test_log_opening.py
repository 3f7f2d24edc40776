"""A log that was cut, or in which a bit changed: nothing acknowledged is lost or changed in silence."""

from pathlib import Path

import pytest

from duragent.errors import Damaged, SessionNotFound
from duragent.journal.line import seq_of
from duragent.journal.record import crc_seed
from duragent.journal.scan import scan
from duragent.stores.base import Stream, TornTail
from duragent.stores.files.log_file import LogFile
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from tests.support.logs import SESSION, QuickDisk, conversation, ends_of, lines_of, message

APPENDS = conversation()
ENDS = ends_of(APPENDS)
WHOLE = b"".join(line for lines in APPENDS for line in lines)


def last_seq(data: bytes) -> int:
    return data.count(b"\n")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path / "sessions", disk=QuickDisk())
    store.open()
    (tmp_path / "sessions" / SESSION).mkdir()
    return store


async def test_log_cut_at_every_byte_keeps_each_whole_append_and_saves_the_rest(store: FileStore) -> None:
    folder = store.root / SESSION
    log = folder / "events.jsonl"
    for cut in range(1, len(WHOLE) + 1):
        log.write_bytes(WHOLE[:cut])
        end = max(end for end in ENDS if end <= cut)
        if end == 0:
            with pytest.raises(SessionNotFound):
                await store.claim(SESSION)
            continue
        torn = TornTail(end, cut - end, f"events.torn-{end}") if cut > end else None
        for _ in range(2):
            claim = await store.claim(SESSION)
            assert (claim.head, claim.torn, claim.damage) == (last_seq(WHOLE[:end]), torn, None)
            assert log.read_bytes() == WHOLE[:end]
        if torn:
            assert (folder / torn.saved_as).read_bytes() == WHOLE[end:cut]
            (folder / torn.saved_as).unlink()
    store.close()


async def test_torn_tail_of_nuls_is_cut_off(store: FileStore) -> None:
    log = store.root / SESSION / "events.jsonl"
    for end in ENDS[1:]:
        for tail in (b"\0", b"\0" * 5000, APPENDS[0][0][:9] + b"\0" * 600):
            log.write_bytes(WHOLE[:end] + tail)
            claim = await store.claim(SESSION)
            assert (claim.head, claim.damage) == (last_seq(WHOLE[:end]), None)
            assert claim.torn == TornTail(end, len(tail), f"events.torn-{end}")
            assert (log.parent / f"events.torn-{end}").read_bytes() == tail
            (log.parent / f"events.torn-{end}").unlink()
    store.close()


def test_record_that_became_a_hole_is_damage_unless_it_is_of_the_last_append() -> None:
    lines = [line for append in APPENDS for line in append]
    for number, line in enumerate(lines):
        data = b"".join(lines[:number]) + b"\0" * len(line) + b"".join(lines[number + 1 :])
        found = scan(data, crc_seed(SESSION), after=None)
        start = max(end for end in ENDS if end <= len(b"".join(lines[:number])))
        verdict = "torn" if start == ENDS[-2] else "damaged"
        assert (found.verdict, found.end) == (verdict, start), number
        grouped = b"".join(lines[:1]) + b"".join(APPENDS[1]).replace(APPENDS[1][0], b"\0" * len(APPENDS[1][0]))
        assert scan(grouped, crc_seed(SESSION), after=None).verdict == "torn"


def test_every_flipped_bit_is_damage_at_its_record() -> None:
    seed = crc_seed(SESSION)
    bounds = [0]
    for line in WHOLE.split(b"\n")[:-1]:
        bounds.append(bounds[-1] + len(line) + 1)
    for position in range(len(WHOLE)):
        record = next(number for number, bound in enumerate(bounds[1:], 1) if position < bound)
        group = max(end for end in ENDS if end <= bounds[record - 1])
        for bit in range(8):
            data = bytearray(WHOLE)
            data[position] ^= 1 << bit
            found = scan(bytes(data), seed, after=None)
            assert (found.verdict, found.end, found.line) == ("damaged", group, record), (position, bit)
            assert found.problem


async def test_changed_byte_makes_the_session_read_only_and_leaves_the_file_alone(store: FileStore) -> None:
    log = store.root / SESSION / "events.jsonl"
    for position in range(0, len(WHOLE), 3):
        data = bytearray(WHOLE)
        data[position] ^= 1 << (position % 8)
        log.write_bytes(data)
        claim = await store.claim(SESSION)
        assert isinstance(claim.damage, Damaged)
        end = max(end for end in ENDS if end <= position)
        assert (claim.head, claim.damage.good_seq) == (last_seq(WHOLE[:end]),) * 2
        assert await store.read(claim, 0, 100) + await store.read(claim, claim.head, 100) == WHOLE[:end]
        with pytest.raises(Damaged):
            await store.append(claim, lines_of(claim.head + 1, [message("no")]), expect=claim.head)
        assert log.read_bytes() == data
    assert [path.name for path in log.parent.iterdir()] == ["events.jsonl"]
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:4] + lines[5:],
        lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
        lambda lines: [*lines[:5], lines[4], *lines[5:]],
        lambda lines: lines[:1] + lines[2:],
        lambda lines: [b"\n", *lines],
        lambda lines: lines[:6] + lines_of(7, [message("pasted")], "session_other") + lines[7:],
        lambda lines: [*lines, b"{}\n"],
        lambda lines: [*lines[:6], lines[6].replace(b'"crc":"', b'"CRC":"'), *lines[7:]],
        lambda lines: [line.rstrip(b"\n") + b"\r\n" for line in lines],
    ],
    ids=["removed", "swapped", "twice", "first of a group", "blank", "pasted", "foreign end", "no crc", "crlf"],
)
async def test_edited_log_is_damaged(store: FileStore, change) -> None:  # type: ignore[no-untyped-def]  # a lambda
    log = store.root / SESSION / "events.jsonl"
    log.write_bytes(b"".join(change([line for lines in APPENDS for line in lines])))
    claim = await store.claim(SESSION)
    assert claim.damage is not None
    with pytest.raises(Damaged):
        await store.verify(SESSION)
    store.close()


async def test_second_torn_tail_does_not_overwrite_the_first(store: FileStore) -> None:
    folder = store.root / SESSION
    for tail in (b'{"seq":16,"ts":"first', b'{"seq":16,"ts":"second, longer'):
        (folder / "events.jsonl").write_bytes(WHOLE + tail)
        claim = await store.claim(SESSION)
        assert claim.torn is not None
        assert (folder / claim.torn.saved_as).read_bytes() == tail
    saved = sorted(path.read_bytes() for path in folder.glob("events.torn-*"))
    assert saved == [b'{"seq":16,"ts":"first', b'{"seq":16,"ts":"second, longer']
    store.close()


# --- logs too long to be checked whole when they are opened ---------------------------------------------------------


def long_log() -> list[bytes]:
    return [line for seq in range(1, 3001) for line in lines_of(seq, [message(f"{seq} " + "w" * 400)])]


def opened(folder: Path, data: bytes) -> LogFile:
    folder.mkdir(exist_ok=True)
    (folder / "events.jsonl").write_bytes(data)
    log = LogFile(QuickDisk(), folder, Stream(SESSION), Rotation())
    log.open()
    return log


def all_of(log: LogFile) -> bytes:
    found, after = b"", 0
    while block := log.read(after, 10_000):
        found, after = found + block, seq_of(block[block.rfind(b"\n", 0, -1) + 1 :])
    return found


def test_long_log_that_is_whole_is_read_whole(tmp_path: Path) -> None:
    lines = long_log()
    log = opened(tmp_path / SESSION, b"".join(lines))
    assert (log.head, log.oldest, log.damage) == (3000, 1, None)
    assert all_of(log) == b"".join(lines)
    log.close()


@pytest.mark.parametrize("what", ["a text", "a seq", "a brace", "a newline", "a line less", "garbage"])
def test_fault_in_the_middle_of_a_long_log_is_told_at_the_latest_when_it_is_read(tmp_path: Path, what: str) -> None:
    lines = long_log()
    at = 1199
    old = lines[at]
    lines[at] = {
        "a text": old.replace(b"www", b"wvw", 1),
        "a seq": old.replace(b'"seq":1200', b'"seq":1208'),
        "a brace": b"[" + old[1:],
        "a newline": old[:-1] + b"\x0b",
        "a line less": b"",
        "garbage": b"\xff" * len(old),
    }[what]
    data = b"".join(lines)
    log = opened(tmp_path / SESSION, data)
    with pytest.raises(Damaged) as told:
        all_of(log)
    assert (told.value.file, told.value.line, told.value.good_seq) == ("events.jsonl", 1200, 1199)
    assert log.damage is not None
    with pytest.raises(Damaged):
        log.append(lines_of(3001, [message("no")]), expect=3000)
    for seq in (1, 600, 1199):
        assert log.read(seq - 1, 1) == lines[seq - 1]
    with pytest.raises(Damaged):
        log.read_back(1205, 20)
    assert (tmp_path / SESSION / "events.jsonl").read_bytes() == data
    log.close()


def test_long_log_cut_anywhere_in_its_last_records_is_mended(tmp_path: Path) -> None:
    lines = long_log()
    whole = b"".join(lines)
    for less in range(1, len(lines[-1]) + len(lines[-2]), 13):
        log = opened(tmp_path / SESSION, whole[:-less])
        head = 2999 if less <= len(lines[-1]) else 2998
        assert (log.head, log.damage) == (head, None)
        assert (log.torn is None) == (less == len(lines[-1]))
        log.close()
        for path in (tmp_path / SESSION).glob("events.torn*"):
            path.unlink()
