"""Slash commands about what the agent remembers."""

from typing import TYPE_CHECKING

from duragent.cli.chat.commands.base import SlashCommand, record_number
from duragent.cli.chat.conversation import Note

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk


async def _why(talk: "Talk", rest: str) -> None:
    from duragent.cli.why import why_lines

    seq = record_number("/why", rest) if rest else None
    found = (await talk.client.recalls(talk.session_id, seq=seq, limit=1)).recalls
    talk.note(Note("\n".join(why_lines(found[0])) if found else "No question here has searched the agent's memory."))


COMMANDS = (SlashCommand("/why", "what the agent's memory gave for the last question, and why", _why, "[SEQ]"),)
