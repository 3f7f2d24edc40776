"""What a chat shows, as a fold over `watch`: finished blocks for the scrollback, and what is going on now. Pure."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from duragent.cli.chat.asides import command_blocks, undone_words
from duragent.cli.chat.progress import Progress
from duragent.cli.chat.question import DECIDED
from duragent.cli.chat.recalls import noted_words, recalled_words
from duragent.cli.chat.tool_blocks import Called, Returned, asked_about, called, never_began, returned
from duragent.cli.view import dollars, file_words
from duragent.client.activity import Activity
from duragent.client.answer import PartialAnswer
from duragent.client.turn import CONFIGURATION, TEMPORARY
from duragent.client.watch import CaughtUp, Connected, Item, Reconnecting, Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Approval

SCROLLBACK_MESSAGES = 20
MESSAGE_LINES, MESSAGE_CHARS = 40, 8_000
"""How much of a message is shown."""
CUT_BLOCKS = 20
SET_UP = (
    "`duragent keys set PROVIDER` keeps a key, which the next message uses; or choose another model: /model in a chat, "
    "or the agent's agent.yaml."
)
"""What helps when a turn failed with one of the CONFIGURATION codes."""
DECLINED = "The model or its provider declined to answer, or to go on (content_filter)."


@dataclass(frozen=True)
class MessageBlock:
    """A person's message; `who` is "" for the person at this terminal."""

    text: str
    who: str = ""
    whole: bool = False
    """All of it is shown, however long."""


@dataclass(frozen=True)
class AnswerBlock:
    text: str
    stopped: bool = False


@dataclass(frozen=True)
class Note:
    """A line from duragent itself."""

    text: str
    mood: Literal["quiet", "warning", "error"] = "quiet"


Block = MessageBlock | AnswerBlock | Note | Called | Returned


@dataclass
class Conversation:
    """A fold: `take` is given what `watch` gives, in order."""

    agent: str
    """Name of the agent."""

    partial: PartialAnswer = field(default_factory=PartialAnswer)
    """The answer that is being written."""

    activity: Activity = field(default_factory=Activity)
    """The calls that run, and the one that a person is asked about."""

    progress: Progress = field(default_factory=Progress)
    """How long it works, and what the session has used."""

    deciding: str = ""
    """The call about which a decision of this terminal is on its way; "" for none."""

    waiting: dict[str, str] = field(default_factory=dict)
    """Messages that were typed here and are not in the log yet, by Idempotency-Key."""

    whole: bool = False
    """All of what was said before is shown, not only the newest messages."""

    last_answer: str = ""
    """What the agent said last, as far as it was told here; "" for nothing yet."""

    link: str = ""
    """Why the connection is gone; "" while it stands."""
    commanding: str = ""
    """The id of the person's command that runs beside the turns; "" for none."""

    _mine: dict[str, list[Block]] = field(default_factory=dict)
    """How the messages that were typed here are shown, by Idempotency-Key."""

    _backlog: list[Block] | None = field(default_factory=list)
    """The blocks of what was said before; None when what comes is live."""

    cut: "deque[list[Block]]" = field(default_factory=lambda: deque(maxlen=CUT_BLOCKS))
    """All of what is shown in part, the newest last: each with the line that says what it is."""

    _seen: dict[str, str] = field(default_factory=dict)
    """The diffs that this terminal has shown whole in a question, by call."""

    _shown_calls: dict[str, Called] = field(default_factory=dict)
    """The lines of calls, the newest last."""

    _quiet: set[str] = field(default_factory=set)
    """Calls of the newest reply for whose results the model does not wait."""

    @property
    def live(self) -> bool:
        """Whether all that was before is known."""
        return self._backlog is None

    @property
    def busy(self) -> bool:
        return self.partial.turn is not None or self.activity.question is not None

    @property
    def can_stop(self) -> bool:
        """Whether a cancel would stop something."""
        return self.busy or bool(self.commanding)

    @property
    def question(self) -> Approval | None:
        """What the person at this terminal is asked now."""
        asked = self.activity.question
        return None if asked is None or asked.call_id == self.deciding else asked

    def typed(self, key: str, shown: str, notes: Sequence[str] = ()) -> None:
        """A message that goes out with this Idempotency-Key; `shown` as it stood in the input line."""
        self.waiting[key] = shown
        self._mine[key] = [MessageBlock(shown), *(Note(f"  {note}") for note in notes)]

    def sent(self, key: str) -> None:
        """A command that goes out with this Idempotency-Key; it stands in the scrollback already."""
        self._mine[key] = []

    def has_seen(self, asked: Approval) -> None:
        """The person here has the whole diff of this question before them."""
        self._seen[asked.call_id] = asked.preview

    def take(self, item: Item, now: datetime | None = None) -> list[Block]:
        """The blocks that go into the scrollback now. `now` is the time, for what takes place now."""
        self.progress.take(item, now if self._backlog is None else None)
        match item:
            case Reconnecting(error=error):
                self.link = error
                return []
            case Connected():
                self.link = ""
                return []
            case Reset():
                self._fold(item)
                return [Note("The log on the server is another one now; here it is from its start.", "warning")]
            case CaughtUp():
                backlog, self._backlog = self._backlog, None
                return (backlog if self.whole else _newest(backlog)) if backlog else []
            case Record():
                blocks = self._blocks(item)
                self._fold(item)
            case _:
                self._fold(item)
                return []
        if self._backlog is None:
            return blocks
        self._backlog += blocks
        return []

    def _fold(self, item: Item) -> None:
        self.partial.take(item)
        self.activity.take(item)

    def _blocks(self, record: Record) -> list[Block]:
        blocks = self._talk(record) or self._work(record)
        for block in blocks:
            if isinstance(block, Returned) and block.whole is not None:
                event = record.event
                line = self._shown_calls.get(event.call) if isinstance(event, events.ToolFinished) else None
                self.cut.append([*([line] if line else []), block.whole])
        return blocks

    def _talk(self, record: Record) -> list[Block]:
        if isinstance(record.event, events.ModelReplied):
            self._quiet = {call.call for call in record.event.calls if call.quiet}
        match record.event:
            case events.MessageReceived() as message:
                return self._said(message)
            case events.ModelReplied(text=text) as reply if text.strip():
                self.last_answer = text
                return [
                    AnswerBlock(text),
                    *([Note(DECLINED, "warning")] if reply.finish_reason == events.REFUSED else []),
                ]
            case events.ModelFailed() as failed:
                return _failed(failed)
            case events.TurnEnded() as end:
                return _ended(end)
            case events.SessionRenamed(title=title):
                return [
                    Note(f'The session is called "{title}" now.' if title else "The session has no title any more.")
                ]
            case events.ModelChosen() as chosen:
                return [Note(_model_of(chosen))]
            case events.CommandRequested() as typed:
                self.commanding = typed.command_id
                return [] if typed.idempotency_key in self._mine else [*command_blocks(typed)]
            case events.CommandFinished() as ended:
                self.commanding = ""
                return [*command_blocks(ended)]
            case events.UndoFinished() as undone:
                return [Note(undone_words(undone), "warning" if undone.refused else "quiet")]
            case events.SessionClosed():
                return [Note("The session is closed.", "warning")]
        return []

    def _work(self, record: Record) -> list[Block]:
        match record.event:
            case events.MemoryRecalled() as recalled:
                words = recalled_words(recalled)
                return [Note(words)] if words else []
            case events.ToolStarted(call=call) if call in self._quiet:
                return []
            case events.ToolFinished(call=call, outcome="ok") as noted if call in self._quiet:
                return [Note(noted_words(noted))]
            case events.ToolStarted() as started:
                return self._line(started.call, called(started.tool, started.invocation, started.rule))
            case events.ApprovalRequested() as asked:
                return self._line(asked.call, asked_about(asked.tool, asked.invocation, asked.preview))
            case events.ApprovalDecided() | events.ToolResolved() as decided:
                if decided.call != self.deciding:
                    self._seen.pop(decided.call, None)
                self.deciding = ""
                return [_decided(decided)] if decided.by or isinstance(decided, events.ApprovalDecided) else []
            case events.AllowanceRevoked(by=by, patterns=patterns):
                return [Note(f"  {by or 'Somebody'} took back for this session: {_in_quotes(patterns)}")]
            case events.ToolLost() as lost:
                then = "" if lost.asks else " The agent is told."
                return [Note(f"  The server stopped while this ran; it may have run.{then}", "warning")]
            case events.ToolFinished() as finished:
                return self._finished(finished)
        return []

    def _line(self, call: str, line: Called) -> list[Block]:
        if call in self._shown_calls:
            return []
        self._shown_calls[call] = line
        return [line]

    def _finished(self, event: events.ToolFinished) -> list[Block]:
        if event.outcome == "denied" and event.call in self._shown_calls:
            return []  # the line of the decision says it already
        asked = self.activity.call(event.call)
        tool = event.tool or (asked.tool if asked else "")
        blocks = self._line(event.call, never_began(tool, asked.arguments if asked else ""))
        of = "" if next(reversed(self._shown_calls)) == event.call else tool
        return [*blocks, returned(event, of, self._seen.pop(event.call, ""))]

    def _said(self, message: events.MessageReceived) -> list[Block]:
        key = message.idempotency_key or ""
        self.waiting.pop(key, None)
        sender = message.sender and (message.sender.name or message.sender.id)
        # Without a name it is most likely the same person, in another terminal or earlier.
        who = sender or ("" if self._backlog is not None else "elsewhere")
        sent = MessageBlock(message.text, "" if key in self._mine else who)
        shown = self._mine.get(key) or [sent, *_files(message.attachments)]
        if shown[0] != sent or _is_long(sent.text):
            self.cut.append([replace(sent, whole=True)])
        return shown


def _files(attachments: Sequence[events.Attachment]) -> list[Block]:
    return [Note(f"  with {file_words(file)}") for file in attachments]


def _is_long(text: str) -> bool:
    return len(text) > MESSAGE_CHARS or text.rstrip("\n").count("\n") >= MESSAGE_LINES


def _model_of(chosen: events.ModelChosen) -> str:
    label = f"{chosen.provider}/{chosen.model}" if chosen.provider else "the agent's own model"
    return f"From the next question on {label} answers."


def _newest(blocks: list[Block]) -> list[Block]:
    places = [at for at, block in enumerate(blocks) if isinstance(block, MessageBlock | AnswerBlock)]
    return blocks if len(places) <= SCROLLBACK_MESSAGES else blocks[places[-SCROLLBACK_MESSAGES] :]


def _decided(event: events.ApprovalDecided | events.ToolResolved) -> Note:
    decision = event.decision if isinstance(event, events.ApprovalDecided) else event.resolution
    patterns = event.patterns if isinstance(event, events.ApprovalDecided) else ()
    more = _in_quotes(patterns) or event.reason
    return Note(f"  {event.by or 'Somebody'} {DECIDED[decision]}{f': {more}' if more else '.'}")


def _in_quotes(patterns: tuple[str, ...]) -> str:
    return ", ".join(f'"{pattern}"' for pattern in patterns)


def _failed(failed: events.ModelFailed) -> list[Block]:
    if failed.retry:
        if failed.error in ("interrupted", "shutdown"):
            return [Note(f"The answer was interrupted; the agent starts it again{_lost(failed)}.")]
        return [Note(f"No answer yet ({failed.message or failed.error}): {asking_again(failed)}.", "warning")]
    return [AnswerBlock(failed.partial_text, stopped=True)] if failed.partial_text else []


def _lost(failed: events.ModelFailed) -> str:
    return f" (the lost attempt may have cost up to {dollars(failed.possible_usd)})" if failed.possible_usd else ""


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
