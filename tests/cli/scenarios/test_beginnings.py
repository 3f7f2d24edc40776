"""A session begins with the first message of a chat, once, whatever dies; and a chat goes on with one of before."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.cli.place import Place
from tests.support.terminal import Terminal


def said(place: Place) -> list[list[str]]:
    """What people said in each session, oldest session first."""
    records = [place.log(session_id) for session_id in place.ids()]
    return [[record["text"] for record in log if record["type"] == "message_received"] for log in records]


@contextlib.contextmanager
def chatting(place: Place, *arguments: str) -> Iterator[Terminal]:
    with place.terminal("chat", *arguments) as terminal:
        terminal.expect("Ctrl-C stops the answer.*> ")
        yield terminal
        terminal.type("\x04")
        assert terminal.end() == 0


def test_chat_without_a_word_leaves_no_session(place: Place) -> None:
    with chatting(place) as terminal:
        for typed, answer in (
            ("/status", "there is no session yet: it begins with your first message"),
            ("/cancel", "There is nothing to stop."),
            ("/fork", "there is no session yet"),
            ("/approve once", "there is no session yet"),
            ("/title Sums", "The session has this title as soon as it begins."),
        ):
            terminal.type(f"{typed}\r")
            terminal.expect(answer)
    assert "Nothing was said, so there is no session." in terminal.text
    assert place.ids() == []
    with chatting(place) as terminal:
        terminal.type("/title Sums\r2+2\r")
        terminal.expect("2[+]2 = 4")
    [session] = place.sessions()
    assert (session["title"], session["topic"]) == ("Sums", "2+2")


@pytest.mark.parametrize("point", ["log.created:1", "log.synced:1", "log.before_write:2", "log.synced:2"])
def test_server_that_dies_at_the_beginning_leaves_one_session_with_one_message(place: Place, point: str) -> None:
    place.environ["DURAGENT_CRASHPOINT"] = point
    assert place.run("init", "--no-interactive").returncode == 0
    assert place.run("session", "list").returncode == 0  # starts the server that is to die
    del place.environ["DURAGENT_CRASHPOINT"]
    with chatting(place) as terminal:
        terminal.type("2+2\r")
        terminal.expect("2[+]2 = 4")
    assert "The server was gone: started it again" in terminal.text
    assert said(place) == [["2+2"]]


def test_message_that_was_typed_just_before_leaving_is_said(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-C stops the answer.*> ")
        terminal.type("2+2\r\x04")
        terminal.expect(r"Detached\. The session goes on: duragent attach \w{6}\b")
        assert terminal.end() == 0
    assert "Not sent" not in terminal.text
    assert said(place) == [["2+2"]]


def test_two_chats_that_begin_at_the_same_moment_have_a_session_each(place: Place) -> None:
    with place.terminal("chat") as one, place.terminal("chat") as other:
        for terminal in (one, other):
            terminal.expect("Ctrl-C stops the answer")
        one.type("1+1\r")
        other.type("2+2\r")
        one.expect("1[+]1 = 2")
        other.expect("2[+]2 = 4")
        assert "2+2" not in one.text
        for terminal in (one, other):
            terminal.type("\x04")
            assert terminal.end() == 0
    assert sorted(said(place)) == [["1+1"], ["2+2"]]


def test_person_goes_on_with_the_session_used_last(place: Place) -> None:
    with chatting(place, "-c") as terminal:
        terminal.type("1+1\r")
        terminal.expect("1[+]1 = 2")
    assert "There is no session to go on with: this is a new one." in terminal.text
    with chatting(place) as terminal:
        terminal.type("2+2\r")
        terminal.expect("2[+]2 = 4")
    first, second = place.ids()
    for arguments in (("chat", "-c"), ("attach",), ("chat", "--continue", "--agent", "assistant")):
        with place.terminal(*arguments) as terminal:
            terminal.expect(rf'assistant · {second[-6:]}  ·  "2[+]2"  ·  .*demo')
            terminal.expect("2[+]2 = 4")
            terminal.type("\x04")
            assert terminal.end() == 0
    assert place.run("chat", "-c", stdin="3+3\n").stdout == "3+3 = 6\n"
    assert said(place) == [["1+1"], ["2+2", "3+3"]]
    assert place.run("session", "delete", first, "--yes").returncode == 0
    assert place.run("session", "delete", second, "--yes").returncode == 0
    with place.terminal("attach") as terminal:
        terminal.expect("there is no session to go back to; `duragent chat` begins one")
        assert terminal.end() == 66


def test_person_picks_renames_forks_and_deletes_sessions(place: Place) -> None:
    for question in ("1+1", "2+2", "3+3"):
        assert place.run("ask", "assistant", question).returncode == 0
    oldest, _, newest = place.ids()
    with place.terminal("chat", "--resume") as terminal:
        terminal.expect(r"> 1  3\+3.*idle · .*" + newest[-6:])
        terminal.type("\x12")
        terminal.expect(r"title> 3\+3")
        terminal.type("\x15Threes\r")
        terminal.expect("> 1  Threes")
        terminal.type("2+2\x18")
        terminal.expect(r'Delete "2\+2", 1 turn, for good\? Type yes:')
        terminal.type("no\r")
        terminal.expect("find> ")
        terminal.type("2+2\x18")
        terminal.expect("Type yes:")
        terminal.type("yes\r")
        terminal.expect(r"2  1\+1")
        terminal.type("three\r")
        terminal.expect(rf'assistant · {newest[-6:]}  ·  "Threes"')
        terminal.type("/sessions\r")
        terminal.expect(r"Threes +you are here")
        terminal.type("1+1\r")
        terminal.expect(rf'assistant · {oldest[-6:]}  ·  "1\+1"')
        terminal.expect(r"1\+1 = 2")
        terminal.type("/fork\r")
        terminal.expect(r'assistant · \w{6}  ·  "1\+1"')
        terminal.type("/attach 2\r")
        terminal.expect(r'assistant · \w{6}  ·  ".*Ctrl-C stops the answer.*> ')
        terminal.type("\x04")
        assert terminal.end() == 0
    sessions = {session["session_id"]: session for session in place.sessions()}
    assert len(sessions) == 3
    assert [session["parent"] is not None for session in sessions.values()].count(True) == 1
    assert {oldest, newest} < set(sessions)
    ran = place.run("chat", "--resume")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--resume needs a terminal; --continue goes on with the session used last" in ran.stderr
