"""What a session's model sees while it writes a note, sorted by who said it: from the log, and from nothing else."""

import re
from collections.abc import Iterable, Sequence

from duragent.journal.events import (
    CommandFinished,
    MemoryRecalled,
    MessageReceived,
    ModelReplied,
    RecalledItem,
    ToolFinished,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.memory.base import Window
from duragent.memory.scope import is_owners_message

RETOLD = frozenset({"session"})
"""Tools that repeat texts of other sessions."""
OF_OTHERS = "of_others"
"""In the details of a result of `memory`: the notes in it that belong to a person or a chat."""

_NOTE = re.compile(r"- (?:★ ?)?\([^()]*\) (?P<text>.+) \[(?P<id>m_[0-9a-z]{8})\]")


def window_of(records: Sequence[Record], call: str, gateway: str = "", owners: Iterable[str] = ()) -> Window:
    """The window, from the records that the model may see, oldest first. `call` is the call that writes.

    A file that came with a message or a result counts as something from outside, also when the owner sent it; so do
    notes of other people that memory gave, and what other sessions said.
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
                    outside += _lines_of(event.content, event.details.get(OF_OTHERS, ()))
                elif event.tool in RETOLD:
                    outside.append(event.content)
                touched = touched or bool(event.attachments)
            case CommandFinished() as event:
                outside.append(event.content)
            case MemoryRecalled() as event:
                recalled |= _notes_in(event.text)
                outside += _lines_of(event.text, [item.ref for item in event.items if _is_of_others(item)])
            case TurnStarted():
                recalled = {}
            case ModelReplied() as event if any(each.call == call for each in event.calls):
                seq = record.seq
    return Window(tuple(said), tuple(text for text in outside if text.strip()), touched, tuple(recalled.items()), seq)


def _is_of_others(item: RecalledItem) -> bool:
    """Whether it belongs to a person or a chat, or waits for a review."""
    return item.trust == "unreviewed" or item.scope.partition(":")[0] in ("person", "chat")


def _lines_of(text: str, refs: Iterable[str]) -> list[str]:
    """The lines of a block that show these."""
    ends = tuple(f" [{ref}]" for ref in refs)
    return [line for line in text.split("\n") if ends and line.rstrip().endswith(ends)]


def _notes_in(text: str) -> dict[str, str]:
    """Id and text of the notes that a model was shown."""
    return {found["id"]: found["text"] for line in text.split("\n") if (found := _NOTE.fullmatch(line.strip()))}
