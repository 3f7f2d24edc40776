"""Editing the input line of a chat, by what a terminal sends."""

import os
from pathlib import Path

import pytest

from duragent.cli.chat.input_line import editor
from duragent.cli.chat.pastes import MESSAGE_BYTES
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.until import until

LINES = "".join(f"line {number}\n" for number in range(1, 31))


def pasted(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


async def said(desk: Desk, session_id: str) -> str:
    """The first message of the session, when it is there."""

    async def first() -> list[str]:
        log = await desk.house.log(session_id)
        return [record["text"] for record in log if record["type"] == "message_received"]

    return (await until(first))[0]


def editor_that(folder: Path, does: str) -> str:
    program = folder / "my editor"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o700)
    return f"'{program}' --wait"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("one\\\rtwo\r", "one\ntwo"),
        ("one\x1b[13;2utwo\r", "one\ntwo"),
        ("one\x1b[27;2;13~two\r", "one\ntwo"),
        ("one\x1b\rtwo\r", "one\ntwo"),
        ("one\\two\r", "one\\two"),
        (pasted("a\r\nb\rc") + "\r", "a\nb\nc"),
        ("see " + pasted(LINES) + " there\r", f"see {LINES} there"),
        ("see " + pasted(LINES) + "\x7fall\r", "see all"),
        (pasted(LINES) + " " + pasted(LINES.upper()) + "\r", f"{LINES} {LINES.upper()}"),
        ("see @au\tand\r", "see @src/auth.py and\n\nsrc/auth.py:\n```\nx = 1\n```"),
        ("a\tb\r", "ab"),
    ],
    ids=[
        "backslash",
        "shift-enter in kitty",
        "shift-enter in xterm",
        "alt-enter",
        "a backslash inside",
        "a short paste",
        "a long paste",
        "a mark is deleted whole",
        "two long pastes",
        "a file by Tab",
        "a Tab with nothing to offer",
    ],
)
async def test_line_becomes_the_message_that_was_meant(desk: Desk, typed: str, message: str) -> None:
    (desk.folder / "src").mkdir()
    (desk.folder / "src" / "auth.py").write_text("x = 1\n")
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type(typed)
        assert await said(desk, session_id) == message


async def test_draft_that_does_not_fit_says_how_it_is_sent(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("x\x1b\r" * 40)
        await terminal.shows("41 lines; Enter sends, Ctrl-G edits")


async def test_line_that_was_searched_for_is_taken_and_then_sent(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("alpha one\rbeta two\r")
        await terminal.shows("hello there friend")
        terminal.type("\x12alp")
        await terminal.shows("I-search backward")
        terminal.type("\r")
        await until(lambda: terminal.talk.screen.draft == "alpha one")

        terminal.type("\x05, again\r")

        async def sent() -> bool:
            log = await desk.house.log(session_id)
            texts = [record["text"] for record in log if record["type"] == "message_received"]
            return texts == ["alpha one", "beta two", "alpha one, again"]

        await until(sent)


async def test_long_paste_is_shown_as_its_mark_also_when_it_was_sent(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("see " + pasted(LINES) + "\r")
        await terminal.shows("> see [pasted 30 lines]")
        await terminal.shows("hello there friend")
        assert "line 17" not in terminal.screen.getvalue()


async def test_line_that_is_taken_from_the_history_has_the_paste_again(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type(pasted(LINES) + "\r")
        await terminal.shows("hello there friend")
        terminal.type("\x1b[A again\r")

        async def texts() -> bool:
            return f"{LINES} again" in [record.get("text") for record in await desk.house.log(session_id)]

        await until(texts)


async def test_paste_that_no_message_holds_stays_in_the_line_and_can_become_a_file(desk: Desk) -> None:
    session_id = await desk.house.create()
    long = "0123456789abcde\n" * (MESSAGE_BYTES // 16 + 1)
    async with sitting(desk, session_id, project=desk.folder) as terminal:
        terminal.type("read ")
        await terminal.paste(long)
        await terminal.hints("1.5 MB are too much for a message. Ctrl-X f makes a file of it")
        terminal.type("\r")
        await terminal.hints("1.5 MB do not fit into a message, which may have 1.5 MB. Ctrl-X f")
        terminal.type("\x18f")
        await terminal.hints("It is the file pasted-1.txt")
        terminal.type(" please\r")
        assert await said(desk, session_id) == "read pasted-1.txt please"
    assert (desk.folder / "pasted-1.txt").read_text() == long


async def test_large_paste_is_offered_to_become_a_file_and_can_be_sent(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        await terminal.paste("0123456789abcde\n" * 7_000)
        await terminal.hints("112 kB are much for a message.")
        terminal.type("\x18f")
        await terminal.hints("The agent's files are elsewhere.")
        terminal.type("\r")
        assert len(await said(desk, session_id)) == 112_000


async def test_line_is_edited_in_the_persons_editor(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", editor_that(desk.folder, 'cat "$2" > seen; echo "and more" >> "$2"'))
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type(f"see {pasted(LINES)}\x07")
        await until(lambda: terminal.talk.screen.draft.endswith("and more"), why="the editor's text is in the line")
        terminal.type(", or less\r")
        assert await said(desk, session_id) == f"see {LINES}and more, or less"
    assert (desk.folder / "seen").read_text() == f"see {LINES}"


async def test_what_comes_while_the_editor_is_open_is_shown_behind_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", editor_that(desk.folder, "touch open; until [ -e close ]; do sleep 0.01; done"))
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("draft\x07")
        await until((desk.folder / "open").exists)
        await desk.house.say(session_id, "from elsewhere")
        await until(lambda: terminal.talk.conversation.last_answer)
        assert "hello there friend" not in terminal.screen.getvalue()
        (desk.folder / "close").touch()
        await terminal.shows("hello there friend")
        await until(lambda: terminal.talk.screen.draft == "draft")


@pytest.mark.parametrize(
    ("does", "says"), [("exit 3", "ended with 3: the line stays as it was."), (None, "did not start: No such file")]
)
async def test_editor_that_fails_leaves_the_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, does: str | None, says: str
) -> None:
    monkeypatch.setenv("VISUAL", editor_that(desk.folder, does) if does else "no-such-editor")
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("draft\x07")
        await terminal.hints(says)
        assert terminal.talk.screen.draft == "draft"


def test_editor_is_the_one_that_is_named_or_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert editor({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor({"EDITOR": "'my editor'"}) == ["my editor"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert editor({}) == []
    (tmp_path / "nano").touch(0o700)
    assert editor(dict(os.environ) | {"VISUAL": "", "EDITOR": ""}) == ["nano"]


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (pasted("photo.png") + "what is this?\r", "@photo.png what is this?"),
        ("see" + pasted("'{here}/photo.png'") + "\r", "see @photo.png "),
    ],
)
async def test_pasted_path_of_an_image_sends_the_image(desk: Desk, typed: str, text: str) -> None:
    (desk.folder / "photo.png").write_bytes(PNG)
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type(typed.replace("{here}", str(desk.folder)))
        assert await said(desk, session_id) == text
    assert await files(desk, session_id) == [("photo.png", "image/png", len(PNG))]


@pytest.mark.parametrize("pressed", ["\x16", pasted("")], ids=["Ctrl-V", "an empty paste"])
async def test_image_of_the_clipboard_is_a_mark_and_goes_with_the_message(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, pressed: str
) -> None:
    (desk.folder / "image").write_bytes(PNG)
    with_clipboard(desk.folder, f'cat "{desk.folder}/image"', monkeypatch)
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type(f"see{pressed}")
        await until(lambda: terminal.talk.screen.draft == "see [image #1] ")
        terminal.type(pressed)
        await until(lambda: terminal.talk.screen.draft == "see [image #1] [image #2] ")
        terminal.type("\x7f\x7fthere\r")
        assert await said(desk, session_id) == "see [image #1] there"
    assert await files(desk, session_id) == [("image-1.png", "image/png", len(PNG))]


async def test_clipboard_without_an_image_is_said_where_it_was_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_clipboard(desk.folder, "exit 1", monkeypatch)
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("\x16")
        await terminal.hints("No image was found in the clipboard")


def with_clipboard(folder: Path, does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine has a clipboard, which a program reads that does this."""
    programs = folder / "programs"
    programs.mkdir()
    (programs / "xclip").write_text(f"#!/bin/sh\n{does}\n")
    (programs / "xclip").chmod(0o700)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.defpath}")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)


async def files(desk: Desk, session_id: str) -> list[tuple[str, str, int]]:
    """The files of the first message."""
    [message, *_] = [record for record in await desk.house.log(session_id) if record["type"] == "message_received"]
    return [(file["name"], file["media_type"], file["size_bytes"]) for file in message["attachments"]]
