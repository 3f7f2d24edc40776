"""Date and time ride with what people write; the system message does not change."""

from datetime import timedelta

from duragent.context.build import WindowUse, build, frame_of
from tests.context.logs import NOW, Log, agent_with, request, said

DATED = agent_with(100_000, "Today is {{date}}, {{time}}.")


def chat() -> Log:
    log = Log()
    log.start("one")
    log.end("first")
    log.later(minutes=1)
    log.start("two")
    log.end("second")
    log.later(minutes=5)
    log.start("three")
    return log


def test_system_message_is_the_same_bytes_at_any_time() -> None:
    assert frame_of(DATED, NOW).system == frame_of(DATED, NOW + timedelta(days=400, hours=3)).system
    assert "Today is the date of the newest [now: …] note, the time of" in frame_of(DATED, NOW).system


def test_a_note_stands_before_the_first_message_and_where_the_hour_is_another() -> None:
    assert said(request(DATED, chat()).messages) == [
        ("user", "[now: Friday 2026-11-20 23:58 UTC]"),
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
        ("assistant", "second"),
        ("user", "[now: Saturday 2026-11-21 00:04 UTC]"),
        ("user", "three"),
    ]


def test_agent_that_does_not_ask_for_the_time_gets_no_notes_unless_told_to() -> None:
    agent, log = agent_with(), chat()
    assert not any("[now:" in message.content for message in request(agent, log).messages)
    around = frame_of(agent, NOW, tells_time=True)
    assert "[now:" in build(agent, around, WindowUse(log.records, from_start=True)).messages[1].content


def test_notes_of_past_messages_are_the_same_bytes_in_later_requests() -> None:
    log = chat()
    before = request(DATED, log).messages
    log.end("third")
    log.later(hours=5)
    log.start("four")
    assert request(DATED, log).messages[: len(before)] == before


def test_what_is_kept_of_a_long_history_begins_with_a_note() -> None:
    log = Log()
    for number in range(60):
        log.start(f"{number} " + "words " * 200)
        log.end("yes")
        log.later(seconds=1)
    kept = said(request(agent_with(6_000, "{{date}}"), log).messages)
    assert kept[0][1].startswith("[conversation truncated")
    assert kept[1][1].startswith("[now: Friday 2026-11-20 23:58")


def test_a_time_that_cannot_be_read_is_not_told() -> None:
    log = chat()
    log.records[0] = log.records[0].__class__(1, "long ago", log.records[0].event)
    assert said(request(DATED, log).messages)[0] == ("user", "one")
