"""The minds of a server: opened when needed, one writer each, repaired, and whole after a kill at any place."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from duragent.errors import Damaged, NotDamaged, Stopping
from duragent.mind.minds import IDLE_SECONDS
from tests.mind.house import mind_house, note
from tests.support.crash_points import IN_A_WRITE
from tests.support.places import ROOT


async def test_nothing_is_made_before_a_mind_is_needed(tmp_path: Path) -> None:
    async with mind_house(tmp_path):
        assert not (tmp_path / "streams").exists()


async def test_mind_has_one_writer_and_is_unloaded_when_idle(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        one, other = await asyncio.gather(house.ada(), house.ada())
        assert one is other
        assert (await house.minds.world()).log.name == "mind-worldMemory"
        house.clock.jump(IDLE_SECONDS + 1)
        await house.minds.tick_idle()
        assert list(house.minds) == []
        await (await house.ada()).remember(note("again"))
    with pytest.raises(Stopping):
        await house.ada()


async def test_damaged_mind_is_read_only_until_it_is_repaired(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        for n in range(3):
            await (await house.ada()).remember(note(f"fact {n}", f"c{n}"))
        with pytest.raises(NotDamaged, match="the log of mind 'mind-ada' is not damaged"):
            await house.minds.repair("ada")
    lines = house.log_file.read_bytes().splitlines(keepends=True)
    house.log_file.write_bytes(b"".join([*lines[:3], lines[3].replace(b"remember", b"REMEMBER"), *lines[4:]]))
    async with mind_house(tmp_path, "n2") as house:
        with pytest.raises(Damaged):
            await (await house.ada()).remember(note("lost", "c9"))
        await house.minds.repair("ada")
        mind = await house.ada()
        await mind.remember(note("goes on", "c10"))
        # Of the notes whose records were cut off, the log vouches for the one whose write it has; all are there.
        [file] = mind.state.files
        assert [each.text for each in mind.folder.notes_of(file)] == ["fact 0", "fact 1", "fact 2", "goes on"]
        known = [each.text for each in mind.folder.notes_of(file) if mind.state.known(each.id) is not None]
        assert known == ["fact 0", "goes on"]


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.mind.house import mind_house, note

async def main():
    async with mind_house(Path(sys.argv[1]), "killed") as house:
        mind = await house.ada()
        await getattr(sys.modules["__main__"], sys.argv[2])(mind)

async def remember(mind):
    await mind.remember(note("the fact that counts", "c9"))

async def reflect(mind):
    _, sha = await mind.read("MEMORY.md")
    await mind.write_whole("MEMORY.md", "the fact that counts", sha)

async def forget(mind):
    await mind.forget((await mind.remember(note("before", "c1")))[0].id, "bea")

async def review(mind):
    await mind.review((await mind.remember(note("waits", "c2", trust="unreviewed")))[0].id, "keep", "bea")

asyncio.run(main())
"""


def killed(tmp_path: Path, work: str, point: str) -> None:
    environ = os.environ | {"DURAGENT_CRASHPOINT": point, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), work], env=environ, capture_output=True, check=False, timeout=120
    )
    assert ran.returncode == -9, ran.stderr.decode()


@pytest.mark.parametrize("point", [*IN_A_WRITE, "blob.stored", "log.before_write", "log.written", "log.synced"])
async def test_note_is_written_exactly_once_after_a_kill_at_each_place(tmp_path: Path, point: str) -> None:
    async with mind_house(tmp_path) as house:
        await (await house.ada()).remember(note("before", "c1"))
        await (await house.ada()).remember(note("waits", "c2", trust="unreviewed"))
    killed(tmp_path, "remember", f"{point}:1")
    async with mind_house(tmp_path, "n2") as house:
        mind = await house.ada()
        made, _ = await mind.remember(note("the fact that counts", "c9"))
        text = (house.memory / made.file).read_text()
        assert (text.count("the fact that counts"), text.count("before")) == (1, 1)
        written = [record.event for record in await mind.log.records(0, 100) if record.event.type == "note_written"]
        assert [event.note for event in written].count(made.id) == 1
        cause = next(event for event in written if event.note == made.id).cause
        assert cause is not None
        assert (cause.session, cause.seq) == ("session_1", 41)
        assert mind.trust_of(next(each for each in mind.folder.notes_of(made.file) if each.id == made.id)) == "agent"
        assert [path for path in house.memory.rglob("*") if ".tmp" in path.name] == []


@pytest.mark.parametrize("point", IN_A_WRITE)
async def test_whole_file_is_replaced_exactly_once_after_a_kill_at_each_place(tmp_path: Path, point: str) -> None:
    async with mind_house(tmp_path) as house:
        (house.memory).mkdir(parents=True)
        (house.memory / "MEMORY.md").write_text("old")
        _, sha = await (await house.ada()).read("MEMORY.md")
    killed(tmp_path, "reflect", f"{point}:1")
    async with mind_house(tmp_path, "n2") as house:
        mind = await house.ada()
        await mind.write_whole("MEMORY.md", "the fact that counts", sha)
        assert (house.memory / "MEMORY.md").read_text() == "the fact that counts\n"
        assert mind.state.files["MEMORY.md"].sha256 == (await mind.read("MEMORY.md"))[1]


@pytest.mark.parametrize("point", ["mind.forgetting:1", "memory.written:1", "mind.file_written:1", "mind.recorded:2"])
async def test_forgetting_that_was_cut_short_goes_on_at_the_next_start(tmp_path: Path, point: str) -> None:
    async with mind_house(tmp_path) as house:
        made, _ = await (await house.ada()).remember(note("before", "c1"))
        await (await house.ada()).remember(note("stays", "c3"))
    killed(tmp_path, "forget", point)
    async with mind_house(tmp_path, "n2") as house:
        mind = await house.ada()
        assert (mind.state.forgetting, mind.state.known(made.id)) == (None, None)
        text = (house.memory / made.file).read_text()
        assert ("before" in text, "stays" in text) == (False, True)


@pytest.mark.parametrize("point", ["mind.review_added:1", "mind.file_written:1", "mind.file_written:2"])
async def test_review_that_was_cut_short_can_be_repeated(tmp_path: Path, point: str) -> None:
    async with mind_house(tmp_path) as house:
        made, _ = await (await house.ada()).remember(note("waits", "c2", trust="unreviewed"))
    killed(tmp_path, "review", point)
    async with mind_house(tmp_path, "n2") as house:
        mind = await house.ada()
        if any(each.id == made.id for each in mind.folder.notes_of("unreviewed.md")):
            await mind.review(made.id, "keep", "bea")
        text = "".join(path.read_text() for path in house.memory.rglob("*.md"))
        assert text.count("\nwaits\n") == 1
