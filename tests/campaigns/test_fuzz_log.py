"""Logs and the caches beside them, as a bad disk or a stranger leaves them: nothing changed is ever believed."""

import asyncio
import json
import random
import zlib
from pathlib import Path

import httpx
import pytest

from duragent.http.sse import Decoder
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.line import BadLine, bodies
from duragent.journal.record import crc_seed, decode, expand
from duragent.journal.scan import scan
from duragent.journal.state import SessionState
from duragent.server.frames import framed
from duragent.session import index
from duragent.stores.files.store import FileStore
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import changed, takes_linear_time
from tests.journal.test_golden import session_of
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House
from tests.support.logs import SESSION, QuickDisk, conversation
from tests.support.places import GOLDEN

SEED = crc_seed(SESSION)
OLD = "duragent-rust-v0.5"
OLD_LOG = (GOLDEN / f"{OLD}.jsonl").read_bytes()
LOG = b"".join(line for lines in conversation() for line in lines)
EVERY = (GOLDEN / "v1-every-event.jsonl").read_bytes()
WORDS = (b',"crc":"00000000"}\n', b'{"seq":1,', b'"tx":"1/2"', b'"type":"x"', b'"ts":', b'"timestamp":', b"\0" * 512)


def no_blob(name: str) -> bytes:
    return b"a text"


def with_crc(fields: bytes, seed: int) -> bytes:
    """The line as a forger would write it who knows how checksums are made."""
    return b'%b,"crc":"%08x"}\n' % (fields, zlib.crc32(fields, seed))


def only_the_unchanged_is_trusted(chance: random.Random) -> None:
    whole, seed = chance.choice([(LOG, SEED), (EVERY, crc_seed(session_of("v1-every-event")))])
    data = changed(chance, whole, WORDS)
    found = scan(data, seed, after=0)
    assert whole.startswith(data[: found.end])
    assert found.seq == data[: found.end].count(b"\n")
    assert found.verdict != "clean" or len(data) == found.end


def changed_line_is_none_or_the_same(chance: random.Random) -> None:
    line = chance.choice(EVERY.splitlines())
    seed = crc_seed(session_of("v1-every-event"))
    altered = changed(chance, line, WORDS)
    try:
        record = decode(altered, seed)
    except BadLine:
        return
    assert altered.rstrip(b"\n") == line
    assert record == decode(line, seed)


def forged_line_is_shown_or_refused(chance: random.Random) -> None:
    """A changed line with a checksum that fits: refused with BadLine, or good for everything that reads it."""
    line = chance.choice(EVERY.splitlines())
    altered = with_crc(changed(chance, line[: line.rindex(b',"crc":')], WORDS).replace(b"\n", b" "), SEED)
    try:
        record = decode(altered, SEED, no_blob)
        without = decode(altered, SEED)
    except BadLine:
        return
    assert record.seq == without.seq
    reduce(SessionState(SESSION), [without])
    assert isinstance(json.loads(expand(altered, no_blob)), dict)
    assert framed(altered).endswith(b"\n\n")
    assert [json.loads(each)["seq"] for each in bodies(altered)] == [record.seq]


def cache_of_states_is_right_or_absent(chance: random.Random) -> None:
    state = reduce(SessionState(SESSION), [decode(line, SEED) for line in LOG.splitlines()])
    whole = snapshot.dump(snapshot.Snapshot(state, "0123abcd"))
    data = changed(chance, whole)
    assert snapshot.load(data, SESSION) is None or data == whole
    body, mark, _ = data.rpartition(b"checksum: ")
    forged = snapshot.load(b"%b%b%08x\n" % (body, mark, zlib.crc32(body)), SESSION)
    assert forged is None or forged.state.session_id == SESSION


def cache_of_lists_leaves_out_what_it_cannot_read(chance: random.Random) -> None:
    states = [reduce(SessionState(name), [decode(line, SEED) for line in LOG.splitlines()]) for name in ("s1", "s2")]
    rows = {state.session_id: index.Row(state, None, "m") for state in states}
    whole = index.dump(rows, [("s1", "m"), ("s2", "m")])
    for row in index.load(changed(chance, whole)).values():
        assert isinstance(row.state, SessionState)


CHECKS = (
    only_the_unchanged_is_trusted,
    changed_line_is_none_or_the_same,
    forged_line_is_shown_or_refused,
    cache_of_states_is_right_or_absent,
    cache_of_lists_leaves_out_what_it_cannot_read,
)


def search(campaign: Campaign, numbers: range) -> None:
    for check in CHECKS:
        for number in campaign.cases(numbers):
            with campaign.case(number) as chance:
                check(chance)
    print(f"{len(CHECKS) * len(numbers)} changed logs, lines and caches")  # noqa: T201  # a campaign says what it did


def test_changed_bytes_are_never_believed(campaign: Campaign) -> None:
    search(campaign, range(150))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(2))
def test_changed_bytes_are_never_believed_after_a_long_search(campaign: Campaign, shard: int) -> None:
    search(campaign, range(1_000 + shard, 200_000, 2))


# --- old lines have no checksum: whatever they say, it is served or told --------------------------------------------


async def served(folder: Path, log: bytes) -> None:
    """A server with this log of duragent-rust: each answer is an answer, and the session is listed."""
    name = session_of(OLD)
    (folder / "sessions" / name).mkdir(parents=True)
    (folder / "sessions" / name / "events.jsonl").write_bytes(log)
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    house = House(folder, store)  # type: ignore[arg-type]  # any store will do
    house.start()
    try:
        async with house.live() as http, asyncio.timeout(LIMIT_SECONDS):
            await answered(http, name)
    finally:
        await house.close()
        store.close()


async def answered(http: httpx.AsyncClient, name: str) -> None:
    shown = (await http.get("/api/v1/sessions")).json()["sessions"]
    assert [each["session_id"] for each in shown] == [name]
    one = f"/api/v1/sessions/{name}"
    for path in (one, f"{one}/events", f"{one}/events?tail=3", f"{one}/messages", "/readyz", "/api/v1/approvals"):
        answer = await http.get(path)
        assert answer.status_code < 500 or path == "/readyz", (path, answer.text)
    async with http.stream("GET", f"{one}/events?after=0", headers={"Accept": "text/event-stream"}) as stream:
        decoder = Decoder()
        async for piece in stream.aiter_bytes():
            if any(event.event == "caught_up" for event in decoder.feed(piece)):
                return
        assert stream.status_code in (404, 409), "a stream ended before it had caught up"


async def search_old(campaign: Campaign, tmp_path: Path, numbers: range) -> None:
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            await served(tmp_path / str(number), changed(chance, OLD_LOG, WORDS, most=2))
    print(f"{len(numbers)} logs of duragent-rust")  # noqa: T201  # a campaign says what it did


@pytest.mark.parametrize("line", ['"type":"user_message"', '"type":"assistant_message","tool_calls":[{"call_id":"c"}]'])
async def test_old_line_that_lacks_what_it_needs_is_told_and_what_is_before_it_is_served(
    tmp_path: Path, line: str
) -> None:
    bad = f'{{"seq":4,"timestamp":"2026-02-18T10:00:00Z",{line}}}\n'.encode()
    first = b"".join(OLD_LOG.splitlines(keepends=True)[:3])
    await served(tmp_path, first + bad)
    found = scan(first + bad, SEED, after=None)
    assert (found.verdict, found.end, found.seq) == ("damaged", len(first), 3)


async def test_changed_old_log_is_served_or_told(campaign: Campaign, tmp_path: Path) -> None:
    await search_old(campaign, tmp_path, range(15))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_changed_old_log_is_served_or_told_after_a_long_search(campaign: Campaign, tmp_path: Path) -> None:
    await search_old(campaign, tmp_path, range(1_000, 4_000))


# --- time -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit", ["\n", "\0", '{"seq":1', '"}', '"}\n', "\0\n", ',"crc":"00000000"}\n', LOG.decode()[:300]]
)
def test_scan_takes_linear_time(unit: str) -> None:
    takes_linear_time(lambda text: scan(text.encode(), SEED, after=0), unit, 60_000)
