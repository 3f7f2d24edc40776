"""A session's log is written anew without what a person wants gone, and the session goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.bus import Block
from duragent.errors import Damaged, InvalidRequest, NothingToRedact, NotNow
from duragent.journal import events as e
from duragent.journal.redaction import REDACTED, Redaction
from duragent.session.redact import Redact, redact
from duragent.session.watch import LogHead, ReplayEnd
from duragent.stores.files.checkup import check
from duragent.testing import Line
from tests.support.copied import LONG, Place, place_in
from tests.support.held import holders
from tests.support.logs import spoil
from tests.support.tool_calls import bash, question
from tests.support.wellformed import refusal

SECRET = "The door code is 4711"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as found:
        yield found


def words(match: str) -> Redact:
    return Redact(Redaction(match=match), by="ada", reason=f"{match} was told by mistake.")


def holding(place: Place, text: str) -> list[str]:
    """The files below the sessions that hold the text."""
    files = [path for path in place.root.rglob("*") if path.is_file()]
    return sorted(str(path.relative_to(place.root)) for path in files if text.encode() in path.read_bytes())


async def told(place: Place) -> str:
    """A session in which the secret was said, written to a file, printed in a long output, and repeated."""
    session = await place.house.new()
    place.model.add("Hi.")
    await place.house.ask(session, "hi")
    place.model.add(bash(f"echo '{SECRET}' > note; cat note; {LONG}"), f"I see: {SECRET.lower()}.")
    await place.finish(session, f"{SECRET}. Write it down.")
    place.model.add("Yes.")
    await place.house.ask(session, "Do you have it?")
    return session


async def test_words_are_gone_from_every_file_and_the_session_goes_on(place: Place) -> None:
    session = await told(place)
    before = await place.house.records(session)
    assert holding(place, "4711")
    async with place.house.sessions.watch(session, 0) as items:
        head = await anext(items)
        while not isinstance(await anext(items), ReplayEnd):
            pass
        made = await redact(place.house.sessions, session, words("door code is 4711"))
        async for _ in items:
            pass
    assert holding(place, "4711") == []
    assert check(place.root, session).damage is None
    after = await place.house.records(session)
    assert [(each.seq, each.ts, each.event.type, each.tx) for each in after[: len(before)]] == [
        (each.seq, each.ts, each.event.type, each.tx) for each in before
    ]
    changed = [old.seq for old, new in zip(before, after, strict=False) if old != new]
    [last] = after[len(before) :]
    assert last.event == e.HistoryRedacted(seqs=tuple(changed), by="ada", reason=f"{REDACTED} was told by mistake.")
    assert (list(made.seqs), made.left) == (changed, ())
    async with place.house.sessions.watch(session, 0) as items:
        again = await anext(items)
    assert isinstance(head, LogHead)
    assert isinstance(again, LogHead)
    assert again.log != head.log, "what clients keep of the old log is not gone on with"
    place.model.add("And on.")
    assert (await place.house.ask(session, "on")).outcome == "completed"
    assert refusal(place.model.requests[-1]) is None
    assert "4711" not in str(place.model.requests[-1])


async def test_nothing_in_memory_holds_the_words_afterwards(place: Place) -> None:
    session = await told(place)
    other = await place.house.new()
    place.model.add("Yes.")
    await place.house.ask(other, f"Is it so? {SECRET}")
    for each in (session, other):
        await redact(place.house.sessions, each, words(SECRET))
    place.model.requests.clear()
    # The name in this file is one.
    assert [each for each in holders(SECRET) if "module" not in each] == []


async def test_records_lose_all_their_texts_and_summaries_of_them_too(place: Place) -> None:
    session = await told(place)
    seq = next(each.seq for each in await place.house.records(session) if SECRET in str(each.event))
    made = await redact(place.house.sessions, session, Redact(Redaction(frozenset([seq]))))
    assert made.seqs == (seq,)
    [record] = [each for each in await place.house.records(session) if each.seq == seq]
    assert isinstance(record.event, e.MessageReceived)
    assert record.event.text == REDACTED
    with pytest.raises(NothingToRedact):
        await redact(place.house.sessions, session, Redact(Redaction(frozenset([seq]))))


async def test_a_dry_run_changes_nothing(place: Place) -> None:
    session = await told(place)
    before = place.log(session)
    asked = Redact(Redaction(match=SECRET), dry_run=True)
    made = await redact(place.house.sessions, session, asked)
    assert (len(made.seqs) > 2, place.log(session)) == (True, before)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Redact(Redaction()), "either the words"),
        (Redact(Redaction(frozenset([1]), "abc")), "either the words"),
        (Redact(Redaction(match=" a b ")), "3 characters"),
        (Redact(Redaction(frozenset([999]))), "records 1 to"),
    ],
)
async def test_what_is_not_clear_is_refused(place: Place, asked: Redact, says: str) -> None:
    session = await told(place)
    before = place.log(session)
    with pytest.raises(InvalidRequest, match=says):
        await redact(place.house.sessions, session, asked)
    with pytest.raises(NothingToRedact):
        await redact(place.house.sessions, session, words("nobody said this"))
    assert place.log(session) == before
    assert (await place.house.ask(session, "on")).outcome == "completed"


async def test_a_session_that_works_or_waits_for_a_person_is_left_alone(place: Place) -> None:
    session = await place.house.new()
    gate = asyncio.Event()
    place.model.add(Line("late", gate=gate), bash("echo hi >> effects"), "done")
    said = await place.house.say(session, SECRET)
    with pytest.raises(NotNow):
        await redact(place.house.sessions, session, words(SECRET))
    gate.set()
    await place.house.sessions.answer(session, said)
    await place.house.say(session, "run it")
    await question(place.house, session)
    with pytest.raises(NotNow):
        await redact(place.house.sessions, session, words(SECRET))
    await place.allow(session)


async def test_a_damaged_session_is_repaired_first(place: Place) -> None:
    session = await told(place)
    await place.house.sessions.close(0)
    spoil(place.root / session, 4)
    async with place_in(place.folder, days=1) as later:
        with pytest.raises(Damaged):
            await redact(later.house.sessions, session, words(SECRET))


async def test_copies_are_named(place: Place) -> None:
    session = await told(place)
    fork = await place.fork(session)
    assert (await redact(place.house.sessions, session, words(SECRET))).left == (
        f"{fork}, a fork of it, has its own copy",
    )
    assert (await redact(place.house.sessions, fork, words(SECRET))).left == (
        f"{session}, of which it is a fork, has its own copy",
    )
    assert holding(place, SECRET) == []


async def test_a_watcher_that_comes_again_gets_the_new_log_from_its_beginning(place: Place) -> None:
    session = await told(place)
    await redact(place.house.sessions, session, words(SECRET))
    seen = []
    async with place.house.sessions.watch(session, 0) as items:
        async for item in items:
            if isinstance(item, Block):
                seen.append(item.lines)
                if item.last_seq == (await place.house.sessions.state(session)).seq:
                    break
    assert b"".join(seen) == place.log(session)
