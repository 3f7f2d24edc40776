"""Where a watcher stands: a record that was seen is not shown again, and one that is missing is noticed."""

import pytest

from duragent.client.watch import Position, _Lost
from duragent.wire import Hello


def test_record_is_shown_once_and_only_behind_the_one_before() -> None:
    position = Position(last=5)
    assert [position.advance(seq) for seq in (4, 5, 6, 6, 7)] == [False, False, True, False, True]
    for seq in (9, 8_000):
        with pytest.raises(_Lost, match=f"record 8 is missing before {seq}"):
            position.advance(seq)
    assert position.query() == {"after": 7}


def test_watcher_of_a_compacted_log_begins_at_its_oldest_record() -> None:
    position = Position(last=0, oldest=40)
    assert position.advance(40)
    assert not position.advance(40)


def test_greeting_of_another_log_is_noticed() -> None:
    position = Position()
    assert position.greet(Hello(session_id="s", head=3, oldest=1, log="one"))
    assert position.greet(Hello(session_id="s", head=4, oldest=1, log="one"))
    assert not position.greet(Hello(session_id="s", head=4, oldest=1, log="two"))
