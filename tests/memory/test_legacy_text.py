"""`recall` without a query gives the text of duragent-rust v0.5, byte for byte."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from duragent.memory.folder import MemoryFolder
from duragent.memory.legacy_text import recall_text
from duragent.stores.files.disk import Disk

TODAY = date(2026, 11, 21)


def folders(root: Path) -> tuple[MemoryFolder, MemoryFolder]:
    zone = ZoneInfo("UTC")
    return MemoryFolder(root / "memory", zone, Disk()), MemoryFolder(root / "world", zone, Disk(), is_world=True)


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_nothing_is_there(tmp_path: Path) -> None:
    assert recall_text(*folders(tmp_path), TODAY, 3) == "No memories found"


def test_world_then_long_term_then_days_the_newest_first(tmp_path: Path) -> None:
    put(tmp_path, world__docker="# Docker\n\nuse compose\n", world__api="v2\n", memory__MEMORY="# Me\n\nmetric\n")
    daily = tmp_path / "memory/daily"
    daily.mkdir()
    (daily / "2026-11-21.md").write_text(
        "# 2026-11-21\n\n## 14:32\n\nunits\n<!-- m_3f9k2a7c importance=0.90 trust=owner -->\n"
    )
    (daily / "2026-11-19.md").write_text("# 2026-11-19\n\n## 09:00\n\nold\n# 2026-11-19\n\n## 10:00\n\nolder\n")
    (daily / "2026-11-18.md").write_text("# 2026-11-18\n\n## 09:00\n\ntoo old\n")
    assert recall_text(*folders(tmp_path), TODAY, 3) == (
        "# World Knowledge\n\n## api\n\nv2\n\n## docker\n\n# Docker\n\nuse compose"
        "\n\n---\n\n# Your Memory\n\n# Me\n\nmetric"
        "\n\n---\n\n# Recent Experiences\n\n# 2026-11-21\n\n## 14:32\n\nunits"
        "\n\n---\n\n# 2026-11-19\n\n## 09:00\n\nold\n# 2026-11-19\n\n## 10:00\n\nolder"
    )


def test_other_people_see_only_the_world(tmp_path: Path) -> None:
    put(tmp_path, world__api="v2\n", memory__MEMORY="secret\n")
    assert recall_text(None, folders(tmp_path)[1], TODAY, 3) == "# World Knowledge\n\n## api\n\nv2"


def test_file_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, world__api="v2\n", memory__MEMORY="x\n")
    (tmp_path / "memory/MEMORY.md").write_bytes(b"\xff\n")
    assert recall_text(*folders(tmp_path), TODAY, 3) == "# World Knowledge\n\n## api\n\nv2"
