"""The index: found at once, gone at once, made again when it is not usable, and never waited for."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.memory.base import OWNER, WORLD, MemoryNote, Scope
from duragent.memory.bits import small
from duragent.memory.index import MemoryIndex, PlaceContent, SearchTooLate
from duragent.memory.index_schema import has_fts5
from duragent.memory.languages import language
from tests.memory.indexed import Places, Sessions, noted

UNITS = noted("units", "The user prefers metric units.")
TRIP = noted("trip", "The trip to Leipzig begins on Monday.")
TEA = noted("tea", "Tea is better than coffee.")


@pytest.fixture
def index(tmp_path: Path) -> MemoryIndex:
    return MemoryIndex(tmp_path / "mind" / "index.sqlite", language("en"))


def ids(index: MemoryIndex, text: str, *reads: Scope) -> list[str]:
    return [hit.note.id for hit in index.search(text, reads or (OWNER,)).hits]


def test_this_python_has_fts5() -> None:
    assert has_fts5()


def test_note_is_found_by_its_words_and_by_those_beside_it(index: MemoryIndex) -> None:
    index.update([Places(day=[UNITS, TRIP, TEA])])
    found = index.search("which unit does the trip need?", [OWNER])
    assert [hit.note for hit in found.hits] == [UNITS, TRIP, TEA]
    assert [(hit.own, hit.near) for hit in found.hits][:2] == [(("unit",), ("trip",)), (("trip",), ("unit",))]
    assert found.hits[0].coverage == pytest.approx(1.0)
    assert found.notes == 3


def test_neighbours_end_with_their_file(index: MemoryIndex) -> None:
    index.update([Places(one=[UNITS], two=[TRIP])])
    assert ids(index, "units") == ["m_units"]


def test_notes_of_other_scopes_are_not_found(index: MemoryIndex) -> None:
    many = [noted(f"w{at}", f"units number {at}", scope=WORLD) for at in range(200)]
    index.update([Places(world=many, day=[UNITS])])
    assert ids(index, "units", OWNER) == ["m_units"]
    assert ids(index, "units") == ["m_units"]
    assert ids(index, "units", Scope("person", "anna")) == []
    assert len(ids(index, "units", OWNER, WORLD)) == 50


def test_change_is_found_at_once_and_only_what_changed_is_read(index: MemoryIndex) -> None:
    places = Places(one=[UNITS], two=[TRIP])
    assert index.update([places]) == 2
    places.files["two"] = [TEA]
    places.read.clear()
    assert index.update([places]) == 1
    assert places.read == ["two"]
    assert (ids(index, "tea"), ids(index, "leipzig"), ids(index, "units")) == (["m_tea"], [], ["m_units"])
    del places.files["one"]
    assert index.update([places]) == 1
    assert ids(index, "units") == []
    assert index.update([places]) == 0


def test_touched_file_with_the_same_content_is_not_indexed_again(index: MemoryIndex) -> None:
    places = Places(one=[UNITS])
    index.update([places])
    places.touched = 1
    places.read.clear()
    assert (index.update([places]), places.read) == (1, ["one"])
    assert (index.update([places]), places.read) == (0, ["one"])
    assert ids(index, "units") == ["m_units"]


WORDS = st.sampled_from("tea trip units harbour report leipzig monday c++ a/b.py 8080".split())
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(TEXTS, max_size=6), min_size=1, max_size=5), st.data())
def test_index_that_grew_finds_the_same_as_a_new_one(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[str]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("index")
    grown = MemoryIndex(folder / "grown.sqlite", language("en"))
    sessions, places = Sessions(), Places()
    for at, texts in enumerate(steps):
        if data.draw(st.booleans()):
            places.files[f"day{at % 2}"] = [noted(f"{at}_{n}", text) for n, text in enumerate(texts)]
        else:
            sessions.said += [noted(f"s{at}_{n}", text) for n, text in enumerate(texts)]
        grown.update([places, sessions])
    new = MemoryIndex(folder / "new.sqlite", language("en"))
    new.update([places, sessions])
    for word in ("tea", "trip units", "c++", "a/b.py 8080"):
        ranked = [
            {(hit.note.id, round(hit.relevance, 9)) for hit in index.search(word, [OWNER]).hits}
            for index in (grown, new)
        ]
        assert ranked[0] == ranked[1]
    grown.close()
    new.close()


def test_log_that_was_cut_is_indexed_again(index: MemoryIndex) -> None:
    sessions = Sessions()
    sessions.said = [UNITS, TRIP, TEA]
    index.update([sessions])
    sessions.said = [TEA]
    index.update([sessions])
    assert (ids(index, "tea"), ids(index, "units")) == (["m_tea"], [])


@pytest.mark.parametrize("harm", ["deleted", "garbage", "cut", "other make", "empty"])
def test_index_that_cannot_be_used_is_made_again(index: MemoryIndex, tmp_path: Path, harm: str) -> None:
    places, path = Places(day=[UNITS, TRIP]), tmp_path / "mind" / "index.sqlite"
    if harm == "other make":
        other = MemoryIndex(path, language("none"))
        other.update([places])
        other.close()
    else:
        index.update([places])
        index.close()
        if harm == "deleted":
            path.unlink()
        else:
            path.write_bytes({"garbage": b"x" * 9_000, "cut": path.read_bytes()[:5_000], "empty": b""}[harm])
    with pytest.raises(SearchTooLate):
        index.search("units", [OWNER])
    index.update([places])
    assert ids(index, "units") == ["m_units", "m_trip"]
    assert sorted(each.name for each in path.parent.iterdir() if "-" not in each.name) == ["index.sqlite"]


def test_file_deleted_while_it_is_open_is_missed(index: MemoryIndex, tmp_path: Path) -> None:
    places = Places(day=[UNITS])
    index.update([places])
    (tmp_path / "mind" / "index.sqlite").unlink()
    with pytest.raises(SearchTooLate):
        index.search("units", [OWNER])
    index.update([places])
    assert ids(index, "units") == ["m_units"]


def test_words_that_are_gone_leave_no_trace_in_a_rewritten_file(index: MemoryIndex, tmp_path: Path) -> None:
    places = Places(day=[UNITS, noted("secret", "The password is xylophone77.")])
    index.update([places])
    places.files["day"] = [UNITS]
    index.rewrite([places])
    index.close()
    assert all(b"xylophone" not in path.read_bytes() for path in (tmp_path / "mind").iterdir())


def test_search_of_what_was_said_finds_no_notes(index: MemoryIndex) -> None:
    said = replace(
        noted("said", "Use units that are metric, and no others, in all of the many reports."), file="session_1"
    )
    many = [noted(f"w{at}", "metric units") for at in range(200)]
    index.update([Places(day=many, session_1=[said])])
    assert "m_said" not in ids(index, "metric units")
    found = index.search("metric units", [OWNER], only_said=True)
    assert [hit.note.id for hit in found.hits] == ["m_said"]


@pytest.mark.parametrize("there", [True, False])
def test_file_that_a_killed_process_was_writing_is_gone_with_the_next_opening(tmp_path: Path, there: bool) -> None:
    places, path = Places(day=[UNITS]), tmp_path / "index.sqlite"
    if there:
        before = MemoryIndex(path, language("en"))
        before.update([places])
        before.close()
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(f"index.sqlite.new{suffix}").write_bytes(b"xylophone77")
    index = MemoryIndex(path, language("en"))
    assert index.marks().keys() == (places.marks().keys() if there else set())
    assert not any(b"xylophone" in each.read_bytes() for each in tmp_path.iterdir())
    index.close()


def test_search_ends_with_its_time(index: MemoryIndex) -> None:
    index.update([Places(day=[noted(f"{at}", f"units and word {at}") for at in range(3_000)])])
    with pytest.raises(SearchTooLate):
        index.search("units word", [OWNER], left=lambda: 0.0)
    assert len(ids(index, "units word")) == 50


def test_search_does_not_wait_for_a_writer(index: MemoryIndex) -> None:
    index.update([Places(day=[UNITS])])
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Places):
        def marks(self) -> dict[str, str]:
            begun.set()
            go_on.wait(30)
            return super().marks()

    writer = threading.Thread(target=index.update, args=([Slow(day=[TEA])],))
    writer.start()
    begun.wait(30)
    with pytest.raises(SearchTooLate):
        index.search("units", [OWNER], left=lambda: 0.01)
    go_on.set()
    writer.join()
    assert ids(index, "tea", OWNER) == ["m_tea"]


@pytest.mark.parametrize("text", ["C++", "src/a/b.py", "10.0.0.1:8080", "a_b"])
def test_pieces_are_found_whole(index: MemoryIndex, text: str) -> None:
    index.update(
        [Places(one=[noted("it", f"it is {text}, he said")], two=[noted("parts", "c src a b py 10 0 1 8080")])]
    )
    assert ids(index, text)[0] == "m_it"


def test_text_that_is_no_unicode_is_indexed(index: MemoryIndex) -> None:
    places = Places(day=[noted("odd", "harbour \ud800 \0 light")])
    index.update([places])
    assert ids(index, "harbour \ud800") == ["m_odd"]
    places.files["day"] = []
    index.update([places])
    assert ids(index, "harbour") == []


def test_check_compares_the_index_with_its_sources(index: MemoryIndex, tmp_path: Path) -> None:
    places, path = Places(one=[UNITS], two=[TRIP]), tmp_path / "mind" / "index.sqlite"
    assert "absent" in index.check([places])[0]
    index.update([places])
    assert index.check([places]) == []
    places.files = {"one": [TEA]}
    assert index.check([places]) == ["one has changed since it was indexed", "two is indexed and gone"]
    index.close()
    path.write_bytes(b"x" * 5_000)
    assert "damaged" in index.check([places])[0]


def test_session_that_is_still_to_be_read_after_a_rebuild_is_no_difference(index: MemoryIndex) -> None:
    class NotReadYet(Places):
        def content(self, place: str, indexed_mark: str) -> PlaceContent:
            del self.files[place]
            return PlaceContent("", ())

    places = Places(one=[noted("1", "metric units")])
    index.rewrite([places, NotReadYet(**{"session:session_1": []})])
    assert index.check([places]) == []


@pytest.mark.parametrize("later", [[], [TEA]])
def test_rewriting_keeps_what_was_said_with_its_vectors_and_reads_files_again(
    index: MemoryIndex, later: list[MemoryNote]
) -> None:
    said, places = Sessions(), Places(day=[UNITS])
    said.said += [TRIP]
    index.update([places, said])
    index.add_vectors("a@2", {key: small([1.0, 0.0]) for key, _ in index.without_vectors("a@2", 9)})
    said.said += later
    index.rewrite([places, said])
    assert said.read == ["", *(["1"] if later else [])]
    assert places.read == ["day", "day"]
    assert set(ids(index, "trip tea units")) == {note.id for note in (TRIP, *later, UNITS)}
    assert [text for _, text in index.without_vectors("a@2", 9)] == [note.text for note in later]
    index.rewrite([places, said], from_start=True)
    assert said.read[-1] == ""
