"""`/stream`: one message and its answer as it is written, in the events that duragent v0.5 clients know.

Its event names are a closed list there: a client of v0.5 ends with an error at a name that it does not know. So the
frames `tool_call` and `tool_result`, which v0.5 never sent, are only for clients that ask for them with `?tools=true`.

It is `post` and `watch` in other words, and no engine of its own. `done` comes when the end of the turn is durable; its
`content` is the answer, whatever the tokens before said: an attempt that failed in the middle leaves its text behind.
"""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.requests import Request
from starlette.types import ASGIApp

from duragent.bus import Block, OutputDelta
from duragent.errors import SessionDeleted
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Call,
    Event,
    ModelCalled,
    ModelReplied,
    SessionClosed,
    SessionPaused,
    SessionResumed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    TurnEnded,
    TurnStarted,
    command_of,
)
from duragent.journal.record import Record
from duragent.server.dependencies import Dependencies
from duragent.server.frames import frame
from duragent.server.mapping import approval, findings, reply_usage
from duragent.server.params import StreamQuery, query_of
from duragent.server.routes.events import parts
from duragent.server.routes.messages import received
from duragent.server.sse import EventStream, raise_if_deleted
from duragent.session.sessions import OpenQuestion
from duragent.session.watch import ReplayEnd, Watched

RESTARTED = b": restarted\n\n"
_DELETED = frame("error", {"message": "the session was deleted", "code": SessionDeleted.code})


async def post_stream(doors: Dependencies, request: Request) -> ASGIApp:
    query = query_of(request, StreamQuery)
    session_id, receipt = await received(doors, request)
    headers = ((b"idempotency-replayed", b"true"),) if receipt.duplicate else ()
    telling = Telling(receipt.seq, tools=query.tools)
    return EventStream(doors, session_id, lambda: _stream(doors, session_id, telling), _DELETED, headers)


@contextlib.asynccontextmanager
async def _stream(doors: Dependencies, session_id: str, telling: "Telling") -> AsyncIterator[AsyncIterator[bytes]]:
    async with doors.sessions.watch(session_id, telling.seq) as watched:
        frames = _frames(doors, session_id, telling, watched)
        async with contextlib.aclosing(frames):
            yield frames


async def _frames(
    doors: Dependencies, session_id: str, telling: "Telling", watched: AsyncIterator[Watched]
) -> AsyncGenerator[bytes, None]:
    yield frame("start", {})
    async for item in watched:
        match item:
            case Block():
                told = b""
                for part in parts(item.lines):
                    happened = await doors.sessions.records(session_id, part)
                    told += b"".join(telling.record(record) for record in happened)
            case OutputDelta(kind="text"):
                told = telling.delta(item)
            case ReplayEnd():
                told = telling.caught_up()
                if not (telling.ended or telling.asking):
                    # What the session asked before this message came stands in the way of its answer too.
                    told += telling.ask(await doors.sessions.question(session_id))
            case _:
                continue
        if told:
            yield told
        if telling.ended:
            return
    # The watch ends early when the session is deleted, when the server stops, or when this client cannot keep up.
    await raise_if_deleted(doors, session_id)
    yield frame("error", {"message": "the stream ended before the answer; the turn goes on", "code": "stream-ended"})


class Telling:
    """What the client of the message `seq` is told of each thing that happens behind it. Pure.

    `tools`: whether it also gets the frames `tool_call` and `tool_result`.
    """

    def __init__(self, seq: int, *, tools: bool = False) -> None:
        self.ended = False
        self.seq = seq
        self._with_tools = tools
        self._turn = ""
        self._live = False
        self._pause: str | None = None
        self._reply: Record | None = None
        self._tools: dict[str, str] = {}
        self._question = b""
        self.asking = ""
        """The call that a person has to decide about."""
        self._shown = StreamProgress()

    def record(self, record: Record) -> bytes:
        if self.ended:
            return b""
        event = record.event
        match event:
            case TurnStarted(trigger=self.seq):
                self._turn, self._pause = event.turn, None
            case ModelCalled() if event.input_seq >= self.seq:
                self._turn = event.turn
                self._shown.ask(event.step, event.attempt)
            case SessionPaused() | SessionResumed():
                return self._paused(event.reason if isinstance(event, SessionPaused) else None)
            case ApprovalRequested() | ToolLost(asks=True):
                # Of another message's turn too: the answer comes after it.
                return self._ask(
                    event.call, _approval(event) if isinstance(event, ApprovalRequested) else self._lost(event)
                )
            case ApprovalDecided() | ToolResolved():
                return self._ask("", b"")
            case SessionClosed() if not self._turn:
                # Nobody will take the message up any more.
                self.ended = True
                return frame("cancelled", {})
            case TurnEnded(outcome="paused"):
                return self._paused(event.reason)
            case TurnEnded() if event.turn == self._turn:
                return self._turn_ended(event)
            case _ if self._turn and getattr(event, "turn", None) == self._turn:
                return self._in_turn(record, event)
        return b""

    def delta(self, delta: OutputDelta) -> bytes:
        return self._shown.delta(delta) if delta.turn == self._turn else b""

    def caught_up(self) -> bytes:
        self._live = True
        if self._pause is not None and not self.ended:
            return self._paused(self._pause)
        return b"" if self.ended else self._question

    def ask(self, question: OpenQuestion | None) -> bytes:
        """A question that came before the records that are told here."""
        return b"" if question is None else self._ask(question.call, _asked(question))

    def _ask(self, call: str, told: bytes) -> bytes:
        """A question of the past counts only when it is still open at the end of it."""
        self.asking, self._question = call, told
        return told if self._live else b""

    def _in_turn(self, record: Record, event: Event) -> bytes:
        match event:
            case ModelReplied():
                self._reply = record
                self._tools |= {call.call: call.tool for call in event.calls}
                calls = event.calls if self._with_tools else ()
                return self._shown.whole(event.text) + b"".join(_tool_call(call) for call in calls)
            case ToolFinished():
                return self._settled(event.call) + (_tool_result(event) if self._with_tools else b"")
            case _:
                return b""

    def _lost(self, event: ToolLost) -> bytes:
        command = command_of(event.invocation, self._tools.get(event.call, ""))
        asked = {"call_id": event.call, "command": command, "kind": "lost", "evidence": event.evidence}
        return frame("approval_required", asked)

    def _settled(self, call: str) -> bytes:
        return self._ask("", b"") if call == self.asking else b""

    def _turn_ended(self, event: TurnEnded) -> bytes:
        self.ended = True
        if event.outcome == "failed":
            return frame("error", {"message": event.reason or event.code, "code": event.code})
        if event.outcome == "cancelled" or self._reply is None:
            return frame("cancelled", {})
        reply = self._reply.event
        assert isinstance(reply, ModelReplied)
        usage = reply_usage(reply.usage, reply.cost_usd).model_dump()
        done = {"message_id": reply.message_id, "usage": usage, "seq": self._reply.seq, "content": reply.text}
        return frame("done", done)

    def _paused(self, reason: str | None) -> bytes:
        """A pause in the past counts only when nobody has resumed since."""
        self._pause = reason
        if reason is None or not self._live:
            return b""
        self.ended = True
        return frame("error", {"message": reason or "the turn waits for a person", "code": "turn-paused"})


class StreamProgress:
    """The text of one step as the client has it, although attempts may fail and begin again."""

    def __init__(self) -> None:
        self._asked = (0, 0)
        self._text = ""
        self._sent = ""

    def ask(self, step: int, attempt: int) -> None:
        """A new question; another attempt at the same step keeps what was sent."""
        if step != self._asked[0]:
            self._sent = ""
        if (step, attempt) != self._asked:
            self._text = ""
        self._asked = (step, attempt)

    def delta(self, delta: OutputDelta) -> bytes:
        self.ask(delta.step, delta.attempt)
        return self._grow(self._text[: delta.offset] + delta.text)

    def whole(self, text: str) -> bytes:
        """The step's text is final."""
        return self._grow(text) if not text or text.startswith(self._sent) else self._again(text)

    def _grow(self, text: str) -> bytes:
        self._text = text
        if text.startswith(self._sent):
            more = text[len(self._sent) :]
            self._sent = text
            return frame("token", {"content": more}) if more else b""
        # An attempt that so far only repeats what the one before said adds nothing yet.
        return b"" if self._sent.startswith(text) else self._again(text)

    def _again(self, text: str) -> bytes:
        self._sent = text
        return RESTARTED + frame("token", {"content": "\n\n" + text})


def _tool_call(call: Call) -> bytes:
    fields = {"call_id": call.call, "tool_name": call.tool, "arguments": _parsed(call.arguments)}
    return frame("tool_call", fields)


def _tool_result(event: ToolFinished) -> bytes:
    result = {"call_id": event.call, "success": event.outcome == "ok", "content": event.content}
    return frame("tool_result", result | {"outcome": event.outcome})


def _approval(event: ApprovalRequested) -> bytes:
    found = [each.model_dump() for each in findings(event.findings)]
    asked = {"call_id": event.call, "command": command_of(event.invocation, event.tool), "kind": "approval"}
    shown = {"findings": found, "patterns": event.patterns, "place": event.place}
    return frame("approval_required", {**asked, "arguments_sha256": event.arguments_sha256, **shown})


def _asked(question: OpenQuestion) -> bytes:
    fields = approval(question).model_dump()
    names = ("call_id", "command", "kind", "arguments_sha256", "findings", "patterns", "place", "evidence")
    return frame("approval_required", {name: fields[name] for name in names})


def _parsed(arguments: str) -> object:
    """The arguments as JSON; as the model wrote them when they are none."""
    try:
        parsed: object = json.loads(arguments or "{}", parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return arguments
    return parsed
