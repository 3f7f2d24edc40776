"""The index without FTS5 finds what the other one finds."""

from pathlib import Path

import pytest

from duragent.memory.base import OWNER, Scope
from duragent.memory.index import MemoryIndex, SearchTooLate
from duragent.memory.languages import language
from duragent.memory.plain_index import MOST, PlainIndex
from duragent.memory.search import PiecesBehind
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


@pytest.mark.parametrize("lang", ["en", "none", "cjk"])
@pytest.mark.parametrize("length", [1, 9, 40])
def test_place_that_is_left_out_is_left_out_of_both_alike(tmp_path: Path, lang: str, length: int) -> None:
    # "en" takes endings off in one of them only: none of these words has one.
    others = [noted(f"n{at}", f"東京 n{at} has word about harbor {at % 7}") for at in range(30)]
    own = [noted(f"own{at}", f"tea harbor {at % 3} on trip 東京") for at in range(length)]
    question = "tea harbor 2 at trip 東京 unheard"
    there, gone = Places(day=NOTES, own=own, other=others), Places(day=NOTES, other=others)
    found = []
    makes: tuple[type[MemoryIndex] | type[PlainIndex], ...] = (MemoryIndex, PlainIndex)
    for at, make in enumerate(makes):
        with_own, without = (make(tmp_path / f"{at}{name}.sqlite", language(lang)) for name in ("with", "without"))
        with_own.update([there])
        without.update([gone])
        left_out, plain = (
            with_own.search(question, [OWNER], without=PiecesBehind("own")),
            without.search(question, [OWNER]),
        )
        assert (left_out.words, left_out.notes) == (plain.words, plain.notes)
        assert {(h.note.id, h.coverage) for h in left_out.hits} == {(h.note.id, h.coverage) for h in plain.hits}
        found.append(left_out)
        with_own.close()
        without.close()
    of_fts5, of_plain = found
    assert [hit.note for hit in of_plain.hits] == [hit.note for hit in of_fts5.hits]
    assert [hit.relevance for hit in of_plain.hits] == pytest.approx([hit.relevance for hit in of_fts5.hits], rel=0.001)


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
