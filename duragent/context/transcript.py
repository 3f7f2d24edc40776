"""Records as the conversation that a provider accepts.

The order is that of cause, not of arrival: a message that came while the model was answering stands behind that answer,
and nothing ever stands between a call and its result. A call that never got a result is given one that says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from duragent.journal.events import (
    Call,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    ToolFinished,
    ToolsSkipped,
    TurnEnded,
)
from duragent.journal.record import Record
from duragent.models.messages import ChatMessage, ToolCall

NO_RESULT = "The call was interrupted and has no result. It may or may not have taken effect."


def transcript(records: Iterable[Record]) -> list[ChatMessage]:
    """User, assistant and tool messages, in the order in which the model is to see them."""
    talk = _Talk()
    for record in records:
        talk.take(record)
    talk.settle()
    talk.let_in(None)
    return talk.messages


@dataclass(slots=True)
class _Talk:
    messages: list[ChatMessage] = field(default_factory=list)
    held: list[tuple[int, ChatMessage]] = field(default_factory=list)
    calls: tuple[Call, ...] = ()
    results: dict[str, str] = field(default_factory=dict)
    asking: bool = False

    def take(self, record: Record) -> None:
        event = record.event
        match event:
            case MessageReceived():
                self.held.append((record.seq, ChatMessage(role="user", content=_said(event))))
            case ModelCalled():
                self.settle()
                self.let_in(event.input_seq)
                self.asking = True
            case ModelReplied():
                self.reply(event)
            case ModelFailed(error="cancelled") if event.partial_text:
                self.messages.append(ChatMessage(role="assistant", content=event.partial_text))
            case ToolFinished():
                self.result(event.call, event.content)
            case ToolsSkipped():
                for call in event.calls:
                    self.result(call, f"Skipped: {event.reason}")
            case TurnEnded():
                self.settle()
            case _:
                pass

    def reply(self, event: ModelReplied) -> None:
        self.settle()
        if not self.asking and not event.turn:
            # Replies of duragent-rust do not say what the model had seen. One of ours whose question lies before the
            # first of these records saw none of them.
            self.let_in(None)
        self.asking = False
        calls = tuple(ToolCall(id=call.call, name=call.tool, arguments=call.arguments) for call in event.calls)
        if event.text or calls:
            self.messages.append(ChatMessage(role="assistant", content=event.text, calls=calls))
        self.calls = event.calls

    def result(self, call: str, content: str) -> None:
        if any(open_call.call == call for open_call in self.calls):
            self.results[call] = content
        if self.calls and len(self.results) == len(self.calls):
            self.settle()

    def settle(self) -> None:
        """Close the open calls, in their order."""
        for call in self.calls:
            content = self.results.get(call.call, NO_RESULT)
            self.messages.append(ChatMessage(role="tool", content=content, call_id=call.call))
        self.calls, self.results = (), {}

    def let_in(self, seq: int | None) -> None:
        """Take up the held messages up to `seq`; None takes all."""
        self.messages += [message for at, message in self.held if seq is None or at <= seq]
        self.held = [] if seq is None else [(at, message) for at, message in self.held if at > seq]


def _said(event: MessageReceived) -> str:
    name = event.sender.name if event.sender else None
    return f"{name}: {event.text}" if name else event.text
