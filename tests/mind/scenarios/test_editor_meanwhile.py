"""Twenty sessions write to one memory while a person's editor saves MEMORY.md between any two steps: no text is lost.

Each sentence stands in MEMORY.md, in a file that keeps what a person saved at that moment, or was refused.
"""

import asyncio
import random
import threading
from datetime import UTC
from pathlib import Path

import pytest

from duragent.errors import MemoryChanged
from duragent.memory.folder import MemoryFolder
from duragent.memory.notes import LONG_TERM, UNREVIEWED
from duragent.mind.actor import Mind
from duragent.stores.files.disk import Disk
from tests.mind.house import mind_house, note

SESSIONS = 20
SAVES = 40


class Editor:
    """Adds a sentence to what the file has and saves it, in place or under a new name, as editors do."""

    def __init__(self, file: Path, chance: random.Random) -> None:
        self.file, self.chance, self.saves = file, chance, 0
        self._lock = threading.Lock()

    def may_save(self) -> None:
        with self._lock:
            if self.saves < SAVES and self.chance.random() < 0.2:
                self.save()

    def save(self) -> None:
        text = (self.file.read_text() if self.file.exists() else "") + f"saved {self.saves}.\n"
        self.saves += 1
        if self.chance.random() < 0.5:
            self.file.write_text(text)
            return
        fresh = self.file.with_name("editor~")
        fresh.write_text(text)
        fresh.rename(self.file)


class SharedDisk(Disk):
    """A person's editor may save before each step of a write."""

    editor: Editor

    def create(self, path: Path) -> int:
        self.editor.may_save()
        return super().create(path)

    def rename(self, old: Path, new: Path) -> None:
        self.editor.may_save()
        super().rename(old, new)

    def exchange(self, one: Path, other: Path) -> bool:
        self.editor.may_save()
        return super().exchange(one, other)

    def link(self, old: Path, new: Path) -> None:
        self.editor.may_save()
        super().link(old, new)

    def read_file(self, path: Path, limit_bytes: int) -> bytes:
        self.editor.may_save()
        return super().read_file(path, limit_bytes)


class PlainDisk(SharedDisk):
    """A file system that cannot exchange two names."""

    def exchange(self, one: Path, other: Path) -> bool:
        self.editor.may_save()
        return False


async def work(mind: Mind, editor: Editor, number: int, refused: list[str]) -> None:
    for again in range(3):
        sentence = f"session {number}, reflection {again}."
        editor.may_save()
        text, sha256 = await mind.read(LONG_TERM)
        editor.may_save()
        try:
            await mind.write_whole(LONG_TERM, f"{text}{sentence}\n", sha256)
        except MemoryChanged:
            refused.append(sentence)
        trust = "unreviewed" if again == 2 else "agent"
        await mind.remember(note(f"fact {number} {again}.", f"c{number}-{again}", trust=trust))


@pytest.mark.parametrize("make", [SharedDisk, PlainDisk])
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_text_is_lost(tmp_path: Path, make: type[SharedDisk], seed: int) -> None:
    async with mind_house(tmp_path) as house:
        log, refused = (await house.ada()).log, list[str]()
        disk = make()
        disk.editor = Editor(house.memory / LONG_TERM, random.Random(seed))
        mind = Mind(log, MemoryFolder(house.memory, UTC, disk), house.clock)
        await asyncio.gather(*(work(mind, disk.editor, number, refused) for number in range(SESSIONS)))
        await mind.reconcile()
        kept = "".join(path.read_text() for path in house.memory.glob("MEMORY*.md"))
        said = {f"session {n}, reflection {again}." for n in range(SESSIONS) for again in range(3)}
        assert disk.editor.saves > SAVES // 2
        assert [n for n in range(disk.editor.saves) if f"saved {n}." not in kept] == []
        assert [each for each in sorted(said) if each not in kept and each not in refused] == []
        assert 0 < len(refused) < len(said)
        notes = "".join(path.read_text() for path in (*house.memory.glob("daily/*.md"), house.memory / UNREVIEWED))
        facts = [f"fact {n} {again}." for n in range(SESSIONS) for again in range(3)]
        assert [notes.count(fact) for fact in facts] == [1] * len(facts)
        assert [path.name for path in house.memory.rglob("*.tmp")] == []
    async with mind_house(tmp_path, "n2") as house:
        # A start finds nothing that the log does not know.
        before = (await house.ada()).log.state.seq
        await (await house.ada()).reconcile()
        assert (await house.ada()).log.state.seq == before
