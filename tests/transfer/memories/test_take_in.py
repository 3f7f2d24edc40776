"""What other programs remembered comes into a memory: all of it, once, and nothing that was there is lost."""

from pathlib import Path

import pytest

from duragent import crashpoint
from duragent.crashpoint import CrashPointReached
from duragent.memory.notes import LONG_TERM
from duragent.transfer.memories.sources import read_source
from duragent.transfer.memories.take_in import plan_all, take_in
from tests.mind.house import MindHouse, mind_house
from tests.transfer.memories.house import NOON, arya, v05


async def bring(house: MindHouse, source: Path) -> dict[str, str]:
    """Take in a source; what became of each file."""
    return {taken.file: taken.outcome for taken in await take_in(house.minds, "ada", read_source(source), "test")}


def bytes_of(house: MindHouse) -> dict[str, bytes]:
    """The files of the memory and of the world, by name."""
    roots = (house.memory, ""), (house.folder / "world", "world/")
    return {
        prefix + str(path.relative_to(root)): path.read_bytes()
        for root, prefix in roots
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_folder_of_v05_is_taken_byte_for_byte(tmp_path: Path) -> None:
    files = v05(tmp_path / "old")
    async with mind_house(tmp_path / "here") as house:
        assert set((await bring(house, tmp_path / "old")).values()) == {"written"}
        assert bytes_of(house) == files
        assert await house.events() == ["mind_created", "owner_claimed", *["write_begun", "notes_imported"] * 3]
        assert "greenhouse" not in house.log_file.read_text()
        before = await house.events()
        assert set((await bring(house, tmp_path / "old")).values()) == {"there"}
        assert (bytes_of(house), await house.events()) == (files, before)


async def test_plan_says_what_would_be_done_and_writes_nothing(tmp_path: Path) -> None:
    v05(tmp_path / "old")
    async with mind_house(tmp_path / "here") as house:
        mind, world = await house.ada(), await house.minds.world()
        found = read_source(tmp_path / "old")
        planned = plan_all(mind.folder, world.folder, found)
        assert bytes_of(house) == {}
        assert planned == list(await take_in(house.minds, "ada", found, "test"))


async def test_files_that_are_there_keep_all_they_have(tmp_path: Path) -> None:
    v05(tmp_path / "old")
    async with mind_house(tmp_path / "here") as house:
        (house.memory / "daily").mkdir(parents=True)
        day = house.memory / "daily" / "2025-12-31.md"
        day.write_text("# 2025-12-31\n\n## 18:02\n\nSowed them.\n\n## 21:40\n\nMine.\n")
        (house.memory / LONG_TERM).write_text("## Units\n\nImperial.\n")
        outcomes = await bring(house, tmp_path / "old")
        assert outcomes["daily/2025-12-31.md"] == "merged"
        assert day.read_text() == (
            "# 2025-12-31\n\n## 18:02\n\nSowed them.\n\n## 21:40\n\nMine.\n\n## 09:15\n\nBought seeds.\n"
        )
        # The section that both have stays as it is here; the other one comes.
        text = (house.memory / LONG_TERM).read_text()
        assert text == "## Units\n\nImperial.\n\n# Ada\n\nShe keeps a greenhouse.\n"
        again = await take_in(house.minds, "ada", read_source(tmp_path / "old"), "test")
        [told] = [taken for taken in again if taken.file == LONG_TERM]
        assert (told.outcome, told.why) == ("conflict", "line 7: 'Units' has other words here")
        assert (house.memory / LONG_TERM).read_text() == text


async def test_notes_of_anima_stand_on_their_days(tmp_path: Path) -> None:
    rows = [
        (NOON, "The user likes tea.", 0.5, "auto"),
        (NOON + 60, "The user is called Bea.", 0.9, "explicit"),
        (NOON + 86_400, "The user likes tea.", 0.7, "auto"),
        (NOON + 172_800, "The user likes tea.", 0.6, "auto"),
    ]
    async with mind_house(tmp_path / "here") as house:
        source = arya(tmp_path / "memory.db", rows)
        before = source.read_bytes()
        assert await bring(house, source) == {"daily/2026-01-01.md": "written", "daily/2026-01-03.md": "written"}
        mind = await house.ada()
        notes = {note.text: note for note in mind.folder.read_all().notes}
        bea, tea = notes["The user is called Bea."], notes["The user likes tea."]
        assert (bea.written_at, bea.importance_milli) == ("2026-01-01T12:01:00Z", 900)
        assert (bea.source, mind.trust_of(bea)) == ("anima:arya:explicit", "agent")
        # The newest day, the best importance, and one more time that it counts for the copies.
        assert (tea.file, tea.importance_milli) == ("daily/2026-01-03.md", 750)
        kept = bytes_of(house)
        assert set((await bring(house, source)).values()) == {"there"}
        assert (bytes_of(house), source.read_bytes()) == (kept, before)
        assert not list(tmp_path.glob("memory.db-*"))


async def test_words_that_are_remembered_already_do_not_come_again(tmp_path: Path) -> None:
    async with mind_house(tmp_path / "here") as house:
        house.memory.mkdir(parents=True)
        (house.memory / LONG_TERM).write_text("The user likes tea.\n")
        source = arya(tmp_path / "memory.db", [(NOON, "The user likes tea.", 0.5, "auto")])
        assert await bring(house, source) == {"daily/2026-01-01.md": "there"}
        assert list(bytes_of(house)) == [LONG_TERM]


async def test_an_import_can_be_undone(tmp_path: Path) -> None:
    async with mind_house(tmp_path / "here") as house:
        (house.memory / "daily").mkdir(parents=True)
        day = house.memory / "daily" / "2026-01-01.md"
        day.write_text("# 2026-01-01\n\n## 08:00\n\nMine.\n")
        await bring(house, arya(tmp_path / "memory.db", [(NOON, "Theirs.", 0.5, "auto")]))
        await (await house.ada()).undo("daily/2026-01-01.md", "bea")
        assert day.read_text() == "# 2026-01-01\n\n## 08:00\n\nMine.\n"


async def test_day_without_room_is_told_and_stays(tmp_path: Path) -> None:
    async with mind_house(tmp_path / "here") as house:
        (house.memory / "daily").mkdir(parents=True)
        day = house.memory / "daily" / "2026-01-01.md"
        day.write_text("# 2026-01-01\n\n## 08:00\n\n" + "long " * 52_000)
        rows = [(NOON, "x " * 2_000, 0.5, "auto"), (NOON + 86_400, "Theirs.", 0.5, "auto")]
        taken = await take_in(house.minds, "ada", read_source(arya(tmp_path / "memory.db", rows)), "test")
        assert [each.outcome for each in taken] == ["conflict", "written"]
        assert "would have 264," in taken[0].why


@pytest.mark.parametrize("place", ["memory.temporary_written", "memory.replaced", "mind.file_written", "mind.recorded"])
@pytest.mark.parametrize("nth", [1, 3])
async def test_killed_import_is_begun_again_and_has_each_note_once(
    tmp_path: Path, place: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = arya(tmp_path / "memory.db", [(NOON + day * 86_400, f"Note {day}.", 0.9, "auto") for day in range(3)])
    passed: list[str] = []

    def die(name: str) -> None:
        passed.append(name)
        if passed.count(place) == nth:
            raise CrashPointReached(name)

    async def killed() -> None:
        async with mind_house(tmp_path / "here") as house:
            await house.ada()
            with monkeypatch.context() as patched:
                patched.setattr(crashpoint, "_on_pass", die)
                await bring(house, source)

    with pytest.raises(CrashPointReached):
        await killed()
    async with mind_house(tmp_path / "here", "n2") as house:
        await bring(house, source)
        mind = await house.ada()
        notes = mind.folder.read_all().notes
        assert sorted(note.text for note in notes) == ["Note 0.", "Note 1.", "Note 2."]
        assert {mind.trust_of(note) for note in notes} == {"agent"}
