"""What a chat shows, as a fold over `watch`: finished blocks for the scrollback, and what is going on now. Pure."""

import math
from dataclasses import dataclass, field
from typing import Literal

from duragent.client.answer import PartialAnswer
from duragent.client.turn import CONFIGURATION, TEMPORARY
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal import events
from duragent.journal.record import Record

SCROLLBACK_MESSAGES = 20
SET_UP = (
    "Set the provider's key in the environment and start the server again (`duragent serve stop`), "
    "or name another model in the agent's agent.yaml."
)
"""What helps when a turn failed with one of the CONFIGURATION codes."""


@dataclass(frozen=True)
class Said:
    """Somebody's message; `who` is "" for the person at this terminal."""

    text: str
    who: str = ""


@dataclass(frozen=True)
class Answered:
    text: str
    stopped: bool = False


@dataclass(frozen=True)
class Note:
    """A line from the house itself."""

    text: str
    mood: Literal["quiet", "warning", "error"] = "quiet"


Block = Said | Answered | Note


@dataclass
class Conversation:
    """`waiting` are messages that were typed here and are not in the log yet, by Idempotency-Key."""

    agent: str
    partial: PartialAnswer = field(default_factory=PartialAnswer)
    waiting: dict[str, str] = field(default_factory=dict)
    link: str = ""
    """Why the connection is gone; "" while it stands."""
    _mine: set[str] = field(default_factory=set)
    _backlog: list[Block] | None = field(default_factory=list)

    @property
    def busy(self) -> bool:
        return self.partial.turn is not None

    def typed(self, key: str, text: str) -> None:
        self.waiting[key] = text
        self._mine.add(key)

    def take(self, item: Item) -> list[Block]:
        """The blocks that go into the scrollback now."""
        match item:
            case Reconnecting(error=error):
                self.link = error
                return []
            case Connected():
                self.link = ""
                return []
            case Reset():
                self.partial.take(item)
                return [Note("The log on the server is another one now; here it is from its start.", "warning")]
            case CaughtUp():
                backlog, self._backlog = self._backlog, None
                return _newest(backlog) if backlog else []
            case Record():
                blocks = self._blocks(item)
                self.partial.take(item)
            case _:
                self.partial.take(item)
                return []
        if self._backlog is None:
            return blocks
        self._backlog += blocks
        return []

    def _blocks(self, record: Record) -> list[Block]:
        match record.event:
            case events.MessageReceived() as message:
                return [self._said(message)]
            case events.ModelReplied(text=text) if text.strip():
                return [Answered(text)]
            case events.ModelFailed() as failed:
                return _failed(failed)
            case events.TurnEnded() as end:
                return _ended(end)
            case events.SessionRenamed(title=title):
                return [
                    Note(f'The session is called "{title}" now.' if title else "The session has no title any more.")
                ]
            case events.SessionClosed():
                return [Note("The session is closed.", "warning")]
            case events.ToolStarted(tool=tool):
                return [Note(f"· {tool}")]
        return []

    def _said(self, message: events.MessageReceived) -> Said:
        key = message.idempotency_key or ""
        self.waiting.pop(key, None)
        if key in self._mine:
            return Said(message.text)
        sender = message.sender and (message.sender.name or message.sender.id)
        # Without a name it is most likely the same person, in another terminal or earlier.
        return Said(message.text, sender or ("" if self._backlog is not None else "elsewhere"))


def _newest(blocks: list[Block]) -> list[Block]:
    places = [at for at, block in enumerate(blocks) if not isinstance(block, Note)]
    return blocks if len(places) <= SCROLLBACK_MESSAGES else blocks[places[-SCROLLBACK_MESSAGES] :]


def _failed(failed: events.ModelFailed) -> list[Block]:
    if failed.retry:
        if failed.error in ("interrupted", "shutdown"):
            return [Note("The answer was interrupted; the agent starts it again.")]
        return [Note(f"No answer yet ({failed.message or failed.error}): {asking_again(failed)}.", "warning")]
    return [Answered(failed.partial_text, stopped=True)] if failed.partial_text else []


def asking_again(failed: events.ModelFailed) -> str:
    """Which attempt comes next, and after what pause when the provider named one; else the pause is ours, and short."""
    seconds = math.ceil(failed.retry_after_seconds or 0)
    return "asking again" + (f" in {seconds} s" if seconds else "") + f", attempt {failed.attempt + 1}"


def _ended(end: events.TurnEnded) -> list[Block]:
    reason = end.reason or end.code
    match end.outcome:
        case "completed":
            return []
        case "cancelled":
            return [Note("Stopped.")]
        case "paused":
            return [Note(f"The turn waits: {reason}. A new message goes on with it.", "warning")]
        case "failed":
            return [Note(f"The turn failed: {reason}{_advice(end.code)}", "error")]


def _advice(code: str) -> str:
    if code in CONFIGURATION:
        return f"\n{SET_UP}"
    return "\nSend a message to try again." if code in TEMPORARY else ""
