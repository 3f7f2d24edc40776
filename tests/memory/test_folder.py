"""The folder of a memory: what is read, what is left out, and writes that lose nothing a person saved meanwhile."""

import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from duragent.errors import InvalidFile, MemoryChanged, MemoryFull
from duragent.memory.folder import MAX_FILE_BYTES, MemoryFolder, difference
from duragent.memory.notes import text_sha256
from duragent.stores.files.disk import Disk

UTC = ZoneInfo("UTC")
THEIRS = text_sha256("a person's")[:8]


class Meddling(Disk):
    """A person saves the file at the worst moment: just before it changes names."""

    def __init__(self, path: Path, text: str, *, in_place: bool, exchanges: bool = True) -> None:
        self.path, self.text, self.in_place, self.exchanges = path, text, in_place, exchanges

    def save(self) -> None:
        if self.in_place:
            self.path.write_text(self.text)
        else:
            new = self.path.with_suffix(".new")
            new.write_text(self.text)
            new.replace(self.path)

    def exchange(self, one: Path, other: Path) -> bool:
        if not self.exchanges:
            return False
        self.save()
        return super().exchange(one, other)

    def rename(self, old: Path, new: Path) -> None:
        if not self.exchanges and new == self.path:
            self.save()
        super().rename(old, new)


def folder(root: Path, disk: Disk | None = None) -> MemoryFolder:
    return MemoryFolder(root / "memory", UTC, disk or Disk())


def left(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_first_write_makes_folder_and_file(tmp_path: Path) -> None:
    saved = folder(tmp_path).write("daily/2026-11-21.md", "hello\n", "")
    assert (tmp_path / "memory/daily/2026-11-21.md").read_text() == "hello\n"
    assert (saved.before_sha256, saved.after_sha256, saved.theirs) == ("", text_sha256("hello\n"), "")
    assert left(tmp_path) == ["memory/daily/2026-11-21.md"]


def test_write_wants_what_the_writer_saw(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    saved = memory.write("MEMORY.md", "one", "")
    with pytest.raises(MemoryChanged) as changed:
        memory.write("MEMORY.md", "two", "")
    assert changed.value.text == "one"
    memory.write("MEMORY.md", "two", saved.after_sha256)
    assert memory.read("MEMORY.md").text == "two"
    with pytest.raises(MemoryChanged):
        memory.write("MEMORY.md", "three", saved.after_sha256)
    assert left(tmp_path) == ["memory/MEMORY.md"]
    assert memory.read("MEMORY.md").text == "two"


@pytest.mark.parametrize("in_place", [True, False])
def test_what_a_person_saves_in_the_last_moment_is_kept(tmp_path: Path, in_place: bool) -> None:
    before = folder(tmp_path).write("MEMORY.md", "one", "").after_sha256
    disk = Meddling(tmp_path / "memory/MEMORY.md", "a person's", in_place=in_place)
    saved = folder(tmp_path, disk).write("MEMORY.md", "two", before)
    assert saved.theirs == f"MEMORY.theirs-{THEIRS}.md"
    assert (tmp_path / "memory" / saved.theirs).read_text() == "a person's"
    assert left(tmp_path) == ["memory/MEMORY.md", f"memory/{saved.theirs}"]


def test_without_exchange_a_save_in_place_is_kept_too(tmp_path: Path) -> None:
    before = folder(tmp_path).write("MEMORY.md", "one", "").after_sha256
    disk = Meddling(tmp_path / "memory/MEMORY.md", "a person's", in_place=True, exchanges=False)
    saved = folder(tmp_path, disk).write("MEMORY.md", "two", before)
    assert (tmp_path / "memory" / saved.theirs).read_text() == "a person's"
    assert folder(tmp_path).read("MEMORY.md").text == "two"


def test_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    class Appearing(Disk):
        def link(self, old: Path, new: Path) -> None:
            new.write_text("a person's")
            super().link(old, new)

    with pytest.raises(MemoryChanged):
        folder(tmp_path, Appearing()).write("MEMORY.md", "two", "")
    assert (tmp_path / "memory/MEMORY.md").read_text() == "a person's"
    assert left(tmp_path) == ["memory/MEMORY.md"]


def test_change_is_tried_again_on_what_is_there_now(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    memory.write("MEMORY.md", "one\n", "")
    seen: list[str] = []

    def change(text: str) -> str:
        seen.append(text)
        if len(seen) == 1:
            (tmp_path / "memory/MEMORY.md").write_text("a person's\n")
        return text + "more\n"

    saved, before = memory.change("MEMORY.md", change)
    assert seen == ["one\n", "a person's\n"]
    assert memory.read("MEMORY.md").text == "a person's\nmore\n"
    assert (before.text, saved.theirs) == ("a person's\n", "")


def test_file_keeps_its_permissions(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    before = memory.write("MEMORY.md", "one", "").after_sha256
    os.chmod(tmp_path / "memory/MEMORY.md", 0o640)
    memory.write("MEMORY.md", "two", before)
    assert (tmp_path / "memory/MEMORY.md").stat().st_mode & 0o777 == 0o640


def test_full_file_refuses_and_stays(tmp_path: Path) -> None:
    with pytest.raises(MemoryFull, match="262,145 bytes"):
        folder(tmp_path).write("MEMORY.md", "x" * (MAX_FILE_BYTES + 1), "")
    assert left(tmp_path) == []


def test_bad_files_are_left_out_and_told(tmp_path: Path) -> None:
    root, outside = tmp_path / "memory", tmp_path / "outside.md"
    (root / "daily").mkdir(parents=True)
    (root / "people").mkdir()
    outside.write_text("secret")
    (root / "MEMORY.md").write_text("good\n")
    (root / "daily/2026-11-21.md").symlink_to(outside)
    (root / "daily/2026-11-22.md").write_bytes(b"a\0b")
    (root / "daily/2026-11-23.md").write_bytes(b"ok\n\xff\n")
    (root / "daily/2026-11-24.md").write_text("x" * (1 << 20))
    (root / "daily/2026-11-25.md").mkdir()
    (root / "daily/2026-11-26.md").write_text("y" * 200_000)
    os.mkfifo(root / "people/a.md")
    (root / "people/b.md").symlink_to("b.md")
    (root / "MEMORY.theirs-01234567.md").write_text("kept\n")
    (root / "daily/.hidden.md").write_text("hidden\n")
    found = folder(tmp_path).read_all()
    assert [(note.file, note.text[:4]) for note in found.notes] == [
        ("MEMORY.md", "good"),
        ("daily/2026-11-26.md", "yyyy"),
    ]
    told = "\n".join(found.faults)
    assert len(found.faults) == 7
    for words in ("leads out", "is not text", ":2: is not UTF-8 text", "larger than 256 KiB", "people/a.md: "):
        assert words in told


def test_too_many_files_leave_out_the_oldest_days(tmp_path: Path) -> None:
    daily = tmp_path / "memory/daily"
    daily.mkdir(parents=True)
    for number in range(2_100):
        (daily / f"{2000 + number // 300:04d}-{number % 300 // 28 + 1:02d}-{number % 28 + 1:02d}-{number}.md").touch()
    (tmp_path / "memory/MEMORY.md").touch()
    names, faults = folder(tmp_path).files()
    assert len(names) == 2_000
    assert names[0] == "MEMORY.md"
    assert names[-1] == f"daily/{max(os.listdir(daily))}"
    assert "has 2,101 files; the newest 2,000" in faults[0]


@pytest.mark.parametrize("file", ["../x.md", "daily/../../x.md", "x.md", "people/.x.md", "MEMORY.txt", "world/a.md"])
def test_names_of_other_places_are_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(InvalidFile):
        folder(tmp_path).write(file, "x", "")


def test_world_has_topics_and_nothing_else(tmp_path: Path) -> None:
    world = MemoryFolder(tmp_path / "world", UTC, Disk(), is_world=True)
    world.write("world/docker.md", "# Docker\n\nuse compose\n", "")
    assert (tmp_path / "world/docker.md").exists()
    assert [(note.heading, note.text) for note in world.read_all().notes] == [("Docker", "use compose")]
    with pytest.raises(InvalidFile):
        world.read("MEMORY.md")


def test_sweep_removes_what_is_known_and_keeps_what_is_not(tmp_path: Path) -> None:
    memory = folder(tmp_path)
    memory.write("MEMORY.md", "two", "")
    root = tmp_path / "memory"
    one, two, three = (text_sha256(text)[:8] for text in ("one", "two", "three"))
    (root / f".MEMORY.md.{one}-{two}-7-1.tmp").write_text("one")
    (root / f".MEMORY.md.{one}-{three}-7-2.tmp").write_text("three")
    (root / f".MEMORY.md.{one}-{three}-7-3.tmp.part").write_text("th")
    (root / f".MEMORY.md.{one}-{three}-7-4.tmp").write_text("a person's")
    (root / f".MEMORY.md.{one}-{three}-7-5.tmp").write_text("two")
    kept = f"MEMORY.theirs-{THEIRS}.md"
    assert memory.sweep() == (kept,)
    assert left(root) == ["MEMORY.md", kept]


def test_link_within_the_folder_is_written_through(tmp_path: Path) -> None:
    root = tmp_path / "memory"
    (root / "daily").mkdir(parents=True)
    (root / "daily/long.md").write_text("one")
    (root / "MEMORY.md").symlink_to("daily/long.md")
    folder(tmp_path).write("MEMORY.md", "two", text_sha256("one"))
    assert (root / "MEMORY.md").is_symlink()
    assert (root / "daily/long.md").read_text() == "two"


def test_difference_names_what_changed() -> None:
    said = difference("one\ntwo\n", "one\nthree\n", "MEMORY.md")
    assert said == "--- MEMORY.md as you read it\n+++ MEMORY.md\n@@ -1,2 +1,2 @@\n one\n-two\n+three"
