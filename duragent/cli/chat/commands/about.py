"""Slash commands about the session that is open."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.beginning import draft
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk

_MORE = """\
Alt-Enter begins a new line, as Shift-Enter does where the terminal tells it from Enter, and Enter behind a \\.
@path sends that file too, Ctrl-V the image in the clipboard. The path of an image can be pasted, or the file dropped.
The beginning of a command is enough, where only one begins so.
A long paste is a mark in the line. Ctrl-G opens the line in your editor, Ctrl-R looks for an earlier one.
Ctrl-O shows all of what was cut.
A message that begins with / and has a second / is a message."""
_NAME_WIDTH = 18


async def _help(talk: "Talk", _: str) -> None:
    from duragent.cli.chat.commands import COMMANDS
    from duragent.cli.chat.commands.menu import menu

    names = [" ".join(filter(None, (", ".join((each.name, *each.also)), each.arguments))) for each in COMMANDS]
    lines = [f"{name:{_NAME_WIDTH}} {each.summary}" for name, each in zip(names, COMMANDS, strict=True)]
    # What people wrote stands behind them.
    own = menu(talk.templates)[len(menu(())) :]
    lines += [f"{f'{each.name} {each.arguments}'.strip():{_NAME_WIDTH}} {each.summary}" for each in own]
    talk.note(Note("\n".join((*lines, _MORE))))


async def _status(talk: "Talk", _: str) -> None:
    session = await talk.client.session(talk.session_id)
    usage = session.usage
    cost = "" if not usage.cost_usd else f", ${usage.cost_usd:.4f}"
    tokens = f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out{cost}"
    title = f'"{view.title_of(session)}" · ' if view.title_of(session) else ""
    lost = f" · {view.lost_attempts(session)}" if session.unknown_attempts else ""
    word = view.status_word(session)
    turns = view.many(session.turns, "turn")
    line = f"{title}{session.session_id} · {session.agent} · {word} · {turns} · {tokens}"
    talk.note(Note(line + lost))


async def _title(talk: "Talk", rest: str) -> None:
    if not talk.session.session_id:
        talk.beginning.info = draft(talk.session.agent, rest or None)
        talk.note(Note("The session has this title as soon as it begins." if rest else "The session has no title."))
        return
    await talk.client.rename_session(talk.session_id, rest)


async def _cancel(talk: "Talk", _: str) -> None:
    if not talk.session.session_id or not (await talk.client.cancel(talk.session_id)).cancelled:
        talk.note(Note("There is nothing to stop."))


COMMANDS = (
    SlashCommand("/help", "this list", _help),
    SlashCommand("/status", "the session, its agent, turns, tokens and cost", _status),
    SlashCommand("/title", "give the session a title", _title, "TEXT"),
    SlashCommand("/cancel", "stop the answer (Ctrl-C does too)", _cancel),
)
