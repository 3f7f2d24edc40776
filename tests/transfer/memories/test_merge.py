"""A file to which notes come keeps all that it has, and has them after one time as after two."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.base import MemoryNote
from duragent.memory.notes import PlacedNote, appended
from duragent.transfer.memories import merge
from duragent.transfer.memories.base import BroughtNote
from duragent.transfer.memories.merge import merged_file

_LINES = st.sampled_from(
    ["", "a", "b", " ", "# t", "## u", "## 10:00", "## 2026-01-01 10:01", "```", "~~~", "# 2026-01-01", "x\r", "\\# t"]
    + [f"<!-- m_aaaaaaa{n} importance=0.50 trust=agent -->" for n in "ab"]
)
_TEXTS = st.builds(
    lambda lines, end: "\n".join(lines) + end, st.lists(_LINES, max_size=12), st.sampled_from(["", "\n"])
)


@pytest.mark.parametrize("file", ["MEMORY.md", "daily/2026-01-01.md", "people/a.md", "unreviewed.md"])
@given(before=_TEXTS, text=_TEXTS)
def test_nothing_is_lost_and_a_second_time_changes_nothing(file: str, before: str, text: str) -> None:
    once = merged_file(before, text, file, UTC)
    assert once.text.startswith(before) or not before.strip()
    twice = merged_file(once.text, text, file, UTC)
    assert (twice.text, twice.added) == (once.text, ())


def test_what_would_be_read_otherwise_behind_an_open_end_is_a_conflict() -> None:
    before = "# Code\n\n```\nmake\n"
    merged = merged_file(before, "# Units\n\nMetric.\n", "MEMORY.md", UTC)
    assert (merged.text, merged.added) == (before, ())
    assert merged.conflicts == ("what is here ends in something open, such as code, so nothing can be put behind it",)


def test_note_of_a_day_without_a_time_does_not_join_the_one_before() -> None:
    before = "# 2026-01-01\n\n## 10:00\n\nMine.\n"
    merged = merged_file(before, "# 2026-01-01\n\nTheirs.\n", "daily/2026-01-01.md", UTC)
    assert merged.text == f"{before}\n# 2026-01-01\n\nTheirs.\n"
    assert merged_file("Mine.\n", "Theirs.\n", "MEMORY.md", UTC).conflicts == (
        "line 1: what stands in front of the first heading has other words here",
    )


def test_work_grows_with_the_notes_and_not_with_their_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, copied = [0], [0]
    words = merge._words

    def counted(placed: PlacedNote) -> tuple[str, str, str]:
        compared[0] += 1
        return words(placed)

    def measured(text: str, note: MemoryNote, local: datetime) -> str:
        copied[0] += len(text)
        return appended(text, note, local)

    monkeypatch.setattr(merge, "_words", counted)
    monkeypatch.setattr(merge, "appended", measured)
    file, many = "daily/2026-01-01.md", 400
    before, text = (
        "# 2026-01-01\n\n" + "".join(f"{said} {n}.\n<!-- m_{mark}{n:07} trust=agent -->\n\n" for n in range(many))
        for said, mark in (("Here", "a"), ("There", "b"))
    )
    assert len(merged_file(before, text, file, UTC).added) == many
    assert compared[0] < 10 * many
    local = datetime(2026, 1, 1, 10, tzinfo=UTC)
    brought = [(BroughtNote(f"m_{n:08}", f"Fact {n}.", "2026-01-01T10:00:00Z", 500, "x"), local) for n in range(many)]
    merged = merge.merged_notes("", brought, file, merge.KnownNotes())
    assert (len(merged.added), merged.text.count("## 10:00")) == (many, many)
    assert copied[0] < 2 * len(merged.text)
