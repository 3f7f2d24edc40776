"""Power is cut while an agent's memory is written: a start has what was acknowledged, and the rest can be repeated.

One case is one moment in the life of a mind: notes, whole files, a review, a note that is forgotten. Of the disks that
a power cut can leave behind it, some are looked at. Each is opened; nothing that was acknowledged is missing, and the
steps from the first on that was not acknowledged lead to the same files as without the cut. Starts are cut, too.
"""

import asyncio
import random
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from duragent.memory.base import Cause, NewNote
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import LONG_TERM, UNREVIEWED
from duragent.mind.actor import Mind
from duragent.mind.kind import MIND
from duragent.mind.minds import MindPorts, Minds
from duragent.stores.files.disk import Disk
from duragent.stores.files.store import FileStore
from duragent.streams.stream_log import StreamPorts
from duragent.testing import FakeClock
from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants import safeguard
from tests.campaigns.mutants.in_place import taken_out
from tests.campaigns.platter import Image, Operation, Platter, history_of, write_image
from tests.campaigns.power import AtOnce
from tests.campaigns.recorder import Recorder
from tests.support.logs import QuickDisk

ONE, TWO, WAITS = "the first fact.", "the second fact.", "read on a page."


async def _remember(mind: Mind, call: str, text: str, **fields: Any) -> str:
    made, _ = await mind.remember(NewNote(text, cause=Cause("session_1", 41, call), **fields))
    return made.id


async def _reflect(mind: Mind, text: str) -> None:
    _, sha256 = await mind.read(LONG_TERM)
    await mind.write_whole(LONG_TERM, text, sha256)


async def step(mind: Mind, number: int) -> None:
    """Each may be done again."""
    match number:
        case 0:
            await _remember(mind, "c1", ONE)
        case 1:
            await _reflect(mind, "first")
        case 2:
            await _remember(mind, "c2", WAITS, trust="unreviewed")
        case 3:
            await _remember(mind, "c3", TWO)
        case 4:
            await _reflect(mind, "second")
        case 5:
            for review in mind.folder.notes_of(UNREVIEWED):
                await mind.review(review.id, "keep", "bea")
        case _:
            for note in mind.folder.read_all().notes:
                if note.text == ONE:
                    await mind.forget(note.id, "bea")


STEPS = 7


@asynccontextmanager
async def mind_on(root: Path, disk: Disk, node: str) -> Any:
    store, clock = FileStore(root / "sessions", disk=disk, threads=AtOnce()), FakeClock()
    store.open()
    streams = store.beside(root / "streams", MIND)
    ports = MindPorts(
        lambda: StreamPorts(streams, clock, node, asyncio.ensure_future),
        lambda _: MemoryFolder(root / "memory", UTC, disk),
    )
    minds = Minds(ports)
    try:
        yield await minds.of("ada")
        await minds.close()
    finally:
        store.close()


@dataclass(frozen=True)
class MindLife:
    """What was done to the disk, and behind how many operations each step was acknowledged."""

    operations: list[Operation]
    done: list[int]
    files: Image

    def steps_at(self, count: int) -> int:
        return sum(done <= count for done in self.done)


async def live(root: Path) -> MindLife:
    recorder, done = Recorder(root), list[int]()
    async with mind_on(root, recorder, "n1") as mind:
        for number in range(STEPS):
            await step(mind, number)
            done.append(len(recorder.operations))
    return MindLife(recorder.operations, done, files_of(root))


def files_of(root: Path) -> Image:
    memory = root / "memory"
    return {str(path.relative_to(memory)): path.read_bytes() for path in memory.rglob("*") if path.is_file()}


def judge_now(root: Path, mind: Mind, done: int) -> None:
    """What a start has before anything is done again."""
    files = {name: (data or b"").decode() for name, data in files_of(root).items()}
    text = "".join(files.values())
    assert mind.log.problem is None
    assert [name for name in files if ".tmp" in name or ".theirs-" in name] == []
    assert done not in range(1, 6) or text.count(ONE) == 1, "an acknowledged note is not there, or twice"
    assert done < 7 or ONE not in text, "what was forgotten is there again"
    assert done < 4 or text.count(TWO) == 1
    assert files.get(LONG_TERM, "") in {0: ("", "first\n"), 1: ("", "first\n")}.get(
        done, ("second\n",) if done > 4 else ("first\n", "second\n")
    )
    assert done < 3 or done > 5 or text.count(WAITS) >= 1
    assert done < 6 or text.count(WAITS) == 1
    for note in mind.folder.read_all().notes:
        if note.file not in (LONG_TERM, UNREVIEWED):
            assert mind.state.known(note.id) is not None, "a note that the agent made counts as somebody's"


async def judge(root: Path, image: Image, life: MindLife, done: int) -> None:
    write_image(root, image)
    async with mind_on(root, QuickDisk(), "n2") as mind:
        judge_now(root, mind, done)
        for number in range(done, STEPS):
            await step(mind, number)
        assert files_of(root) == life.files
        assert (mind.state.reviews, mind.state.forgetting, mind.state.writing) == ((), None, None)
    kept = [path.read_bytes() for path in root.glob("streams/mind-ada/blobs/*")]
    assert [blob for blob in kept if ONE.encode() in blob] == [], "a copy of what was forgotten is left"
    shutil.rmtree(root)


async def recovery(root: Path, image: Image) -> tuple[int, list[Operation]]:
    """What a start does to this disk, behind so many operations that made it."""
    recorder = Recorder(root, history_of(image))
    began = len(recorder.operations)
    async with mind_on(root, recorder, "n2"):
        pass
    shutil.rmtree(root)
    return began, recorder.operations


async def search(campaign: Campaign, folder: Path, every: int, most: int, nested: int) -> int:
    """Every `every`th moment, about `most` disks of each; of every `nested`th, its recovery is cut, too."""
    life, seen = await live(folder / "life"), set[Any]()

    async def look(operations: list[Operation], done: int, chance: random.Random, depth: int) -> None:
        for image in Platter(operations).after_cuts(chance, most if depth else 2):
            if (key := (done, frozenset(image.items()))) in seen:
                continue
            seen.add(key)
            await judge(folder / str(len(seen)), image, life, done)
            if depth and chance.randrange(nested) == 0:
                began, after = await recovery(folder / f"recovery-{len(seen)}", image)
                for count in range(began + 1, len(after)):
                    await look(after[:count], done, chance, depth - 1)

    for count in campaign.cases(range(0, len(life.operations) + 1, every)):
        with campaign.case(count) as chance:
            await look(life.operations[:count], life.steps_at(count), chance, 1)
    print(f"power cut in a memory: {len(seen)} different disks")  # noqa: T201  # what a campaign did
    return len(seen)


async def test_power_cut_while_a_memory_is_written(campaign: Campaign, folder: Path) -> None:
    assert await search(campaign, folder, every=3, most=4, nested=20) > 90 or campaign.only is not None


async def test_search_finds_a_file_that_was_written_before_its_record(campaign: Campaign, folder: Path) -> None:
    with taken_out(safeguard("a file is written that the log knows nothing of")), pytest.raises(AssertionError):
        await search(campaign, folder, every=1, most=2, nested=100)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_power_cut_while_a_memory_is_written_in_the_long_search(campaign: Campaign, folder: Path) -> None:
    assert await search(campaign, folder, every=1, most=60, nested=2) > 400 or campaign.only is not None
