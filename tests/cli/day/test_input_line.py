"""What a person types that is more than a line of text, and the commands about what was said."""

import base64
import os
import re

from tests.cli.day.day import Day, prompt_of, ready
from tests.support.window import Window

_NO_CLIPBOARD = {"TMUX": "", "DISPLAY": "", "WAYLAND_DISPLAY": "", "SSH_CONNECTION": ""}
_PNG = b"\x89PNG\r\n\x1a\n"
_HUGE = ("x" * 79 + "\n") * 25_000
_NOTICE = re.compile(r"\x1b\](?:9;duragent: |777;notify;duragent;)[^\x07]*\x07\x07")


def test_input_line(day: Day) -> None:
    (day.folder / "src").mkdir()
    (day.folder / "src" / "notes.txt").write_text("Buy bread.\n")
    chat = day.chat(VISUAL="sed -i s/wrong/right/", **(_NO_CLIPBOARD | _clipboard_with(day, _PNG)))
    with day.step("a file in a message"):
        chat.type("see @not")
        chat.see("> see @not +src/notes.txt")
        chat.type("\t")
        chat.until(lambda: prompt_of(chat) == "see @src/notes.txt", "the file is not in the line")
        chat.type("\r")
        chat.find("> see @src/notes.txt with src/notes.txt [(]1 line[)].*You said: .*Buy bread.*long text[)]")
        ready(chat)
    _images(day, chat)
    with day.step("one's own editor"):
        chat.type("repeat wrong\x07")
        chat.until(lambda: prompt_of(chat) == "repeat right", "what was edited is not in the line")
        chat.type("\r")
        chat.see("> repeat right right")
        ready(chat)
    with day.step("a search"):
        chat.type("\x12@src")
        chat.see("> see @src/notes.txt.*I-search backward: @src")
        chat.type("\x15\x7f\x7f\x7f\x7fright")
        chat.see("> repeat right.*I-search backward: right")
        chat.type("\r\x05")
        chat.until(lambda: "I-search" not in chat.text, "the search has not ended")
        chat.type(" again\r")
        chat.see("> repeat right again right again")
        ready(chat)
    with day.step("a huge paste as a file"):
        chat.paste(_HUGE)
        chat.see("too much for a message. Ctrl-X f makes a file of it")
        chat.type("\x18f")
        chat.see("It is the file pasted-1.txt")
        chat.until(lambda: prompt_of(chat) == "pasted-1.txt", "the name is not in the line")
        assert (day.folder / "pasted-1.txt").stat().st_size == len(_HUGE)
        chat.type("\x15")
        ready(chat)
    _commands(day, chat)
    _not_in_front(day, chat)
    assert "Buy bread." in day.said()[0]


def _clipboard_with(day: Day, image: bytes) -> dict[str, str]:
    """What stands in the environment where a program gives this image from the clipboard."""
    folder = day.folder / ".programs"
    folder.mkdir()
    (folder / "image").write_bytes(image)
    # It takes nothing: what is copied goes to the terminal.
    (folder / "xclip").write_text(f'#!/bin/sh\ncase "$*" in *-out) exec cat "{folder}/image";; esac\nexit 1\n')
    (folder / "xclip").chmod(0o700)
    return {"PATH": f"{folder}{os.pathsep}{day.place.environ['PATH']}", "DISPLAY": ":77"}


def _images(day: Day, chat: Window) -> None:
    with day.step("an image in a message"):
        (day.folder / "my photo.png").write_bytes(_PNG)
        chat.paste(f"{day.folder}/my\\ photo.png")
        chat.until(lambda: prompt_of(chat) == '@"my photo.png"', "the photo is not in the line")
        chat.type("is a photo\r")
        chat.find('> @"my photo.png" is a photo with my photo.png [(]a file of 8 bytes[)].*You said: .*long text[)]')
        ready(chat)
    with day.step("an image of the clipboard"):
        chat.type("and \x16")
        chat.until(lambda: prompt_of(chat) == "and [image #1]", "no mark stands for the image")
        chat.type("\r")
        chat.find("> and .image #1. with image-1.png [(]a file of 8 bytes[)].*You said: .*long text[)]")
        ready(chat)
    records = [record for session in day.place.ids() for record in day.place.log(session)]
    sent = [file["name"] for record in records for file in record.get("attachments", ())]
    assert sent == ["my photo.png", "image-1.png"]


def _commands(day: Day, chat: Window) -> None:
    with day.step("a command from a file"):
        folder = day.folder / ".duragent" / "commands"
        folder.mkdir()
        (folder / "greet.md").write_text("---\ndescription: Greet\narguments: WHOM\n---\nrepeat hello $ARGUMENTS\n")
        chat.type("/gre")
        chat.see("> /gre /greet WHOM +Greet")
        chat.type("\tAda\r")
        chat.see("> /greet Ada hello Ada")
        ready(chat)
    with day.step("the answer in the clipboard"):
        chat.type("/copy\r")
        chat.see("> /copy 9 characters sent to the terminal's clipboard")
        assert f"\x1b]52;c;{base64.b64encode(b'hello Ada').decode()}\x07" in chat.raw
        ready(chat)
    with day.step("a fork"):
        chat.type("/fork\r")
        chat.until(lambda: len(day.place.ids()) == 2, "there is no fork")
        chat.find("> /fork .*hello Ada.*>$")
        ready(chat)
        chat.type("repeat the fork only\r")
        chat.see("> repeat the fork only the fork only")
        ready(chat)
        logs = [day.place.log(session) for session in day.place.ids()]
        assert ["the fork only" in str(log) for log in logs] == [False, True]


def _not_in_front(day: Day, chat: Window) -> None:
    with day.step("another window is in front"):
        assert not _NOTICE.search(chat.raw), "a notice of what everybody saw"
        chat.type("\x1b[Orepeat ding\r")
        chat.until(lambda: _NOTICE.search(chat.raw), "nobody was told of the answer")
        chat.see("> repeat ding ding")
        chat.type("\x1b[I")
        ready(chat)
