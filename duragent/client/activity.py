"""What the tools of a session are doing, and what a person is asked, folded from what `watch` gives. Pure."""

from dataclasses import dataclass

from duragent.client.watch import Item, Reset
from duragent.journal import events
from duragent.journal.question import QuestionFold
from duragent.journal.record import Record
from duragent.wire import Approval, Delta

PERSON = "!"
"""In place of a tool's name: a command that a person runs."""

KEPT_CHARS = 16 << 10
"""Of the output of a running call: its end."""


@dataclass
class RunningCall:
    """A call that was started and has no result yet."""

    call: str
    tool: str
    invocation: str
    """The whole call in one line."""
    attempt: int = 1
    """Counts the runs of this call, from 1."""
    output: str = ""
    """The end of what this run has printed so far, at most KEPT_CHARS characters."""
    _start: int = 0
    """The offset of the first character of `output` in all that this run has printed."""

    def grow(self, delta: Delta) -> None:
        if delta.attempt < self.attempt:
            return
        end = self._start + len(self.output)
        if delta.attempt > self.attempt or not self._start <= delta.offset <= end:
            # Of a new attempt, or from a place that the server no longer had all of.
            self.attempt, self._start, self.output = delta.attempt, delta.offset, ""
        self.output = self.output[: delta.offset - self._start] + delta.text
        cut = max(len(self.output) - KEPT_CHARS, 0)
        self._start, self.output = self._start + cut, self.output[cut:]


class Activity:
    """The running calls of one session, and its open question."""

    def __init__(self, session_id: str = "", agent: str = "") -> None:
        self.running: dict[str, RunningCall] = {}
        """Calls that were started and have no result yet, by id."""
        self.question: Approval | None = None
        """What waits for a decision; None when nothing does."""
        self._questions = QuestionFold(session_id, agent)
        self._calls: dict[str, events.Call] = {}

    def take(self, item: Item) -> None:
        match item:
            case Delta(kind="output", call=call) if call in self.running:
                self.running[call].grow(item)
            case Record():
                self._take_record(item)
            case Reset():
                self.running = {}
                self._questions.forget()
                self.question = None
            case _:
                pass

    def call(self, call_id: str) -> events.Call | None:
        """The call as the model wrote it; None when its reply was not seen."""
        return self._calls.get(call_id)

    def _take_record(self, record: Record) -> None:
        match record.event:
            case events.ModelReplied(calls=calls) if calls:
                self._calls = {call.call: call for call in calls}
            case events.ToolStarted() as started:
                running = RunningCall(started.call, started.tool, started.invocation, started.attempt)
                self.running[started.call] = running
            case events.CommandRequested(command_id=command_id, command=command):
                self.running[command_id] = RunningCall(command_id, PERSON, command)
            case events.CommandFinished(command_id=command_id):
                self.running.pop(command_id, None)
            case events.ToolLost(call=call) | events.ToolFinished(call=call):
                self.running.pop(call, None)
            case events.TurnEnded() | events.SessionClosed():
                # A person's command runs beside the turns.
                self.running = {call: running for call, running in self.running.items() if running.tool == PERSON}
        before = self._questions.question
        self._questions.take(record)
        if (question := self._questions.question) is not before:
            self.question = None if question is None else Approval.of(question)
