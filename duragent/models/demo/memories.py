"""What the demo model finds in the notes that its request shows it. Pure."""

import re
from collections.abc import Sequence

from duragent.models.messages import ChatMessage

_ABOUT = re.compile(r"^\s*(?:and\s+)?what\s+do\s+you\s+(?:know|remember)\b", re.IGNORECASE)
_BLOCK = re.compile(r"\[Relevant memories\]\n(?P<lines>.*?)(?:\[End of memories\]\s*|\Z)", re.DOTALL)
_NOTE = re.compile(r"^- (?:\u2605 )?(?:\([^()\n]*\) )?(?P<text>.*?)(?: \[[^\]\s]+\])?$")


def asks_for_notes(said: str) -> bool:
    """Whether a person asks what is known."""
    return _ABOUT.match(said) is not None


def without_notes(content: str) -> str:
    """What a person said, without the notes in front of it; "" when there is nothing else."""
    block = _BLOCK.match(content)
    return content if block is None else content[block.end() :]


def shown_notes(messages: Sequence[ChatMessage]) -> list[str]:
    """The notes of the newest block, without their age and id."""
    blocks = (_BLOCK.match(message.content) for message in reversed(messages) if message.role == "user")
    newest = next((block for block in blocks if block), None)
    lines = newest["lines"].splitlines() if newest else []
    return [found["text"] for line in lines if (found := _NOTE.match(line))]


def told_notes(notes: Sequence[str]) -> str:
    """The answer that says them."""
    return "I remember:\n\n" + "\n".join(f"- {note}" for note in notes)
