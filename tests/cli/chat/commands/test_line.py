"""Slash commands about what was said."""

import base64
import zipfile

import pytest

from duragent.cli.chat.commands.line import PAGE, as_markdown
from duragent.cli.chat.pastes import Entered
from duragent.errors import BadModelRequest
from duragent.wire import MessageInfo, SessionInfo
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk

ANSWER = "So:\n\n```sh\nls -l\n```\n\nor\n\n~~~~\n```\nx\u202e\n~~~~\n"


@pytest.fixture(autouse=True)
def _far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program of this machine has a clipboard."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "far away")
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize(("typed", "copied"), [("/copy", ANSWER), ("/copy code", "```\nx\u202e\n")])
async def test_answer_goes_to_the_clipboard_without_what_cannot_be_seen(desk: Desk, typed: str, copied: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.talk.conversation.last_answer = ANSWER
        terminal.type(f"{typed}\r")
        await terminal.shows("sent to the terminal's clipboard.")
        code = terminal.screen.getvalue().partition("\x1b]52;c;")[2].partition("\a")[0]
    assert base64.b64decode(code).decode() == copied.replace("\u202e", "<U+202E>")


@pytest.mark.parametrize(
    ("answer", "typed", "says"),
    [
        ("", "/copy", "There is no answer yet."),
        ("No code.", "/copy code", "There is no code in the last answer."),
        ("a", "/copy all", "/copy takes the last answer, /copy code the last code in it."),
    ],
)
async def test_what_cannot_be_copied_is_said(desk: Desk, answer: str, typed: str, says: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.talk.conversation.last_answer = answer
        terminal.type(f"{typed}\r")
        await terminal.shows(says)


async def test_last_answer_is_that_of_the_log_too(desk: Desk) -> None:
    session_id = await desk.house.create()
    await desk.house.say(session_id, "hi")
    async with sitting(desk, session_id) as terminal:
        await terminal.shows("hello there friend")
        assert terminal.talk.conversation.last_answer == "hello there friend"


async def test_conversation_is_written_into_a_file(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("hi\r")
        await terminal.shows("hello there friend")
        terminal.type("/export talk.md\r")
        await terminal.shows("The conversation is in talk.md.")
        terminal.type("/export talk.md\r")
        await terminal.shows("talk.md is there already: name another file")
        terminal.type("/export talk.zip\r")
        await terminal.shows("The conversation is in talk.zip.")
        terminal.type("/export\r")
        await terminal.shows(f"The conversation is in {session_id}.md.")
        terminal.type("/export no/such/talk.md\r")
        await terminal.shows("no/such/talk.md cannot be written")
    text = (desk.folder / "talk.md").read_text()
    assert text == (desk.folder / f"{session_id}.md").read_text()
    assert [line.split(",")[0] for line in text.splitlines() if line.startswith("#")] == [
        "# hi",
        "## Ada",
        "## assistant",
    ]
    assert "\n\nhello there friend\n" in text
    assert zipfile.is_zipfile(desk.folder / "talk.zip")
    assert (desk.folder / "talk.md").stat().st_mode & 0o777 == 0o600


def test_what_was_not_finished_is_marked() -> None:
    session = SessionInfo(session_id="session_1", agent="a", status="active", created_at="T", updated_at="T", title="T")
    answer = MessageInfo(
        role="assistant", content="1 2", seq=2, created_at="T", message_id="m", interrupted=True, sender_name=None
    )
    assert as_markdown(session, [answer]) == "# T\n\na, session_1, T\n\n## a, T\n\n1 2\n\n(not finished)\n"


async def test_long_conversation_is_written_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duragent.cli.chat.commands.line.PAGE", 2)
    session_id = await desk.house.create()
    for number in range(3):
        await desk.house.say(session_id, f"message {number}")
    async with sitting(desk, session_id) as terminal:
        terminal.type("/export talk.md\r")
        await terminal.shows("The conversation is in talk.md.")
    text = (desk.folder / "talk.md").read_text()
    assert [text.count(f"message {number}\n\n##") for number in range(3)] == [1, 1, 1]
    assert PAGE == 200


async def messages(desk: Desk, session_id: str) -> list[str]:
    return [record["text"] for record in await desk.house.log(session_id) if record["type"] == "message_received"]


async def test_answered_message_is_asked_again_in_a_fork(desk: Desk) -> None:
    session_id = await desk.house.create()
    for text in ("one", "two"):
        await desk.house.say(session_id, text)
    async with sitting(desk, session_id) as terminal:
        await terminal.shows("hello there friend")
        terminal.type("/retry\r")
        fork = await terminal.left()
        assert terminal.talk.next_first == Entered("two", "two")
    assert fork not in ("", "leave", session_id)
    assert [await messages(desk, each) for each in (session_id, fork)] == [["one", "two"], ["one"]]


async def test_message_without_an_answer_is_asked_again_where_it_was_asked(desk: Desk) -> None:
    desk.house.model.add(BadModelRequest("it does not like that"))
    session_id = await desk.house.create()
    long = "one\n" * 30
    async with sitting(desk, session_id) as terminal:
        terminal.talk.say(Entered("[pasted 30 lines]", long))
        await terminal.shows("The turn failed")
        terminal.type("/retry\r")
        await terminal.shows("> one [and 30 more lines]")
        await terminal.shows("hello there friend")
    assert await messages(desk, session_id) == [long, long]


@pytest.mark.parametrize(("session", "says"), [(True, "There is no message to ask again."), (False, "no session yet")])
async def test_without_a_message_there_is_nothing_to_ask_again(desk: Desk, session: bool, says: str) -> None:
    async with sitting(desk, await desk.house.create() if session else "") as terminal:
        terminal.type("/retry\r")
        await terminal.shows(says)
