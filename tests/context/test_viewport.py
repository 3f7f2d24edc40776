"""What stands in the place of the records before the boundary."""

import pytest

from duragent.agent.spec import ContextSpec
from duragent.cli.context import in_one_line
from duragent.context.build import WindowUse, frame_of
from duragent.context.report import PastLine, report
from duragent.context.tokens import tokens
from duragent.context.viewport import NO_TEXT, NO_TEXTS, PastTexts, past, turn_sizes
from duragent.journal.covered import Coverage, Covered, Goal, PinnedRecord
from duragent.journal.events import Event, MessageReceived, ModelCalled, ModelReplied, TurnEnded, TurnStarted
from duragent.journal.record import Record
from tests.context.logs import NOW, agent_with

FRONTIER = (Covered(2, 1, 50, 60, 10), Covered(1, 51, 70, 71, 10))
GOALS = (Goal("g1", "", "Ship it.", 5), Goal("g2", "g1", "Test it.", 6), Goal("g3", "", "Later.", 90))
PINS = (PinnedRecord(12, 13), PinnedRecord(14, 99))
AT = Coverage(boundary=70, frontier=FRONTIER, goals=GOALS, pins=PINS)
TEXTS = PastTexts(
    {60: ("#1 user: hello", "Paths: a/b.py"), 71: ("#51 user: and now", "")}, {13: "user: metric units", 99: "later"}
)


def text(at: Coverage, texts: PastTexts, room: int = 10_000, *, can_read: bool = True) -> str:
    return past(at, texts, ContextSpec(), room_tokens=room, can_read=can_read).text


def test_goals_then_pins_then_summaries_each_with_its_range() -> None:
    assert text(AT, TEXTS) == (
        "[Before record 71. Summaries; `history` with a range shows the original.]\n\n"
        "Goals:\n- g1: Ship it.\n  - g2: Test it.\n\n"
        "Pinned:\n- record 12: user: metric units\n\n"
        "Records 1 to 50 (L2):\n#1 user: hello\nPaths: a/b.py\n\n"
        "Records 51 to 70 (L1):\n#51 user: and now"
    )


def test_without_the_tool_nothing_is_said_of_it() -> None:
    assert text(AT, TEXTS, can_read=False).startswith("[Before record 71. Summaries.]")


def test_before_the_first_summary_there_is_nothing() -> None:
    assert text(Coverage(goals=GOALS, pins=PINS), TEXTS) == ""


def test_a_summary_without_its_text_still_stands_for_its_records() -> None:
    assert text(AT, NO_TEXTS).count(NO_TEXT) == 2


def test_one_line_tells_what_it_takes_of_the_window() -> None:
    agent = agent_with(20_000)
    shown = past(AT, TEXTS, ContextSpec(), room_tokens=10_000, can_read=True)
    found = report(agent, frame_of(agent, NOW), WindowUse([], from_start=True, past=shown))
    kept = tokens("Goals:\n- g1: Ship it.\n  - g2: Test it.\n\nPinned:\n- record 12: user: metric units")
    assert found.past == PastLine(70, kept, shown.tokens - kept, ((2, 1), (1, 1)))
    rest = len(found.messages) - 1
    assert in_one_line(found) == (
        f"system {sum(each.tokens for each in found.sections)} · tools 0 · goals+pins {kept} · "
        f"summaries L2x1 L1x1 {shown.tokens - kept} (records 1 to 70) · {rest} messages "
        f"{sum(each.tokens for each in found.messages[1:])} · left {found.left_tokens:,}"
    )


@pytest.mark.parametrize("room", [0, 100, 400, 1_000, 4_000])
def test_it_keeps_to_its_shares(room: int) -> None:
    long = PastTexts({60: ("word " * 2_000, "a/b.py " * 500), 71: ("word " * 900, "")}, {13: "w " * 90})
    made = past(AT, long, ContextSpec(), room_tokens=room, can_read=True)
    assert made.pinned_tokens <= room * 0.05
    titles = tokens("Records 1 to 50 (L2):") * 2 + 10
    assert tokens(made.text) - 30 <= room * 0.25 + titles


def said(*events: Event) -> list[Record]:
    return [Record(seq, "2026-11-21T14:32:00Z", event) for seq, event in enumerate(events, 1)]


def message(text: str) -> MessageReceived:
    return MessageReceived(message_id=text, text=text, source="cli")


def turn(name: str, trigger: int, *meanwhile: Event) -> tuple[Event, ...]:
    called = ModelCalled(turn=name, step=0, attempt=1, epoch=1, model="m", input_seq=trigger + 1)
    replied = ModelReplied(message_id=name, turn=name, text="yes")
    return (
        TurnStarted(turn=name, trigger=trigger),
        called,
        *meanwhile,
        replied,
        TurnEnded(turn=name, outcome="completed"),
    )


def test_turns_begin_where_all_of_the_earlier_one_stands_before() -> None:
    apart = said(message("one"), *turn("t1", 1), message("two"), *turn("t2", 6))
    assert [first for first, _ in turn_sizes(apart, agent_with(20_000).spec)] == [1, 6]
    # The second message came before the answer to the first.
    meanwhile = said(message("one"), *turn("t1", 1, message("two")), *turn("t2", 4))
    assert [first for first, _ in turn_sizes(meanwhile, agent_with(20_000).spec)] == [1]
