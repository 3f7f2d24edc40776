"""A session as one file: what is taken in, and that nothing hostile is."""

import asyncio
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from duragent.errors import InvalidArchive, SessionExists, Stopping
from duragent.journal import events as e
from duragent.journal.line import MAX_LINE_BYTES
from duragent.journal.record import Record, crc_seed, encode
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.transfer import archive
from duragent.transfer.export import export
from duragent.transfer.import_ import import_
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import House, open_house
from tests.support.logs import TS, QuickDisk, lines_of, message

SESSION = "session_01archive"
SEED = crc_seed(SESSION)
OUTPUT = b"a long output \xff" * 100
DIGEST = sha256(OUTPUT).hexdigest()
HAPPENED: list[list[e.Event]] = [
    [e.SessionCreated(agent="assistant", title="Old"), e.OwnerClaimed(epoch=1, node="elsewhere")],
    [message("hi")],
    [e.TurnStarted(turn="t", trigger=3)],
    [e.ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=3)],
    [e.ModelReplied(turn="t", message_id="m", calls=(e.Call(call="c", tool="bash", arguments="{}"),))],
    [e.ToolFinished(turn="t", call="c", tool="bash", outcome="ok", content="…", output_sha256=DIGEST)],
    [e.TurnEnded(turn="t", outcome="completed")],
]


def good_lines() -> list[bytes]:
    found: list[bytes] = []
    for happened in HAPPENED:
        found += lines_of(len(found) + 1, happened, SESSION)
    return found


def members(lines: list[bytes] | None = None, **changed: object) -> dict[str, bytes]:
    """What is in a good export; `changed` is of the manifest."""
    lines = good_lines() if lines is None else lines
    log = b"".join(lines)
    manifest: dict[str, object] = {"format": archive.FORMAT, "session_id": SESSION, "agent": "assistant"}
    manifest |= {"head": len(lines), "events_sha256": sha256(log).hexdigest(), "exported_at": TS}
    return {
        "events.jsonl": log,
        f"blobs/{DIGEST}": OUTPUT,
        "manifest.json": json.dumps(manifest | changed).encode(),
    }


def zipped(parts: Mapping[str, bytes] | list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as writing:
        for name, data in parts.items() if isinstance(parts, Mapping) else parts:
            writing.writestr(name, data)
    return file.getvalue()


@dataclass
class Place:
    """A house on real files."""

    root: Path
    house: House

    async def take(self, data: bytes, *, new_id: bool = False) -> str:
        state = await import_(self.house.sessions, self.house.clock, io.BytesIO(data), new_id=new_id)
        return state.session_id

    async def refused(self, data: bytes) -> str:
        """Why it is not taken in; nothing of it is there then."""
        with pytest.raises(InvalidArchive) as caught:
            await self.take(data)
        assert self.is_empty()
        assert "\n" not in str(caught.value)
        return caught.value.problem

    def is_empty(self) -> bool:
        return list(self.root.iterdir()) == [] and not self.house.sessions.damaged()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


@asynccontextmanager
async def place_in(folder: Path) -> AsyncIterator[Place]:
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    async with open_house(store, ScriptedModel(otherwise="fine"), folder / "agents") as house:
        yield Place(folder / "sessions", house)
    store.close()


# --- what is good ---------------------------------------------------------------------------------------------------


async def test_good_file_is_taken_in_byte_for_byte_and_goes_on(place: Place) -> None:
    assert await place.take(zipped(members())) == SESSION
    folder = place.root / SESSION
    assert (folder / "events.jsonl").read_bytes() == b"".join(good_lines())
    assert [path.name for path in (folder / "blobs").iterdir()] == [DIGEST]
    assert [path.name for path in place.root.iterdir()] == [SESSION]
    with pytest.raises(SessionExists):
        await place.take(zipped(members()))
    assert (await place.house.ask(SESSION, "and now?")).outcome == "completed"


async def test_what_was_exported_is_taken_in_under_a_new_id_beside_it(place: Place) -> None:
    await place.take(zipped(members()))
    with await export(place.house.sessions, place.house.clock, SESSION) as file:
        data = file.read()
    with zipfile.ZipFile(io.BytesIO(data)) as reading:
        assert reading.namelist() == ["events.jsonl", f"blobs/{DIGEST}", "manifest.json"]
        assert reading.read("events.jsonl") == b"".join(good_lines())
        manifest = json.loads(reading.read("manifest.json"))
    assert (manifest["format"], manifest["head"], manifest["session_id"]) == (archive.FORMAT, 8, SESSION)
    other = await place.take(data, new_id=True)
    assert other != SESSION
    there, here = [await place.house.records(session) for session in (SESSION, other)]
    assert [(each.seq, each.ts, each.event) for each in here] == [(each.seq, each.ts, each.event) for each in there]
    assert await place.house.sessions.blob(other, DIGEST) == OUTPUT


async def test_fields_and_types_of_later_versions_and_stored_members_are_taken_in(place: Place) -> None:
    later = encode(Record(9, TS, e.Opaque(type="moon_rose", payload={"phase": 0.5})), SEED).line
    data = members([*good_lines(), later], more="fields")
    assert await place.take(zipped(data, zipfile.ZIP_STORED)) == SESSION
    assert (place.root / SESSION / "events.jsonl").read_bytes() == data["events.jsonl"]


async def test_two_who_bring_the_same_session_at_once_do_not_mix(place: Place) -> None:
    data = zipped(members())
    found = await asyncio.gather(*(place.take(data) for _ in range(4)), return_exceptions=True)
    assert [each for each in found if isinstance(each, str)] == [SESSION]
    assert all(isinstance(each, SessionExists) for each in found if each != SESSION)
    assert [path.name for path in place.root.iterdir()] == [SESSION]


async def test_who_goes_away_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    data = zipped(members())
    for steps in range(0, 400, 7):
        async with place_in(tmp_path / str(steps)) as place:
            file = io.BytesIO(data)
            taking = asyncio.ensure_future(import_(place.house.sessions, place.house.clock, file, new_id=False))
            for _ in range(steps):
                await asyncio.sleep(0)
            done = not taking.cancel()
            await asyncio.wait((taking,))
            file.close()
            await place.house.sessions.close(0)
            left = [path.name for path in place.root.iterdir() if path.name != ".index.jsonl"]
            assert left in ([], [SESSION])
            if left:
                assert (place.root / SESSION / "events.jsonl").read_bytes() == b"".join(good_lines())
            if done:
                break


# --- what is not ----------------------------------------------------------------------------------------------------


def without(name: str) -> bytes:
    return zipped({each: data for each, data in members().items() if each != name})


def with_lines(change: Callable[[list[bytes]], object]) -> bytes:
    lines = good_lines()
    change(lines)
    return zipped(members(lines))


def forged(*events: e.Event, tx: str | None = None) -> bytes:
    """Records behind the good ones, with checksums that fit."""
    lines = good_lines()
    lines += [encode(Record(len(lines) + at, TS, event, tx), SEED).line for at, event in enumerate(events, 1)]
    return zipped(members(lines))


def flagged(bit: int) -> bytes:
    """Every member with this flag in the list of members."""
    data = bytearray(zipped(members()))
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= bit
    return bytes(data)


def method(number: int) -> bytes:
    data = bytearray(zipped(members()))
    at = data.find(b"PK\x01\x02")
    data[at + 10 : at + 12] = struct.pack("<H", number)
    return bytes(data)


def claiming(size: int) -> bytes:
    """A list of members that says of itself to be so long."""
    data = bytearray(zipped(members()))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = struct.pack("<I", size)
    return bytes(data)


def duplicate(name: str) -> bytes:
    parts = members()
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped([*parts.items(), (name, parts[name])])


def number(text: bytes) -> bytes:
    head = b'{"seq":9,"ts":"2026-01-02T03:04:05.678Z","type":"moon_rose","phase":%b' % text
    return zipped(members([*good_lines(), b'%b,"crc":"%08x"}\n' % (head, zlib.crc32(head, SEED))]))


OTHER = sha256(b"other").hexdigest()
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "it is cut off, or no export of a session"),
    "no zip": (lambda: b"PK\x03\x04" + bytes(1000), "it is cut off, or no export of a session"),
    "another zip": (lambda: zipped({"a.txt": b"a"}), "it has no manifest.json"),
    "no members": (lambda: zipped({}), "it has no manifest.json"),
    "no manifest": (lambda: without("manifest.json"), "it has no manifest.json"),
    "no log": (lambda: without("events.jsonl"), "it has no events.jsonl"),
    "no blob": (lambda: without(f"blobs/{DIGEST}"), f"it has no blobs/{DIGEST}, which a record refers to"),
    "outside": (lambda: zipped(members() | {"../x": b""}), "'../x' does not belong into an export"),
    "absolute": (lambda: zipped(members() | {"/etc/passwd": b""}), "'/etc/passwd' does not belong"),
    "odd blob": (lambda: zipped(members() | {"blobs/x": b""}), "'blobs/x' does not belong"),
    "blob's path": (lambda: zipped(members() | {f"blobs/../{DIGEST}": b""}), "does not belong"),
    "folder": (lambda: zipped(members() | {"blobs/": b""}), "'blobs/' does not belong"),
    "terminal": (lambda: zipped(members() | {"\x1b[2J" * 99: b""}), "'\\x1b[2J"),
    "log twice": (lambda: duplicate("events.jsonl"), "it has two members of one name"),
    "manifest twice": (lambda: duplicate("manifest.json"), "it has two members of one name"),
    "other bytes in a blob": (lambda: zipped(members() | {f"blobs/{DIGEST}": b"no"}), "is not what its name says"),
    "manifest is no JSON": (lambda: zipped(members() | {"manifest.json": b"{"}), "manifest.json: it is no JSON object"),
    "manifest is no object": (
        lambda: zipped(members() | {"manifest.json": b"[]"}),
        "manifest.json: must be an object, not []",
    ),
    "manifest is long": (lambda: zipped(members() | {"manifest.json": b" " * 70_000}), "manifest.json is longer than"),
    "manifest lacks": (lambda: zipped(members() | {"manifest.json": b"{}"}), "manifest.json: format is missing"),
    "other format": (lambda: zipped(members(format="duragent/export/v9")), "the format is 'duragent/export/v9', this"),
    "other session": (lambda: zipped(members(session_id="session_other")), "events.jsonl:1: the checksum does not fit"),
    "id is a path": (lambda: zipped(members(session_id="../x")), "manifest.json: session_id is no id of a session"),
    "id is none": (lambda: zipped(members(session_id="")), "manifest.json: session_id is no id of a session"),
    "fewer records": (lambda: zipped(members(head=7)), "it has 8 records, manifest.json says 7"),
    "more records": (lambda: zipped(members(head=9)), "it has 8 records, manifest.json says 9"),
    "no records": (lambda: zipped(members([])), "it has no records"),
    "negative records": (lambda: zipped(members(head=-1)), "it has no records"),
    "other log": (lambda: zipped(members(events_sha256="0" * 64)), "is not what manifest.json says: its sha256 is"),
    "record left out": (lambda: with_lines(lambda lines: lines.pop(3)), "events.jsonl:4: record 5 follows record 3"),
    "records swapped": (lambda: with_lines(lambda lines: lines.reverse()), "events.jsonl:1: "),
    "half a group": (lambda: with_lines(lambda lines: lines.pop(0)), "events.jsonl:1: "),
    "changed record": (
        lambda: with_lines(lambda lines: lines.__setitem__(2, lines[2].replace(b"hi", b"ho"))),
        "events.jsonl:3: the checksum does not fit",
    ),
    "no end": (lambda: with_lines(lambda lines: lines.__setitem__(-1, lines[-1][:-1])), "the last line has no end"),
    "no JSON": (lambda: with_lines(lambda lines: lines.append(b"hello\n")), "events.jsonl: a record cannot be read: "),
    "long line": (
        lambda: with_lines(lambda lines: lines.append(b"x" * (MAX_LINE_BYTES + 9) + b"\n")),
        "a line is longer than any record",
    ),
    "deep line": (lambda: number(b"[" * 100_000 + b"]" * 100_000), "a record cannot be read"),
    "no number": (lambda: number(b"NaN"), "a record cannot be read: NaN is no number"),
    "endless number": (lambda: number(b"1e999"), "a record cannot be read: 1e999 is no number"),
    "long number": (lambda: number(b"9" * 4000), "a record cannot be read: 999"),
    "group without an end": (lambda: forged(message("x"), tx="1/2"), "the last group of records is not complete"),
    "group without a beginning": (lambda: forged(message("x"), tx="2/2"), "events.jsonl:9: it is not of the group"),
    "group of none": (lambda: forged(message("x"), tx="1/0"), "events.jsonl:9: it is not of the group"),
    "wrong fields": (lambda: forged(e.Opaque(type="turn_ended", payload={"turn": 7})), "events.jsonl:9: field turn: "),
    "blob of a forged record": (
        lambda: forged(e.ToolFinished(turn="t", call="c", outcome="ok", output_sha256=OTHER)),
        f"it has no blobs/{OTHER}, which a record refers to",
    ),
    "blob that leads out": (
        lambda: forged(e.ToolFinished(turn="t", call="c", outcome="ok", output_sha256="../../x")),
        "it has no blobs/../../x, which",
    ),
    "encrypted": (lambda: flagged(1), "is encrypted"),
    "strongly encrypted": (lambda: flagged(0x41), "is encrypted"),
    "unknown compression": (lambda: method(99), "is compressed in a way that an export is not"),
    "bzip2": (lambda: zipped(members(), zipfile.ZIP_BZIP2), "is compressed in a way that an export is not"),
    "lzma": (lambda: zipped(members(), zipfile.ZIP_LZMA), "is compressed in a way that an export is not"),
    "long list of members": (lambda: claiming(1 << 31), "it is cut off, or no export of a session"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [pytest.param(pair, id=name) for name, pair in BAD.items()])
async def test_bad_file_is_refused_with_the_reason_and_nothing_of_it_stays(
    place: Place, make: tuple[Callable[[], bytes], str]
) -> None:
    make_data, why = make
    assert why in await place.refused(make_data())


async def test_blob_that_no_record_refers_to_is_left_out(place: Place) -> None:
    await place.take(zipped(members() | {f"blobs/{OTHER}": b"other"}))
    assert [path.name for path in (place.root / SESSION / "blobs").iterdir()] == [DIGEST]


SMALL = archive.ArchiveLimits(total_bytes=1 << 20, blob_bytes=1 << 18)


def test_bombs_are_refused_before_they_go_off() -> None:
    bomb = zipped(members() | {f"blobs/{OTHER}": bytes(2 << 20)})
    assert len(bomb) < 20_000
    with pytest.raises(InvalidArchive, match="GiB"):
        archive.Archive(io.BytesIO(bomb), SMALL)
    long = bytes(1 << 19)
    digest = sha256(long).hexdigest()
    opened = archive.Archive(io.BytesIO(zipped(members() | {f"blobs/{digest}": long})), SMALL)
    with pytest.raises(InvalidArchive, match="is longer than 262,144 bytes"):
        opened.blob(digest)
    assert opened.blob(DIGEST) == OUTPUT
    with pytest.raises(InvalidArchive, match="more than 0 blobs"):
        archive.Archive(io.BytesIO(zipped(members())), archive.ArchiveLimits(blobs=0))


async def test_member_that_is_longer_than_it_says_is_not_read_further(place: Place) -> None:
    data = bytearray(zipped(members(), zipfile.ZIP_STORED))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    await place.refused(bytes(data))


async def test_file_that_was_cut_short_anywhere_is_refused(place: Place) -> None:
    data = zipped(members())
    for end in range(0, len(data), 13):
        await place.refused(data[:end])


async def test_flipped_bits_are_refused_or_change_nothing(place: Place) -> None:
    data, rng, refused = zipped(members()), random.Random(4), 0
    for _ in range(250):
        bad = bytearray(data)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        try:
            session_id = await place.take(bytes(bad))
        except InvalidArchive:
            refused += 1
            assert place.is_empty()
            continue
        assert (place.root / session_id / "events.jsonl").read_bytes() == b"".join(good_lines())
        assert (place.root / session_id / "blobs" / DIGEST).read_bytes() == OUTPUT
        await place.house.sessions.delete(session_id)
    assert refused > 150


async def test_server_that_stops_in_the_middle_leaves_nothing(place: Place) -> None:
    begun = asyncio.Event()

    async def lines() -> AsyncIterator[list[bytes]]:
        yield good_lines()
        begun.set()
        await asyncio.Event().wait()

    async def blobs() -> AsyncIterator[tuple[str, bytes]]:
        yield DIGEST, OUTPUT

    adopting = asyncio.ensure_future(place.house.sessions.adopt(SESSION, lines(), blobs()))
    await begun.wait()
    assert [path.name for path in place.root.iterdir()] == [f".adopted-{SESSION}"]
    async with asyncio.timeout(LIMIT_SECONDS):
        await place.house.sessions.close(0)
    with pytest.raises(Stopping):
        await adopting
    assert [path.name for path in place.root.iterdir() if path.name != ".index.jsonl"] == []
