"""What a session's model sees while it writes a note, sorted by who said it: from the log, and from nothing else."""

import re
from collections.abc import Iterable, Sequence

from duragent.journal.events import (
    CommandFinished,
    MemoryRecalled,
    MessageReceived,
    ModelReplied,
    ToolFinished,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.memory.base import Window
from duragent.memory.scope import is_owners_message

_NOTE = re.compile(r"- (?:★ ?)?\([^()]*\) (?P<text>.+) \[(?P<id>m_[0-9a-z]{8})\]")


def window_of(records: Sequence[Record], call: str, gateway: str = "", owners: Iterable[str] = ()) -> Window:
    """The window, from the records that the model may see, oldest first. `call` is the call that writes.

    A file that came with a message or a result counts as something from outside, also when the owner sent it.
    """
    said: list[str] = []
    outside: list[str] = []
    recalled: dict[str, str] = {}
    touched, seq, known = False, 0, tuple(owners)
    for record in records:
        match record.event:
            case MessageReceived() as event:
                sender = event.sender.id if event.sender else None
                own = is_owners_message(event.source, gateway, sender, known)
                (said if own else outside).append(event.text)
                touched = touched or bool(event.attachments)
            case ToolFinished() as event:
                if event.outside:
                    outside.append(event.content)
                elif event.tool == "memory":
                    recalled |= _notes_in(event.content)
                touched = touched or bool(event.attachments)
            case CommandFinished() as event:
                outside.append(event.content)
            case MemoryRecalled() as event:
                recalled |= _notes_in(event.text)
            case TurnStarted():
                recalled = {}
            case ModelReplied() as event if any(each.call == call for each in event.calls):
                seq = record.seq
    return Window(tuple(said), tuple(text for text in outside if text.strip()), touched, tuple(recalled.items()), seq)


def _notes_in(text: str) -> dict[str, str]:
    """Id and text of the notes that a model was shown."""
    return {found["id"]: found["text"] for line in text.split("\n") if (found := _NOTE.fullmatch(line.strip()))}
