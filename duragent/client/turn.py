"""One question and its answer, or what came of a decision, over `watch`: until the turn has ended or stands still."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from duragent.client.client import Client
from duragent.client.watch import CaughtUp, Item, Reconnecting, Reset
from duragent.journal.answer import APPROVAL_REQUIRED, TURN_PAUSED, AnswerFold, TurnAnswer
from duragent.journal.events import TokenCounts, TurnOutcome
from duragent.journal.record import Record
from duragent.wire import Approval, SendMessage, SentAttachment

_LookBack = Callable[[Client, str, AnswerFold], Awaitable["TurnResult | None"]]

TEMPORARY = ("rate-limited", "model-unavailable", "model-timeout")
"""Codes of failed turns where asking again later can help."""

CONFIGURATION = ("authentication-failed", "model-not-configured")
"""Codes of failed turns where a person has to set something right first."""

OLDER_PAUSE = "the session is paused; a new message resumes it"
"""The reason of a pause whose own reason is in a record before those that were watched."""


@dataclass(frozen=True)
class TurnResult:
    """How the turn of a message, or of a decision, ended, or why it stands still."""

    input_seq: int
    """The seq of the message or of the decision."""
    outcome: TurnOutcome | Literal["running", "waiting"] = "running"
    """`waiting`: a person must first decide about the tool call in `approval`."""
    text: str = ""
    """The last answer of the turn, or the beginning of one that was stopped; "" without any."""
    seq: int | None = None
    """The seq of the record with `text`, or of the newest reply when `text` is ""; None before the first reply."""
    message_id: str | None = None
    """The id of the answer in that record."""
    model: str | None = None
    """The model of the newest reply; None before the first."""
    usage: TokenCounts | None = None
    """The tokens of that reply."""
    cost_usd: float | None = None
    """The price of that reply; None also when it is not known."""
    finish_reason: str = ""
    """As in `ModelReplied`; "" before the first reply."""
    code: str = ""
    """As in `TurnAnswer`."""
    reason: str = ""
    """A sentence for people; "" when there is none."""
    approval: Approval | None = None
    """What a person must decide; None unless `outcome` is `waiting`."""


def result_of(answer: TurnAnswer, input_seq: int) -> TurnResult:
    """The answer as commands print it."""
    result = TurnResult(input_seq, answer.outcome, code=answer.code, reason=answer.reason)
    if (reply := answer.reply) is not None:
        result = replace(
            result,
            text=reply.text,
            seq=answer.reply_seq,
            message_id=reply.message_id,
            model=reply.model,
            usage=reply.usage,
            cost_usd=reply.cost_usd,
            finish_reason=reply.finish_reason,
        )
    if (failed := answer.failed) is not None:
        result = replace(result, text=failed.partial_text)
        if failed.partial_text:
            result = replace(result, seq=answer.failed_seq, message_id=failed.message_id)
    return result


async def ask(
    client: Client,
    session_id: str,
    text: str,
    *,
    attachments: Sequence[SentAttachment] = (),
    key: str | None = None,
    on_item: Callable[[Item], None] | None = None,
) -> TurnResult:
    """Send the text and wait for its turn; a server that dies in the middle is waited for.

    `attachments` are what `Client.attach` gave for the files that belong to it.
    """
    message = SendMessage(content=text, attachments=[*attachments])
    accepted = await client.post_message(session_id, message, key=key)
    return await _wait(client, session_id, accepted.seq, on_item, _older_question)


async def rest_of_turn(
    client: Client, session_id: str, seq: int, *, on_item: Callable[[Item], None] | None = None
) -> TurnResult:
    """As `ask`, for the turn of the decision at record `seq`."""
    return await _wait(client, session_id, seq, on_item, _older_pause)


async def open_question(client: Client, session_id: str) -> Approval | None:
    """What this session asks a person; None when it asks nothing."""
    found = (await client.approvals(session_id=session_id)).approvals
    return found[0] if found else None


async def _wait(
    client: Client, session_id: str, seq: int, on_item: Callable[[Item], None] | None, look_back: _LookBack
) -> TurnResult:
    """`look_back` asks the server once what the session stood still for before the record `seq`."""
    fold, live, looked = AnswerFold(seq), False, False
    async with aclosing(client.watch(session_id, after=seq - 1)) as items:
        async for item in items:
            if on_item is not None:
                on_item(item)
            match item:
                case Record():
                    fold.take(item)
                case CaughtUp():
                    live = True
                case Reconnecting():
                    live = False
                case Reset():
                    fold, live = AnswerFold(seq), False
            if fold.ended is not None:
                return result_of(fold.ended, seq)
            if not live:
                # A turn that stood still in the past may have gone on since.
                continue
            result = await _standstill(client, session_id, fold)
            if result is None and not looked:
                looked, result = True, await look_back(client, session_id, fold)
            if result is not None:
                return result
    return TurnResult(seq)


async def _standstill(client: Client, session_id: str, fold: AnswerFold) -> TurnResult | None:
    """What the turn stands still for; None when it goes on, or when the question has been answered by now."""
    now = fold.now
    if now is None:
        return None
    if now.outcome == "paused":
        return result_of(now, fold.seq)
    approval = await open_question(client, session_id)
    return None if approval is None else _waiting(result_of(now, fold.seq), approval)


async def _older_question(client: Client, session_id: str, fold: AnswerFold) -> TurnResult | None:
    """A question that is older than a message: it stands in the way until a turn has taken the message up."""
    approval = None if fold.begun else await open_question(client, session_id)
    return None if approval is None else _waiting(TurnResult(fold.seq), approval)


async def _older_pause(client: Client, session_id: str, fold: AnswerFold) -> TurnResult | None:
    """A pause that is older than a decision: unlike a message, a decision does not resume the session."""
    session = await client.session(session_id)
    if session.status != "paused" or session.waits_for is not None or session.head > fold.head:
        # Not paused, or records that say more are on their way.
        return None
    return TurnResult(fold.seq, "paused", code=TURN_PAUSED, reason=OLDER_PAUSE)


def _waiting(result: TurnResult, approval: Approval) -> TurnResult:
    lost = "a call may have run, and a person has to say what is to be done"
    reason = lost if approval.kind == "lost" else "a tool call waits for approval"
    return replace(result, outcome="waiting", code=APPROVAL_REQUIRED, reason=reason, approval=approval)
