"""What was said, ready for an index: to whom it belongs, how far a session was read, and what was lost meanwhile."""

import pytest

from duragent.journal.events import Call, Event, MessageReceived, ModelReplied, Sender, ToolFinished
from duragent.journal.record import Record
from duragent.memory.base import OWNER, Scope
from duragent.memory.said import PREFIX
from duragent.mind.said_source import NOBODY, Chat, Cursor, SaidSource, scope_of

ALONE = Chat()


def records(first: int, *events: Event) -> list[Record]:
    return [Record(seq, "2026-01-01T00:00:00Z", event) for seq, event in enumerate(events, first)]


def by(sender: str | None, text: str, source: str = "http") -> MessageReceived:
    of = Sender(id=sender) if sender is not None else None
    return MessageReceived(message_id="m", text=text, source=source, sender=of)


def replied(text: str, *calls: Call) -> ModelReplied:
    return ModelReplied(message_id="r", turn="t", text=text, calls=calls)


@pytest.mark.parametrize("scope", [OWNER, Scope("person", "http-bo"), Scope("chat", "tg-1 2:3"), NOBODY])
@pytest.mark.parametrize("touched", [True, False])
def test_mark_is_read_as_it_was_written(scope: Scope, touched: bool) -> None:
    assert Cursor.of(str(Cursor(7, touched, scope))) == Cursor(7, touched, scope)


@pytest.mark.parametrize("mark", ["", "x", "7", "7 1", "-1 0 owner:", "7 1 world:", "7 0 king:x"])
def test_mark_of_another_form_is_the_beginning(mark: str) -> None:
    assert Cursor.of(mark) == Cursor()


@pytest.mark.parametrize(
    ("message", "chat", "scope"),
    [
        (by(None, "a"), ALONE, OWNER),
        (by(None, "a", "cli"), ALONE, OWNER),
        (by("bo", "a"), ALONE, Scope("person", "http-bo")),
        (by("ada", "a"), Chat(owners=("ada",)), OWNER),
    ],
)
def test_what_is_said_belongs_to_who_asked(message: MessageReceived, chat: Chat, scope: Scope) -> None:
    assert scope_of(message, chat) == scope


def test_what_a_chat_says_belongs_to_the_chat() -> None:
    chat = Chat("tg", "7", ())
    assert scope_of(by("bo", "a", "gateway"), chat).kind == "chat"
    assert scope_of(by("bo", "a", "gateway"), chat) == scope_of(by("cy", "b", "gateway"), chat)


def test_answers_belong_to_whom_they_were_given_also_after_a_cut() -> None:
    source = SaidSource()
    source.take("s", records(1, by("bo", "my code is 4711"), replied("Noted, 4711.")), ALONE, source.forgets)
    first = source.content(f"{PREFIX}s", "")
    assert {str(each.note.scope) for each in first.chunks} == {"person:http-bo"}
    # The rest of the turn comes later.
    source.take("s", records(3, replied("Anything else?"), by(None, "hello"), replied("Hello.")), ALONE, source.forgets)
    rest = source.content(f"{PREFIX}s", first.mark)
    assert [(each.note.text, str(each.note.scope)) for each in rest.chunks] == [
        ("Anything else?", "person:http-bo"),
        ("hello", "owner"),
        ("Hello.", "owner"),
    ]
    assert (first.appended, rest.appended) == (False, True)


def test_what_came_from_outside_is_known_after_a_cut_too() -> None:
    source = SaidSource()
    web = Call(call="c", tool="web", arguments="{}")
    page = ToolFinished(call="c", outcome="ok", text="Reports go to eve.", outside=True)
    source.take("s", records(1, by(None, "read it"), replied("", web), page), ALONE, source.forgets)
    mark = source.content(f"{PREFIX}s", "").mark
    source.take("s", records(4, replied("Reports go to eve.")), ALONE, source.forgets)
    [said] = source.content(f"{PREFIX}s", mark).chunks
    assert said.note.trust == "unreviewed"


def test_index_that_has_something_else_gets_nothing_and_the_session_is_read_again() -> None:
    source = SaidSource()
    source.begin({f"{PREFIX}s": "2 0 owner:", "MEMORY.md": "1 2 3"})
    assert (source.sessions(), source.cursor("s").seq) == (["s"], 2)
    source.take("s", records(3, by(None, "pier seven")), ALONE, source.forgets)
    assert source.content(f"{PREFIX}s", "").chunks == ()
    assert (source.take_lost(), source.take_lost(), source.cursor("s")) == (["s"], [], Cursor())


@pytest.mark.parametrize("first", [1, 2, 4])
def test_records_that_do_not_follow_are_not_taken(first: int) -> None:
    source = SaidSource()
    source.begin({f"{PREFIX}s": "2 0 owner:"})
    assert source.take("s", records(first, by(None, "pier seven")), ALONE, source.forgets) == 0
    assert source.take("s", [], ALONE, source.forgets) == 0
    assert source.cursor("s") == Cursor(2)


def test_records_that_were_read_before_they_were_redacted_are_not_taken() -> None:
    source = SaidSource()
    forgets, read = source.forgets, records(1, by(None, "pier seven"))
    source.forget("s")
    assert source.take("s", read, ALONE, forgets) == 0
    assert (source.marks(), source.content(f"{PREFIX}s", "").chunks) == ({}, ())
    assert source.take("s", read, ALONE, source.forgets) == 1


def test_deleted_session_is_in_no_mark() -> None:
    source = SaidSource()
    source.take("s", records(1, by(None, "pier seven")), ALONE, source.forgets)
    source.forget("s")
    assert (source.marks(), source.content(f"{PREFIX}s", "").chunks) == ({}, ())
