"""Names of topics, people and chats as names of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.memory.topics import MAX_STEM_BYTES, id_stem, safe_stem, title_of, topic_stem


def nothing(stem: str) -> str | None:
    return None


@pytest.mark.parametrize(
    ("name", "stem"),
    [("Docker Compose", "docker-compose"), ("a/b", "a-b"), ("über_x", "über_x"), ("../../etc", "------etc"), ("", "")],
)
def test_cleaning_is_that_of_v05(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


@pytest.mark.parametrize(
    ("topic", "stem"),
    [("docker", "docker"), ("Docker", "docker"), ("a-b", "a-b"), ("a/b", "a-b-c14c"), ("...", "topic-ab5d")],
)
def test_changed_name_gets_digits(topic: str, stem: str) -> None:
    assert topic_stem(topic, nothing) == stem


def test_file_that_is_about_the_topic_is_used() -> None:
    titles = {"a-b": "A/b"}
    assert topic_stem("a/b", titles.get) == "a-b"
    assert topic_stem("a b", titles.get) != "a-b"
    assert topic_stem("a-b", titles.get) == "a-b"


@given(st.text(), st.text())
def test_two_topics_share_a_file_only_when_they_differ_in_capitals_or_spaces(one: str, other: str) -> None:
    def plain(text: str) -> str:
        return " ".join(text.split()).casefold()

    if topic_stem(one, nothing) == topic_stem(other, nothing):
        assert plain(one) == plain(other) or "-" in topic_stem(one, nothing)


@given(st.text(), st.sampled_from([None, "a"]))
def test_stem_is_always_the_name_of_one_file(topic: str, title: str | None) -> None:
    for stem in (topic_stem(topic, lambda _: title), id_stem("telegram", topic)):
        assert 0 < len(stem.encode()) <= MAX_STEM_BYTES
        assert not set(stem) & set("/\\.\0\n ")


def test_ids_of_people_do_not_meet() -> None:
    assert id_stem("telegram", "4711") == "telegram-4711"
    stems = {id_stem("telegram", name) for name in ("a/b", "a-b", "A-b", "a.b", "x" * 300, "x" * 301)}
    assert len(stems) == 6


@pytest.mark.parametrize(
    ("text", "title"), [("# A b\n\nx", "A b"), ("\n# A\r\n", "A"), ("x\n# A", None), ("#A", None), ("", None)]
)
def test_title_is_the_heading_of_the_first_line(text: str, title: str | None) -> None:
    assert title_of(text) == title
