"""The index without FTS5 finds what the other one finds."""

from pathlib import Path

import pytest

from duragent.memory.base import OWNER, Scope
from duragent.memory.index import MemoryIndex, SearchTooLate
from duragent.memory.languages import language
from duragent.memory.plain_index import MOST, PlainIndex
from tests.memory.indexed import Places, noted

NOTES = [
    noted("units", "The user prefers metric units."),
    noted("trip", "The trip to Leipzig begins on Monday, see src/trip.py."),
    noted("tea", "Tea is better than coffee."),
]


@pytest.mark.parametrize("question", ["trip units", "tea", "src/trip.py", "coffee on monday", "nothing"])
def test_it_ranks_and_covers_as_fts5_does(tmp_path: Path, question: str) -> None:
    many = [noted(f"n{at}", f"Entry {at} has words about harbour {at % 7}.") for at in range(60)]
    places = Places(day=NOTES, other=many)
    found = []
    for index in (MemoryIndex(tmp_path / "index.sqlite", language("none")), PlainIndex(tmp_path, language("none"))):
        index.update([places])
        found.append(index.search(question, [OWNER]))
    of_fts5, plain = found
    assert [(hit.note, hit.own, hit.near) for hit in plain.hits] == [
        (hit.note, hit.own, hit.near) for hit in of_fts5.hits
    ]
    assert [hit.relevance for hit in plain.hits] == pytest.approx([hit.relevance for hit in of_fts5.hits], rel=0.001)
    assert [hit.coverage for hit in plain.hits] == pytest.approx([hit.coverage for hit in of_fts5.hits])


def test_changes_are_found_and_scopes_kept(tmp_path: Path) -> None:
    index, places = PlainIndex(tmp_path, language("en")), Places(day=NOTES[:1], two=NOTES[1:])
    assert (index.update([places]), index.update([places])) == (2, 0)
    del places.files["two"]
    assert index.update([places]) == 1
    assert [hit.note.id for hit in index.search("units of tea", [OWNER]).hits] == ["m_units"]
    assert index.search("units", [Scope("person", "anna")]).hits == []
    with pytest.raises(SearchTooLate):
        index.search("units", [OWNER], lambda: 0.0)


def test_only_the_newest_are_searched(tmp_path: Path) -> None:
    index = PlainIndex(tmp_path, language("en"))
    index.update([Places(day=[noted(f"{at}", f"word{at} harbour") for at in range(MOST + 5)])])
    assert (index.search("word2", [OWNER]).hits, index.search("word9", [OWNER]).notes) == ([], MOST)
