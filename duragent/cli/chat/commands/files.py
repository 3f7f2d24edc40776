"""Slash commands about the files that the agent works on, and `!`: the person's own command beside it."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Block, Note
from duragent.cli.chat.tool_blocks import Returned, first_lines
from duragent.cli.diffs import beside
from duragent.client.client import new_key
from duragent.visible import in_sight
from duragent.wire import FileDiff, TypedCommand, UndoTurn

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk

SHOWN_LINES = 300
"""Of the diff of one file; `duragent diff` shows all of it."""


async def _undo(talk: "Talk", rest: str) -> None:
    words = rest.split()
    force, turn = "force" in words, next((word.removeprefix("@") for word in words if word != "force"), "")
    session_id = talk.session_id
    plan = await talk.client.undo_plan(session_id, turn, force=force)
    talk.note(*(block for file in plan.files for block in _blocks(file)))
    if not plan.files:
        talk.note(Note("The files are as they were before the turn: there is nothing to undo."))
    elif any(not file.refused for file in plan.files):
        body = UndoTurn(turn=plan.turn, force=force, by=talk.options.sender_name or view.person())
        # What came of it is said by its record, in each terminal.
        await talk.client.undo(session_id, body, key=new_key())
    else:
        talk.note(Note("Nothing was put back. `/undo force` puts back what others changed too.", "warning"))


async def _diff(talk: "Talk", rest: str) -> None:
    from duragent.cli.diff import parts

    _, first, last = parts(f"@{rest.removeprefix('@')}" if rest else "")
    found = await talk.client.diff(talk.session_id, first=first, last=last)
    blocks = [block for file in found.files for block in _blocks(file)]
    blocks = blocks or [Note("The agent has changed no file with write_file or edit_file, or it was taken back.")]
    talk.note(*blocks, *(Note(sentence) for sentence in beside(found)))


async def _run(talk: "Talk", rest: str) -> None:
    if not rest:
        talk.note(Note("! COMMAND runs a command where the agent's commands run.", "warning"))
        return
    key = new_key()
    talk.conversation.sent(key)
    body = TypedCommand(command=rest, by=talk.options.sender_name or view.person())
    # A command may be the first thing in a session.
    await talk.client.run_command(await talk.beginning.begin(), body, key=key)


def _blocks(file: FileDiff) -> list[Block]:
    path = in_sight(file.path)
    if file.refused:
        return [Note(f"{path} stays as it is: {in_sight(file.refused)}.", "warning")]
    head = Note(f"{path} · {file.change}" + (f" · {in_sight(file.note)}" if file.note else ""))
    return [head, Returned("", diff=first_lines(file.diff, SHOWN_LINES))] if file.diff else [head]


COMMANDS = (
    SlashCommand("/undo", "put files back as before the last turn that changed any", _undo, "[@RECORD] [force]"),
    SlashCommand("/diff", "what the agent changed in files here", _diff, "[@A..@B]"),
    SlashCommand("!", "run a command where the agent's commands run; the agent sees it later", _run, "COMMAND"),
)
