"""`/stream`: one message and its answer as it is written, in the events that clients of duragent v0.5 know.

A client of v0.5 fails at an event name that it does not know. The frames `tool_call` and `tool_result`, which v0.5
never sent, are therefore only for clients that request them with `?tools=true`.

The stream is made of `post` and `watch` alone. `done` comes when the end of the turn is durable. Its `content` is the
answer, and may differ from the tokens before it: they include the text of attempts that failed in the middle.
"""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from starlette.requests import Request
from starlette.types import ASGIApp

from duragent.bus import Block, OutputDelta
from duragent.errors import SessionDeleted
from duragent.journal.answer import TURN_PAUSED, AnswerFold, TurnAnswer
from duragent.journal.events import Call, ModelCalled, ModelReplied, ToolFinished
from duragent.journal.question import Question
from duragent.journal.record import Record
from duragent.server.dependencies import Dependencies
from duragent.server.frames import frame
from duragent.server.params import StreamQuery, query_of
from duragent.server.routes.events import parts
from duragent.server.routes.messages import received
from duragent.server.sse import EventStream, raise_if_deleted
from duragent.session.watch import ReplayEnd, Watched
from duragent.wire import Approval, Usage

RESTARTED = b": restarted\n\n"
"""A comment before the tokens of an attempt that does not go on with the text of the attempt before it."""
_DELETED = frame("error", {"message": "the session was deleted", "code": SessionDeleted.code})


async def post_stream(dependencies: Dependencies, request: Request) -> ASGIApp:
    query = query_of(request, StreamQuery)
    session_id, receipt = await received(dependencies, request)
    headers = ((b"idempotency-replayed", b"true"),) if receipt.duplicate else ()
    answer = AnswerStream(receipt.seq, tools=query.tools)
    return EventStream(dependencies, session_id, lambda: _stream(dependencies, session_id, answer), _DELETED, headers)


@contextlib.asynccontextmanager
async def _stream(
    dependencies: Dependencies, session_id: str, answer: "AnswerStream"
) -> AsyncIterator[AsyncIterator[bytes]]:
    async with dependencies.sessions.watch(session_id, answer.seq) as watched:
        frames = _frames(dependencies, session_id, answer, watched)
        async with contextlib.aclosing(frames):
            yield frames


async def _frames(
    dependencies: Dependencies, session_id: str, answer: "AnswerStream", watched: AsyncIterator[Watched]
) -> AsyncGenerator[bytes, None]:
    yield frame("start", {})
    async for item in watched:
        match item:
            case Block():
                frames = b""
                for part in parts(item.lines):
                    frames += answer.records(await dependencies.sessions.records(session_id, part))
                frames += answer.pause()
            case OutputDelta(kind="text"):
                frames = answer.delta(item)
            case ReplayEnd():
                frames = answer.caught_up()
                if not answer.ended and answer.question is None:
                    # A question that is older than the message stands in the way of its answer too.
                    frames += _older_question(await dependencies.sessions.question(session_id))
            case _:
                continue
        if frames:
            yield frames
        if answer.ended:
            return
    # The watch ends early when the session is deleted, when the server stops, or when this client cannot keep up.
    await raise_if_deleted(dependencies, session_id)
    yield frame("error", {"message": "the stream ended before the answer; the turn goes on", "code": "stream-ended"})


class AnswerStream:
    """The frames for the client of message `seq`, made of the records after it. Pure."""

    def __init__(self, seq: int, *, tools: bool = False) -> None:
        self.ended = False
        """Whether the last frame was made."""
        self._fold = AnswerFold(seq)
        self._with_tools = tools
        """Whether the client also gets the frames `tool_call` and `tool_result`."""
        self._live = False
        """Whether the records before the beginning of the stream were all read."""
        self._progress = StreamProgress()

    @property
    def seq(self) -> int:
        return self._fold.seq

    @property
    def question(self) -> Question | None:
        """What a person is asked, as far as these records tell; in the turn of another message too."""
        return self._fold.questions.question

    def records(self, records: Iterable[Record]) -> bytes:
        """The frames of these records. A pause is no frame of its record, see `pause`."""
        return b"".join(self._record(record) for record in records)

    def _record(self, record: Record) -> bytes:
        if self.ended:
            return b""
        asked = self.question
        self._fold.take(record)
        if self._fold.ended is not None:
            self.ended = True
            return _end(self._fold.ended)
        if self._live and self.question is not None and self.question is not asked:
            return _question(self.question)
        event = record.event
        match event:
            case ModelCalled() if event.turn == self._fold.turn:
                self._progress.ask(event.step, event.attempt)
            case ModelReplied() if event.turn == self._fold.turn:
                calls = event.calls if self._with_tools else ()
                return self._progress.whole(event.text) + b"".join(_tool_call(call) for call in calls)
            case ToolFinished() if event.turn == self._fold.turn and self._with_tools:
                return _tool_result(event)
        return b""

    def delta(self, delta: OutputDelta) -> bytes:
        """The token of a piece of the answer; b"" for a piece of another turn."""
        return self._progress.delta(delta) if delta.turn == self._fold.turn else b""

    def caught_up(self) -> bytes:
        """The frames at the end of the replay: a pause or a question that is still open. Later records are live."""
        self._live = True
        if frames := self.pause():
            return frames
        return b"" if self.ended or self.question is None else _question(self.question)

    def pause(self) -> bytes:
        """The last frame, when the session is paused after the newest record. Call it when no records are left."""
        now = self._fold.now
        if self.ended or not self._live or now is None or now.outcome != "paused":
            return b""
        self.ended = True
        return frame("error", {"message": now.reason or "the turn waits for a person", "code": TURN_PAUSED})


class StreamProgress:
    """The text of one step as the client has it, although attempts may fail and begin again."""

    def __init__(self) -> None:
        self._asked = (0, 0)
        """Step and attempt of the newest question to the model."""
        self._text = ""
        """What this attempt has said."""
        self._sent = ""
        """What the client has of this step; it may be longer than `_text`, and come from an attempt before."""

    def ask(self, step: int, attempt: int) -> None:
        """The model is asked. Another attempt at the same step keeps what was sent."""
        if step != self._asked[0]:
            self._sent = ""
        if (step, attempt) != self._asked:
            self._text = ""
        self._asked = (step, attempt)

    def delta(self, delta: OutputDelta) -> bytes:
        self.ask(delta.step, delta.attempt)
        return self._grow(self._text[: delta.offset] + delta.text)

    def whole(self, text: str) -> bytes:
        """The rest of the step's text, which is final."""
        return self._grow(text) if not text or text.startswith(self._sent) else self._again(text)

    def _grow(self, text: str) -> bytes:
        self._text = text
        if text.startswith(self._sent):
            more = text[len(self._sent) :]
            self._sent = text
            return frame("token", {"content": more}) if more else b""
        # So far this attempt only repeats what an attempt before it said.
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


def _end(end: TurnAnswer) -> bytes:
    if end.outcome == "failed":
        return frame("error", {"message": end.reason or end.code, "code": end.code})
    if end.outcome == "cancelled" or end.reply is None:
        return frame("cancelled", {})
    reply = end.reply
    usage = Usage.of(reply.usage, reply.cost_usd).model_dump()
    return frame("done", {"message_id": reply.message_id, "usage": usage, "seq": end.reply_seq, "content": reply.text})


_NOT_IN_FRAMES: set[str] = {"session_id", "agent", "title", "tool", "requested_at", "expires_at", "seq"}
"""Fields of an approval that a client of this stream has, or gets from `/approvals`."""
_ONLY_OF_APPROVALS: set[str] = {"arguments_sha256", "findings", "patterns", "offers", "preview", "place"}
_ONLY_OF_LOST_CALLS: set[str] = {"evidence"}


def _question(question: Question) -> bytes:
    """The frame of a question in the records, without the fields that only the other kind has."""
    is_approval = question.kind == "approval"
    return _approval_required(question, without=_ONLY_OF_LOST_CALLS if is_approval else _ONLY_OF_APPROVALS)


def _older_question(question: Question | None) -> bytes:
    """The frame of a question that was asked before the message; b"" when nothing is asked."""
    return b"" if question is None else _approval_required(question, without=set())


def _approval_required(question: Question, *, without: set[str]) -> bytes:
    fields = Approval.of(question).model_dump(exclude=_NOT_IN_FRAMES | without)
    first = {name: fields.pop(name) for name in ("call_id", "command", "kind")}
    return frame("approval_required", first | fields)


def _parsed(arguments: str) -> object:
    """The arguments as JSON; as the model wrote them when they are none."""
    try:
        parsed: object = json.loads(arguments or "{}", parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return arguments
    return parsed
