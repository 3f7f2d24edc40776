"""Records as the conversation that a provider accepts.

The order is that of cause, not of arrival: a message that came while the model was answering stands behind that answer,
and nothing ever stands between a call and its result. A call that never got a result is given one that says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from duragent.journal.events import (
    Attachment,
    Call,
    CommandFinished,
    CommandRequested,
    Event,
    GoalEnded,
    GoalSet,
    KeptOpaque,
    MemoryRecalled,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    RecordPinned,
    ToolFinished,
    ToolsSkipped,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.kept_texts import keeps_texts
from duragent.models.messages import AttachedFile, ChatMessage, OpaquePart, ToolCall

NO_RESULT = "The call was interrupted and has no result. It may or may not have taken effect."
NO_TEXT = "[empty message]"

_SHORT_CHARS = 1_000

Mark = Literal["", "notice", "recalled", "summary", "truncated", "masked", "cut"]


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """A message, and where it is from."""

    message: ChatMessage
    seq: int
    """Of the record that it is from."""
    ts: str = ""
    """The time of that record; only of messages of people."""
    turn: str = ""
    """The turn that it belongs to; "" when the log names none."""
    note: str = ""
    """What duragent adds to a tool result."""
    mark: Mark = ""
    """What was done to the message to make it fit, or that it is none of the talk itself."""
    settled: bool = False
    """Up to here, messages will not change soon."""


def transcript(records: Iterable[Record]) -> list[ChatMessage]:
    """User, assistant and tool messages, in the order in which the model is to see them."""
    return [with_note(each).message for each in said(records)]


def said(records: Iterable[Record]) -> list[TranscriptEntry]:
    """The same, each with where it is from."""
    talk = TalkFold()
    for record in records:
        talk.take(record)
    return talk.ended()


def with_note(each: TranscriptEntry) -> TranscriptEntry:
    """The message with its note in its text."""
    if not each.note:
        return each
    text = f"{each.message.content}\n\n{each.note}" if each.message.content else each.note
    return replace(each, message=each.message.model_copy(update={"content": text}), note="")


def user_message(record: Record, event: MessageReceived, turn: str = "") -> TranscriptEntry:
    name = event.sender.name if event.sender else None
    text = event.text if event.text.strip() else NO_TEXT
    said = f"{name}: {text}" if name else text
    files = event.attachments
    message = ChatMessage(role="user", content=said, attachments=_attached(files)) if files else only(said, "user")
    return TranscriptEntry(message, record.seq, record.ts, turn)


def recalled_message(event: MemoryRecalled, turn: str = "") -> TranscriptEntry:
    """What memory gave. It goes with the message that it was searched for, and so has the seq of that."""
    return TranscriptEntry(ChatMessage(role="user", content=event.text), event.upto_seq, turn=turn, mark="recalled")


def _attached(files: Iterable[Attachment]) -> tuple[AttachedFile, ...]:
    return tuple(map(attached_file, files))


def attached_file(file: Attachment) -> AttachedFile:
    """A file of the log as a request has it."""
    return AttachedFile.model_validate(file.model_dump())


def command_message(record: Record, event: CommandFinished, command: str) -> TranscriptEntry:
    """A person's command, as that person would tell of it."""
    what = f"`{command}`" if command else "a command"
    endings = {"ok": "", "error": " It failed.", "timeout": " It took too long."}
    ended = endings.get(event.outcome, f" It was {event.outcome}.")
    text = f"[I ran {what} here myself.{ended} It said:]\n{event.content}"
    return TranscriptEntry(ChatMessage(role="user", content=text), record.seq, record.ts)


def by_person(record: Record, event: MessageReceived | RecordPinned | GoalSet | GoalEnded) -> TranscriptEntry:
    """A message; or what a person pinned or aims at, as that person would tell of it."""
    match event:
        case MessageReceived():
            return user_message(record, event)
        case RecordPinned():
            text = f"[I pinned record {event.record}{': ' if event.text else '.'}{event.text}]"
        case GoalSet():
            part = f", a part of {event.parent}" if event.parent else ""
            text = f"[I set the goal {event.goal}{part}: {event.text}]"
        case GoalEnded():
            text = f"[The goal {event.goal} is {event.outcome}.]"
    return TranscriptEntry(ChatMessage(role="user", content=text), record.seq, record.ts, mark="notice")


def only(text: str, role: Literal["user", "assistant"]) -> ChatMessage:
    """A message that is a text. A short one is made once: it stands in one request after another."""
    return _only_short(text, role) if len(text) <= _SHORT_CHARS else ChatMessage(role=role, content=text)


@keeps_texts
@lru_cache(maxsize=2_048)
def _only_short(text: str, role: Literal["user", "assistant"]) -> ChatMessage:
    return ChatMessage(role=role, content=text)


def _opaque(kept: KeptOpaque | None) -> OpaquePart | None:
    """None also for a value that is in a blob and was not read."""
    if kept is None or kept.value is None:
        return None
    return OpaquePart(adapter=kept.adapter, model=kept.model, value=kept.value)


@dataclass(slots=True)
class TalkFold:
    """Takes one record after another."""

    said: list[TranscriptEntry] = field(default_factory=list)
    """The conversation so far."""
    held: list[TranscriptEntry] = field(default_factory=list)
    """Messages that no question has taken up yet."""
    calls: tuple[Call, ...] = ()
    """The calls of the last reply that are open."""
    results: dict[str, TranscriptEntry] = field(default_factory=dict)
    """Their results so far, by call."""
    typed: dict[str, str] = field(default_factory=dict)
    """Commands of people without an end, by id."""
    asking: bool = False
    """A question without an answer yet."""
    turn: str = ""
    """The turn that is under way."""
    seq: int = 0
    """Of the last record."""

    def take(self, record: Record) -> None:
        """The next one."""
        event = record.event
        if isinstance(event, MemoryRecalled):
            # Not with its number: while its question is prepared it has none yet.
            self.recalled(event)
        else:
            self.seq = record.seq
            self._take(record, event)

    def _take(self, record: Record, event: Event) -> None:
        match event:
            # The most frequent first: a long conversation is gone through for each question.
            case ModelCalled():
                self.settle()
                self.turn = event.turn
                self.let_in(event.input_seq)
                self.asking = True
            case ModelReplied():
                self.reply(event)
            case ToolFinished():
                self.result(event.call, event.content, event.note, _attached(event.attachments))
            case TurnStarted():
                self.settle()
                self.turn = event.turn
            case TurnEnded():
                self.settle()
                self.turn = ""
            case MessageReceived() | RecordPinned() | GoalSet(call="") | GoalEnded(call=""):
                self.held.append(by_person(record, event))
            case CommandRequested():
                self.typed[event.command_id] = event.command
            case CommandFinished():
                self.held.append(command_message(record, event, self.typed.pop(event.command_id, "")))
            case ModelFailed(error="cancelled") if event.partial_text.strip():
                self.settle()
                self.add(ChatMessage(role="assistant", content=event.partial_text))
            case ToolsSkipped():
                for call in event.calls:
                    self.result(call, f"Skipped: {event.reason}")
            case _:
                pass

    def copy(self) -> "TalkFold":
        """One that goes on by itself."""
        return replace(self, said=[*self.said], held=[*self.held], results={**self.results}, typed={**self.typed})

    def ended(self) -> list[TranscriptEntry]:
        """The conversation, when no record follows."""
        self.settle()
        self.let_in(None)
        return self.said

    def recalled(self, event: MemoryRecalled) -> None:
        """In front of the message that it was searched for, which the question is about to take up."""
        places = [at for at, each in enumerate(self.held) if each.seq == event.upto_seq]
        if event.text and places:
            self.held.insert(places[0], recalled_message(event))

    def add(self, message: ChatMessage) -> None:
        self.said.append(TranscriptEntry(message, self.seq, turn=self.turn))

    def reply(self, event: ModelReplied) -> None:
        self.settle()
        if not self.asking and not event.turn:
            # Replies of duragent-rust do not say what the model had seen. One of ours whose question lies before the
            # first of these records saw none of them.
            self.let_in(None)
        self.asking = False
        self.turn = event.turn or self.turn
        calls = tuple(ToolCall(id=call.call, name=call.tool, arguments=call.arguments) for call in event.calls)
        text = event.text if event.text.strip() else ""
        if text or calls:
            opaque = _opaque(event.opaque)
            if calls or opaque is not None:
                self.add(ChatMessage(role="assistant", content=text, calls=calls, opaque=opaque))
            else:
                self.add(only(text, "assistant"))
        self.calls = event.calls

    def result(self, call: str, content: str, note: str = "", files: tuple[AttachedFile, ...] = ()) -> None:
        if any(open_call.call == call for open_call in self.calls):
            message = ChatMessage(role="tool", content=content, call_id=call, attachments=files)
            self.results[call] = TranscriptEntry(message, self.seq, turn=self.turn, note=note)
        if self.calls and len(self.results) == len(self.calls):
            self.settle()

    def settle(self) -> None:
        """Close the open calls, in their order."""
        for call in self.calls:
            lost = ChatMessage(role="tool", content=NO_RESULT, call_id=call.call)
            self.said.append(self.results.get(call.call) or TranscriptEntry(lost, self.seq, turn=self.turn))
        self.calls, self.results = (), {}

    def let_in(self, seq: int | None) -> None:
        """Take up the held messages up to `seq`; None takes all."""
        ready = [each for each in self.held if seq is None or each.seq <= seq]
        self.said += [replace(each, turn=self.turn) for each in ready]
        self.held = [] if seq is None else [each for each in self.held if each.seq > seq]
