"""Slash commands that go to another session, or away."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note
from duragent.cli.connection import find_session

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk


async def _sessions(talk: "Talk", _: str) -> None:
    sessions = (await talk.client.sessions(limit=10)).sessions
    lines = [
        f"{session.session_id}  {session.agent}  {session.status}  {view.one_line(session.title or session.topic, 40)}"
        for session in sessions
    ]
    talk.note(Note("\n".join(lines)))


async def _new(talk: "Talk", rest: str) -> None:
    session = await talk.client.create_session(rest or talk.session.agent)
    talk.go(session.session_id)


async def _attach(talk: "Talk", rest: str) -> None:
    talk.go((await find_session(talk.client, rest)).session_id)


async def _leave(talk: "Talk", _: str) -> None:
    talk.screen.leave()


COMMANDS = (
    SlashCommand("/sessions", "the sessions used last", _sessions),
    SlashCommand("/new", "begin a new session", _new, "[AGENT]"),
    SlashCommand("/attach", "go to another session", _attach, "ID"),
    SlashCommand("/detach", "leave; the session goes on (Ctrl-D does too)", _leave, also=("/quit", "/exit")),
)
