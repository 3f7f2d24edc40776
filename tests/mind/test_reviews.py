"""What a person decides about notes and proposals that wait, and what happens to those that nobody looks at."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from duragent.errors import InvalidRequest, MemoryChanged, NotFound
from duragent.journal.mind.events import NoteReviewed
from duragent.memory.base import WORLD, Scope
from duragent.memory.notes import LONG_TERM, UNREVIEWED
from duragent.mind.minds import IDLE_SECONDS
from duragent.mind.pending import MOST_DAYS, pending
from duragent.mind.reviews import Verdict, decide
from tests.mind.house import MindHouse, mind_house, note

KEEP, FORGET = Verdict("keep", "bea"), Verdict("forget", "bea")


async def waits(house: MindHouse, text: str, call: str = "c1", **fields: object) -> str:
    made, _ = await (await house.ada()).remember(note(text, call, trust="unreviewed", **fields))
    return made.id


async def test_decision_that_was_made_before_is_done_and_another_one_finds_nothing(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        kept, gone = await waits(house, "kept", "c1"), await waits(house, "gone", "c2")
        file = await decide(house.minds, "ada", kept, KEEP)
        assert await decide(house.minds, "ada", kept, KEEP) == file
        assert await decide(house.minds, "ada", gone, FORGET) == await decide(house.minds, "ada", gone, FORGET) == ""
        assert (house.memory / file).read_text().count("\nkept\n") == 1
        for verdict in (FORGET, Verdict("edit", "bea", "other")):
            with pytest.raises(NotFound):
                await decide(house.minds, "ada", kept, verdict)


async def test_proposal_that_is_kept_becomes_the_file_and_edited_it_has_the_new_words(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        proposed = await waits(house, "# Facts\n\nfrom a page", proposes=LONG_TERM)
        assert await decide(house.minds, "ada", proposed, KEEP) == LONG_TERM
        assert (house.memory / LONG_TERM).read_text() == "# Facts\n\nfrom a page\n"
        topic = await waits(house, "of a page", "c2", proposes="world/trips.md", scope=WORLD)
        verdict = Verdict("edit", "bea", "in my words")
        assert await decide(house.minds, "ada", topic, verdict) == "world/trips.md"
        assert (tmp_path / "world" / "trips.md").read_text() == "in my words\n"
        assert "page" not in (house.memory / UNREVIEWED).read_text()
        assert (await house.ada()).state.reviews == ()


async def test_proposal_for_a_file_that_is_not_as_the_person_saw_it_changes_nothing(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        proposed = await waits(house, "from a page", proposes=LONG_TERM)
        (house.memory / LONG_TERM).write_text("mine\n")
        with pytest.raises(MemoryChanged):
            await decide(house.minds, "ada", proposed, replace(KEEP, seen_sha256=""))
        assert (house.memory / LONG_TERM).read_text() == "mine\n"
        assert [each.note.id for each in await pending(await house.ada())] == [proposed]


async def test_note_for_all_agents_or_for_a_file_elsewhere_is_let_in_nowhere(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        shared = await waits(house, "odd", scope=WORLD)
        for made in (shared, await waits(house, "odd too", "c2", proposes="daily/2026-01-01.md")):
            with pytest.raises(InvalidRequest):
                await decide(house.minds, "ada", made, KEEP)
            await decide(house.minds, "ada", made, FORGET)
        theirs = await waits(house, "of a person", "c9", scope=Scope("person", "telegram-1"))
        assert await decide(house.minds, "ada", theirs, KEEP) == "people/telegram-1.md"


async def test_what_nobody_has_looked_at_for_long_is_dropped_with_a_record(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        old = await waits(house, "old", "c1")
        await house.clock.advance(timedelta(days=MOST_DAYS - 1).total_seconds())
        new = await waits(house, "new", "c2")
        await house.minds.tick_idle()
        assert [each.note.id for each in await pending(await house.ada())] == [old, new]
        await house.clock.advance(timedelta(days=1).total_seconds() + 1)
        await house.minds.tick_idle()
        mind = await house.ada()
        assert [each.note.id for each in await pending(mind)] == [new]
        reviewed = [r.event for r in await mind.log.records(0, 100) if isinstance(r.event, NoteReviewed)]
        assert [(event.note, event.verdict, event.by) for event in reviewed] == [(old, "forget", "")]
        with pytest.raises(NotFound):
            await decide(house.minds, "ada", old, FORGET)
        await house.clock.advance(timedelta(days=MOST_DAYS).total_seconds() + IDLE_SECONDS)
    async with mind_house(tmp_path, "n2") as house:
        await house.clock.advance(timedelta(days=2 * MOST_DAYS + 1).total_seconds())
        assert await pending(await house.ada()) == []
