import io
import json
from typing import Any

import pytest
from hypothesis import example, given, settings

from duragent.cli.view import (
    ago,
    clean,
    json_text,
    lost_attempts,
    one_line,
    parse_time,
    place_of,
    record_cell,
    session_cell,
    short_id,
    short_ids,
    status_word,
    title_of,
)
from duragent.wire import SessionInfo
from tests.cli.hostile import HOSTILE, TEXTS, is_clean


def test_attempts_without_an_answer_are_told_with_what_they_may_have_used() -> None:
    session = SessionInfo(session_id="s", agent="a", status="active", created_at=TS, updated_at=TS)
    assert lost_attempts(session) == ""
    one = session.model_copy(update={"unknown_attempts": 1})
    assert lost_attempts(one) == "1 attempt without an answer"
    two = session.model_copy(update={"unknown_attempts": 2, "possible_tokens": 9000, "possible_cost_usd": 0.02})
    assert lost_attempts(two) == "2 attempts without an answer may have used up to 9,000 tokens, $0.02 more"


def test_ids_are_shown_by_their_ends_longer_where_that_is_a_part_of_another() -> None:
    assert short_id("session_01k9zf3mabcd7f3kab") == "7f3kab"
    assert short_ids(["session_01aaabbbccc", "session_01dddbbbccc"]) == ["abbbccc", "dbbbccc"]
    assert short_ids(["session_01aaabbbccc", "session_BBBCCC999999"]) == ["abbbccc", "999999"]
    assert short_ids(["x", "session_x", "\x1b[m999999"]) == ["x", "sion_x", "999999"]
    assert short_ids([]) == []


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"status": "active"}, "idle"),
        ({"status": "running"}, "working"),
        ({"status": "paused"}, "waits for you"),
        ({"status": "completed"}, "closed"),
        ({"status": "running", "damage": "a hole"}, "damaged"),
        ({"status": "active", "unread": True}, "…"),
    ],
)
def test_status_is_told_in_words_of_people(about: dict[str, Any], word: str) -> None:
    session = SessionInfo(**{"session_id": "s", "agent": "a", "created_at": TS, "updated_at": TS, **about})
    assert status_word(session) == word


def test_session_is_called_by_its_title_or_by_how_it_began() -> None:
    session = SessionInfo(session_id="s", agent="a", status="active", created_at=TS, updated_at=TS, topic="Why\x1b?")
    assert title_of(session) == "Why\N{REPLACEMENT CHARACTER}?"
    assert title_of(session.model_copy(update={"title": "Reasons"})) == "Reasons"
    assert title_of(session.model_copy(update={"topic": ""})) == ""


def test_json_is_valid_utf8_whatever_the_text() -> None:
    assert json_text({"a": "ü\ud800\u2028\x9b"}) == '{"a": "ü\\ud800\\u2028\\u009b"}'


@pytest.mark.parametrize(
    ("ts", "words"),
    [
        ("2026-11-20T12:00:00Z", "just now"),
        ("2026-11-20T11:59:59Z", "1 second ago"),
        ("2026-11-20T11:57:00.5Z", "2 minutes ago"),
        ("2026-11-20T10:00:00Z", "2 hours ago"),
        ("2026-11-17T10:00:00+00:00", "3 days ago"),
        ("soon", "soon"),
    ],
)
def test_times_are_told_in_words(ts: str, words: str) -> None:
    assert ago(ts, parse_time("2026-11-20T12:00:00Z")) == words


@pytest.mark.parametrize(("typed", "place"), [("1", 0), ("3", 2), ("03", 2)])
def test_a_place_is_the_number_of_a_line_that_there_is(typed: str, place: int) -> None:
    assert place_of(typed, 3) == place


@pytest.mark.parametrize(
    "typed", ["", "0", "4", "-1", "two", "\N{SUPERSCRIPT TWO}", f"{'0' * 8}11", f"{'0' * 8}1{'9' * 5_000}"]
)
def test_nothing_else_is_a_place(typed: str) -> None:
    assert place_of(typed, 3) is None


def test_one_line_is_one_line() -> None:
    assert one_line("a\n b\tc\x1b", 0) == "a b c\N{REPLACEMENT CHARACTER}"
    assert one_line("abcdef", 4) == "abc…"
    assert clean("a\r\nb\rc") == "a\nb\N{REPLACEMENT CHARACTER}c"


TS = "2026-11-20T23:58:16.123Z"


@settings(deadline=None, max_examples=40)
@given(TEXTS)
@example(HOSTILE)
def test_json_says_the_same_and_hides_nothing(text: str) -> None:
    shown = json_text({"a": text})
    assert is_clean(shown.translate(dict.fromkeys(range(0x2550, 0x256D), "-")))
    assert json.loads(shown) == json.loads(json.dumps({"a": text}))


def test_a_record_of_a_session_is_short_for_people_and_whole_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    ref = "session_01k9zf3mabcd7f3kab#18"
    assert (record_cell(ref), record_cell("m_3f9k2a7c"), record_cell("")) == (ref, "m_3f9k2a7c", "")
    monkeypatch.setattr("sys.stdout", _Screen())
    assert (record_cell(ref), record_cell("m_3f9k2a7c"), record_cell("")) == ("7f3kab#18", "m_3f9k2a7c", "")
    assert session_cell("session_01k9zf3mabcd7f3kab") == "7f3kab"


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True
