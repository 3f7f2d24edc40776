"""The output of a running command."""

from duragent.bus import OutputDelta
from duragent.journal.state import SessionState
from duragent.turn.live_output import KEPT_CHARS, LiveOutput


def test_pieces_are_published_with_their_place_and_a_new_watcher_gets_the_end() -> None:
    published: list[OutputDelta] = []
    output = LiveOutput("t", 2, 1, "c", published.append)
    assert output.so_far() == []
    for text in ("abc", "", "x" * KEPT_CHARS, "yz"):
        output.add(text)
    assert [(delta.offset, len(delta.text)) for delta in published] == [(0, 3), (3, KEPT_CHARS), (KEPT_CHARS + 3, 2)]
    assert {(delta.turn, delta.step, delta.attempt, delta.kind, delta.call) for delta in published} == {
        ("t", 2, 1, "output", "c")
    }
    (newest,) = output.so_far()
    assert (newest.offset, len(newest.text), newest.text[-3:]) == (5, KEPT_CHARS, "xyz")
    assert not output.over(SessionState("s"))
