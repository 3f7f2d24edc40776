"""One question and its answer, or what came of a decision, over `watch`, whether or not anybody looks on."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from duragent.client.client import Client, new_key
from duragent.client.watch import CaughtUp, Item, Reconnecting
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionClosed,
    TokenCounts,
    ToolFinished,
    ToolLost,
    ToolResolved,
    TurnEnded,
    TurnOutcome,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.wire import Approval, SendMessage

TEMPORARY = ("rate-limited", "model-unavailable", "model-timeout")
"""Codes of failed turns where asking again later can help."""

CONFIGURATION = ("authentication-failed", "model-not-configured")
"""Codes of failed turns where a person has to set something right first."""


@dataclass(frozen=True)
class TurnResult:
    """How the turn that took up a message ended. `text` is the last answer in it, or what there is of one.

    `waiting`: a person has to decide about a tool call first, the one in `approval`.
    """

    input_seq: int
    outcome: TurnOutcome | Literal["running", "waiting"] = "running"
    text: str = ""
    seq: int | None = None
    message_id: str | None = None
    model: str | None = None
    usage: TokenCounts | None = None
    cost_usd: float | None = None
    finish_reason: str = ""
    code: str = ""
    reason: str = ""
    approval: Approval | None = None


class ClientTurn:
    """Finds the turn that answers the message at `input_seq` in the records after it. Pure.

    `under_way`: `input_seq` is no message but something in the turn, which is the one that the records go on with.
    """

    def __init__(self, input_seq: int, *, under_way: bool = False) -> None:
        self.result = TurnResult(input_seq)
        self.asks = False
        """Whether, as far as the records go, a person has to decide; in whichever turn, for it stands in the way."""
        self._ours: set[str] = set()
        self._under_way = under_way

    @property
    def begun(self) -> bool:
        return bool(self._ours) or self._under_way

    @property
    def ended(self) -> bool:
        return self.result.outcome != "running"

    def take(self, record: Record) -> None:
        self._note_question(record)
        if self._under_way and not self._ours and (turn := getattr(record.event, "turn", "")):
            self._ours.add(turn)
        match record.event:
            # A turn that began for the message has it; any other takes it up with its next model call.
            case TurnStarted(turn=turn, trigger=trigger) if trigger == self.result.input_seq:
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
                    finish_reason=reply.finish_reason,
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

    def _note_question(self, record: Record) -> None:
        match record.event:
            case ApprovalRequested() | ToolLost(asks=True):
                self.asks = True
            case ApprovalDecided() | ToolResolved() | ToolFinished() | TurnEnded():
                self.asks = False


async def ask(
    client: Client,
    session_id: str,
    text: str,
    *,
    key: str | None = None,
    on_item: Callable[[Item], None] | None = None,
) -> TurnResult:
    """Sends the text and returns when its turn has ended, or waits for a person; survives a server that dies."""
    accepted = await client.post_message(session_id, SendMessage(content=text), key=key or new_key())
    return await _followed(client, session_id, ClientTurn(accepted.seq), on_item)


async def rest_of_turn(
    client: Client, session_id: str, seq: int, *, on_item: Callable[[Item], None] | None = None
) -> TurnResult:
    """As `ask`, for the turn that is under way at record `seq`, such as that of a decision."""
    return await _followed(client, session_id, ClientTurn(seq, under_way=True), on_item)


async def _followed(
    client: Client, session_id: str, turn: ClientTurn, on_item: Callable[[Item], None] | None
) -> TurnResult:
    live, looked = False, turn.begun
    async with aclosing(client.watch(session_id, after=turn.result.input_seq - 1)) as items:
        async for item in items:
            if on_item is not None:
                on_item(item)
            if isinstance(item, Record):
                turn.take(item)
                if turn.ended:
                    break
            live = isinstance(item, CaughtUp) or (live and not isinstance(item, Reconnecting))
            # Once for a question that is older than the message, and then whenever there is news of one.
            if live and (turn.asks or not (looked or turn.begun)):
                looked = True
                if (approval := await open_question(client, session_id)) is not None:
                    return waiting(turn.result, approval)
    return turn.result


async def open_question(client: Client, session_id: str) -> Approval | None:
    """What this session asks a person; None when it asks nothing."""
    found = (await client.approvals(session_id=session_id)).approvals
    return found[0] if found else None


def waiting(result: TurnResult, approval: Approval) -> TurnResult:
    lost = "a call may have run, and a person has to say what is to be done"
    reason = lost if approval.kind == "lost" else "a tool call waits for approval"
    return replace(result, outcome="waiting", code="approval-required", reason=reason, approval=approval)
