"""Chunks: long notes in pieces, and who is whose neighbour."""

from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.base import MemoryNote
from duragent.memory.chunks import chunks_of, cut, neighbours


@given(st.text(alphabet="ab .\n", max_size=400))
def test_pieces_are_short_and_lose_no_letter(text: str) -> None:
    pieces = cut(text, most_chars=50)
    assert all(0 < len(piece) <= 50 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_paragraphs_stay_together_while_there_is_room() -> None:
    assert cut("one two\n\nthree\n\nfour five six", most_chars=15) == ["one two\nthree", "four five six"]


def test_pieces_of_a_note_keep_its_id() -> None:
    note = MemoryNote("m_1", "word. " * 400, "MEMORY.md", 1)
    chunks = chunks_of([note, MemoryNote("m_2", "short", "MEMORY.md", 9), MemoryNote("m_3", " ", "MEMORY.md", 11)])
    assert [chunk.note.id for chunk in chunks] == ["m_1", "m_1", "m_2"]


def test_neighbours_stand_around_a_piece() -> None:
    assert neighbours("abcdefgh", 3) == ("c\ne", "a\nb\nf\ng")
    assert neighbours("abc", 0) == ("b", "c")
    assert neighbours("a", 0) == ("", "")
