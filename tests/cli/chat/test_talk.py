"""One terminal on one session: what a person types, and what comes of it."""

import asyncio
import re
from functools import partial
from typing import Any

import pytest

from duragent.client.client import Client
from duragent.errors import ServerUnreachable
from duragent.testing.scripted import Line
from duragent.wire import Accepted, SendMessage
from tests.cli.chat.sitting import sitting
from tests.cli.desk import Desk
from tests.support.until import until


async def test_command_stays_above_what_comes_of_it(desk: Desk) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type("/status\r")
        await terminal.shows("0 turns")
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.screen.getvalue())
        assert re.search(r"> /status\r?\n.*0 turns", shown, re.DOTALL)
        terminal.type("/nonsense\r")
        await terminal.shows("There is no /nonsense. /help shows what there is.")
        assert not terminal.running.done()


async def test_message_is_sent_under_the_persons_name_and_answered(desk: Desk) -> None:
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("/etc/hosts has what in it?\r")
        await terminal.shows("hello there friend")
    [message] = [record for record in await desk.house.log(session_id) if record["type"] == "message_received"]
    assert (message["text"], message["sender"]["name"], message["source"]) == (
        "/etc/hosts has what in it?",
        "Ada",
        "cli",
    )


@pytest.mark.parametrize("typed", ["/quit\r", "/detach\r", "\x04"])
async def test_person_leaves_and_the_session_goes_on(desk: Desk, typed: str) -> None:
    async with sitting(desk, await desk.house.create()) as terminal:
        terminal.type(typed)
        assert await terminal.left() == "leave"


async def test_ctrl_c_before_the_turn_has_begun_stops_it_when_it_begins(desk: Desk) -> None:
    # The stop may come before the model is asked: then its held answer is the one of the next turn.
    held = asyncio.Event()
    desk.house.model.add(Line("held back", gate=held))
    session_id = await desk.house.create()
    async with sitting(desk, session_id) as terminal:
        terminal.type("hi\r\x03")
        await terminal.shows("Stopped.")
        held.set()
        terminal.type("again\r")
        ended = await until(partial(_ended, desk, session_id, 2), why="the second turn did not end")
    assert [turn["outcome"] for turn in ended] == ["cancelled", "completed"]


async def _ended(desk: Desk, session_id: str, count: int) -> list[dict[str, Any]] | None:
    ended = [record for record in await desk.house.log(session_id) if record["type"] == "turn_ended"]
    return ended if len(ended) == count else None


async def test_first_message_whose_acknowledgement_is_lost_is_said_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Accepted] = []
    post = Client.post_message

    async def posted(client: Client, session_id: str, message: SendMessage, *, key: str | None = None) -> Accepted:
        """The first time the server dies right behind the record."""
        sent.append(await post(client, session_id, message, key=key))
        if len(sent) == 1:
            raise ServerUnreachable("here", "it died")
        return sent[-1]

    monkeypatch.setattr(Client, "post_message", posted)
    async with sitting(desk, first="hi") as terminal:
        await terminal.shows("hello there friend")
        await until(lambda: len(sent) == 2)
        records = await desk.house.log(terminal.talk.session_id)
    assert [record["text"] for record in records if record["type"] == "message_received"] == ["hi"]


async def test_first_message_of_the_command_line_is_found_again_as_one_that_was_typed(desk: Desk) -> None:
    async with sitting(desk, first="a first word") as terminal:
        await terminal.shows("hello there friend")
        terminal.type("\x1b[A, again\r")
        await until(lambda: len(desk.house.model.requests) == 2)
        terminal.type("\x12first\r\x05 once more\r")
        await until(lambda: len(desk.house.model.requests) == 3)
        log = await desk.house.log(terminal.talk.session_id)
    said = [record["text"] for record in log if record["type"] == "message_received"]
    assert said == ["a first word", "a first word, again", "a first word, again once more"]
