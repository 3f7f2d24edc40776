"""One question and its answer, over `watch`: what `ask` does, whether or not anybody looks on."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from duragent.client.client import Client, new_key
from duragent.client.watch import Item
from duragent.journal.events import (
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionClosed,
    Tokens,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.wire import SendMessage

TEMPORARY = ("rate-limited", "model-unavailable", "model-timeout")
"""Codes of failed turns where asking again later can help."""

CONFIGURATION = ("authentication-failed", "model-not-configured")
"""Codes of failed turns where a person has to set something right first."""


@dataclass(frozen=True)
class TurnResult:
    """How the turn that took up a message ended. `text` is the last answer in it, or what there is of one."""

    input_seq: int
    outcome: TurnOutcome | Literal["waiting"] = "waiting"
    text: str = ""
    seq: int | None = None
    message_id: str | None = None
    model: str | None = None
    usage: Tokens | None = None
    cost_usd: float | None = None
    code: str = ""
    reason: str = ""


class Turn:
    """Finds the turn that answers the message at `input_seq` in the records after it. Pure."""

    def __init__(self, input_seq: int) -> None:
        self.result = TurnResult(input_seq)
        self._ours: set[str] = set()

    @property
    def ended(self) -> bool:
        return self.result.outcome != "waiting"

    def take(self, record: Record) -> None:
        match record.event:
            # A turn that began after the message has it; one that ran already takes it up with its next model call.
            case TurnStarted(turn=turn) if record.seq > self.result.input_seq:
                self._ours.add(turn)
            case ModelCalled(turn=turn, input_seq=seen) if seen >= self.result.input_seq:
                self._ours.add(turn)
            case ModelReplied() as reply if reply.turn in self._ours:
                self.result = replace(
                    self.result,
                    text=reply.text,
                    seq=record.seq,
                    message_id=reply.message_id,
                    model=reply.model,
                    usage=reply.usage,
                    cost_usd=reply.cost_usd,
                )
            case ModelFailed(turn=turn, partial_text=partial) if turn in self._ours:
                self.result = replace(self.result, text=partial)
            case TurnEnded() as end if end.turn in self._ours:
                self.result = replace(self.result, outcome=end.outcome, code=end.code, reason=end.reason)
            case SessionClosed() as closed if not self._ours and record.seq > self.result.input_seq:
                self.result = replace(
                    self.result, outcome="cancelled", reason=closed.reason or "the session was closed"
                )
            case _:
                pass


async def ask(
    client: Client,
    session_id: str,
    text: str,
    *,
    key: str | None = None,
    on_item: Callable[[Item], None] | None = None,
) -> TurnResult:
    """Sends the text and returns when its turn has ended; survives a server that dies and comes back."""
    accepted = await client.post_message(session_id, SendMessage(content=text), key=key or new_key())
    turn = Turn(accepted.seq)
    async with aclosing(client.watch(session_id, after=accepted.seq - 1)) as items:
        async for item in items:
            if on_item is not None:
                on_item(item)
            if isinstance(item, Record):
                turn.take(item)
                if turn.ended:
                    break
    return turn.result
