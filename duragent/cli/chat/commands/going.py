"""Slash commands that go to another session, or away."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.beginning import draft
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note
from duragent.cli.connection import choose_agent, find_session
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk
    from duragent.wire import SessionInfo

LISTED = 20
"""Sessions that are listed with numbers where nothing can be picked."""


async def _sessions(talk: "Talk", _: str) -> None:
    from prompt_toolkit.utils import is_dumb_terminal

    if is_dumb_terminal():
        await _list(talk)
        return
    from duragent.cli.session_picker import pick_session

    here = talk.session.session_id
    async with talk.screen.scrollback.given_away():
        chosen = await pick_session(talk.client, here=here)
    if chosen is not None and chosen.session_id != here:
        talk.go(chosen)


async def _list(talk: "Talk") -> None:
    from duragent.cli.session_picker import rows_of

    sessions = await _numbered(talk)
    rows = rows_of(sessions, (await talk.client.approvals()).approvals, talk.session.session_id)
    lines = [
        f"{number:2}  {view.one_line(row.title, 60)}  {view.one_line(row.facts)}" for number, row in enumerate(rows, 1)
    ]
    talk.note(Note("\n".join([*lines, "/attach NUMBER goes there."] if lines else ["There are no sessions yet."])))


async def _numbered(talk: "Talk") -> "list[SessionInfo]":
    """The sessions by number: as they were listed last in this talk, else as they are now."""
    talk.listed = (await talk.client.sessions(limit=LISTED)).sessions
    return talk.listed


async def _new(talk: "Talk", rest: str) -> None:
    talk.go(draft(choose_agent(await talk.client.agents(), rest or talk.session.agent)))


async def _attach(talk: "Talk", rest: str) -> None:
    if not rest:
        await _sessions(talk, rest)
        return
    if view.place_of(rest, LISTED) is not None:
        listed = talk.listed or await _numbered(talk)
        if (place := view.place_of(rest, len(listed))) is not None:
            talk.go(await talk.client.session(listed[place].session_id))
            return
    talk.go(await find_session(talk.client, rest))


async def _fork(talk: "Talk", rest: str) -> None:
    if rest and not (rest.isascii() and rest.isdigit()):
        raise InvalidRequest("/fork takes the number of a record, as `duragent session log` shows it, or nothing")
    talk.go(await talk.client.fork(talk.session_id, at=int(rest[:18]) if rest else None))


async def _leave(talk: "Talk", _: str) -> None:
    talk.screen.leave()


COMMANDS = (
    SlashCommand("/sessions", "pick a session: go on with it, rename, fork or delete it", _sessions),
    SlashCommand("/new", "begin a new session", _new, "[AGENT]"),
    SlashCommand("/attach", "go to another session: its number in the list, or a part of its id", _attach, "[WHICH]"),
    SlashCommand("/fork", "go on in a session that shares this one's past, up to a record", _fork, "[SEQ]"),
    SlashCommand("/detach", "leave; the session goes on (Ctrl-D does too)", _leave, also=("/quit", "/exit")),
)
