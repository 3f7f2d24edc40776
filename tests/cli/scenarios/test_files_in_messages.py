"""Files in messages, as a person at a terminal sends and sees them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from duragent.cli.chat.pastes import Entered
from duragent.cli.uploads import Upload
from duragent.file_types import MAX_ATTACHMENTS
from tests.cli.chat.sitting import sitting
from tests.cli.commands import stdin_of
from tests.cli.desk import Desk
from tests.cli.place import Place
from tests.support.until import until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2_000)
PHOTO = {
    "name": "photo.png",
    "media_type": "image/png",
    "sha256": hashlib.sha256(PNG).hexdigest(),
    "size_bytes": len(PNG),
}


async def messages(desk: Desk, session_id: str) -> list[dict[str, Any]]:
    return [record for record in await desk.house.log(session_id) if record["type"] == "message_received"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (tmp_path / "photo.png").write_bytes(PNG)
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (["what is @photo.png?"], "what is @photo.png?", "with photo.png (a file of 2 kB)\n"),
        (["what is", "@photo.png"], "what is @photo.png", "with photo.png (a file of 2 kB)\n"),
        (["what is this?", "--attach", "photo.png"], "what is this?", ""),
    ],
)
async def test_ask_sends_files(desk: Desk, photo: Path, words: list[str], text: str, said: str) -> None:
    asked = await desk.run("ask", "--agent", "assistant", *words, "--json")

    assert (asked.code, asked.err) == (0, said)
    [message] = await messages(desk, json.loads(asked.out)["session_id"])
    assert (message["text"], message["attachments"]) == (
        " ".join(words[: -2 if "--attach" in words else None]),
        [PHOTO],
    )


async def test_ask_takes_text_from_stdin_as_words(desk: Desk, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", stdin_of(b"look at @photo.png"))

    asked = await desk.run("ask", "--agent", "assistant", "-", "--json")

    [message] = await messages(desk, json.loads(asked.out)["session_id"])
    assert (message["text"], message.get("attachments", [])) == ("look at @photo.png", [])


@pytest.mark.parametrize(("name", "problem"), [("none.png", "No such file or directory"), (".", "it is a folder")])
async def test_ask_says_which_file_it_cannot_send_and_begins_nothing(desk: Desk, name: str, problem: str) -> None:
    asked = await desk.run("ask", "--agent", "assistant", "hi", "--attach", name)

    assert (asked.code, asked.out) == (2, "")
    assert f"--attach {name}: {problem}" in asked.err
    assert json.loads((await desk.run("session", "list", "--json")).out) == []


async def test_ask_with_too_many_files_says_how_many_there_may_be_and_begins_nothing(desk: Desk, photo: Path) -> None:
    files = ["--attach", "photo.png"] * MAX_ATTACHMENTS
    assert (await desk.run("ask", "--agent", "assistant", "hi", *files)).code == 0

    asked = await desk.run("ask", "--agent", "assistant", "hi", *files, "--attach", "photo.png")

    assert (asked.code, asked.out) == (2, "")
    assert "--attach: a message takes at most 20 files" in asked.err
    assert len(json.loads((await desk.run("session", "list", "--json")).out)) == 1


async def test_chat_goes_on_behind_a_message_with_too_many_files(desk: Desk) -> None:
    images = tuple(Upload(f"{n}.png", PNG, len(PNG)) for n in range(MAX_ATTACHMENTS + 1))
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.talk.say(Entered("see", "see", "", images))
        await terminal.shows("Not accepted: a message takes at most 20 files, and this one has 21")
        terminal.type("hello\r")
        await terminal.shows("hello there friend")
    assert [message["text"] for message in await messages(desk, session_id)] == ["hello"]


async def test_chat_sends_what_is_no_short_text_as_a_file(desk: Desk, photo: Path) -> None:
    (desk.folder / "short.txt").write_text("x = 1\n")
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal, sitting(desk, session_id) as other:
        terminal.type("compare @photo.png and @short.txt\r")
        await terminal.shows("with photo.png (a file of 2 kB)")
        await terminal.shows("with short.txt (1 line)")
        await other.shows("with photo.png (image/png, 2 kB)")
    [message] = await messages(desk, session_id)
    assert message["text"] == "compare @photo.png and @short.txt\n\nshort.txt:\n```\nx = 1\n```"
    assert message["attachments"] == [PHOTO]


async def test_chat_says_that_a_file_went_away_before_it_was_sent(desk: Desk, photo: Path) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.talk.say(Entered("see @photo.png", "see @photo.png", "see @photo.png"))
        photo.unlink()
        await terminal.shows("Not accepted: photo.png cannot be sent: No such file or directory")
    assert await messages(desk, session_id) == []


async def test_message_that_is_asked_again_in_a_fork_has_its_files(desk: Desk, photo: Path) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("see @photo.png\r")
        await terminal.shows("hello there friend")
        terminal.type("/retry\r")
        fork = await terminal.left()
        again = terminal.talk.next_first
        assert again is not None
    async with sitting(desk, fork) as terminal:
        terminal.talk.say(again)
        await until(lambda: messages(desk, fork))
    [message] = await messages(desk, fork)
    assert (message["text"], message.get("attachments")) == ("see @photo.png", [PHOTO])


async def test_conversation_in_a_file_names_the_files(desk: Desk, photo: Path) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("see @photo.png\r")
        await terminal.shows("hello there friend")
        terminal.type("/export talk.md\r")
        await terminal.shows("The conversation is in talk.md.")
    assert "\n\nsee @photo.png\n\n(with photo.png (image/png, 2 kB))\n\n" in (desk.folder / "talk.md").read_text()


def test_log_and_replay_show_the_files_without_a_server(place: Place) -> None:
    (place.folder / "photo.png").write_bytes(PNG)
    session_id = json.loads(place.run("ask", "assistant", "see @photo.png", "--json").stdout)["session_id"]
    assert place.run("serve", "stop").stdout == "Stopped.\n"

    assert "\nFiles:  photo.png (image/png, 2 kB)\n" in place.run("session", "log", session_id).stdout
    assert "\n  with photo.png (image/png, 2 kB)\n" in place.run("replay", session_id).stdout


@pytest.mark.parametrize("point", ["attachment.stored:1", "attachment.stored:2", "log.before_write:2", "log.synced:2"])
def test_server_that_dies_between_a_file_and_its_message_has_one_message_with_all_files(
    place: Place, point: str
) -> None:
    place.environ["DURAGENT_CRASHPOINT"] = point
    assert place.run("init", "--no-interactive").returncode == 0
    assert place.run("session", "list").returncode == 0  # starts the server that is to die
    del place.environ["DURAGENT_CRASHPOINT"]
    (place.folder / "photo.png").write_bytes(PNG)
    (place.folder / "other").write_bytes(b"\0")

    asked = place.run("ask", "repeat thanks", "--attach", "photo.png", "--attach", "other", "--json")

    assert (asked.returncode, json.loads(asked.stdout)["content"][:6]) == (0, "thanks")
    assert "The server was gone: started it again" in asked.stderr
    [session] = place.ids()
    [message] = [record for record in place.log(session) if record["type"] == "message_received"]
    assert [file["name"] for file in message["attachments"]] == ["photo.png", "other"]
    assert place.run("session", "verify", session).returncode == 0
