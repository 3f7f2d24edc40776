"""What the tools of a session are doing, and what a person is asked, folded from what `watch` gives. Pure."""

from dataclasses import dataclass, field

from duragent.client.watch import Item, Reset
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Approval, Delta, Finding

KEPT_CHARS = 16 << 10
"""Of the output of a running call: its end."""


@dataclass
class RunningCall:
    """A call that was started. `output` is the end of what it has printed so far."""

    call: str
    tool: str
    invocation: str
    attempt: int = 1
    output: str = ""
    _start: int = 0

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


@dataclass
class Activity:
    """`running` by call. `question` is what waits for a decision; None when nothing does."""

    session_id: str = ""
    agent: str = ""
    running: dict[str, RunningCall] = field(default_factory=dict)
    question: Approval | None = None
    _calls: dict[str, events.Call] = field(default_factory=dict)

    def take(self, item: Item) -> None:
        match item:
            case Delta(kind="output", call=call) if call in self.running:
                self.running[call].grow(item)
            case Record():
                self._happened(item)
            case Reset():
                self._clear()
            case _:
                pass

    def call(self, call_id: str) -> events.Call | None:
        """The call as the model wrote it, if its reply was seen."""
        return self._calls.get(call_id)

    def _happened(self, record: Record) -> None:
        match record.event:
            case events.ModelReplied(calls=calls) if calls:
                self._calls = {call.call: call for call in calls}
            case events.ToolStarted() as started:
                running = RunningCall(started.call, started.tool, started.invocation, started.attempt)
                self.running[started.call] = running
            case events.ApprovalRequested() as asked:
                self.question = self._approval(asked, record)
            case events.ToolLost() as lost:
                self.running.pop(lost.call, None)
                self.question = self._lost(lost, record) if lost.asks else None
            case events.ApprovalDecided() | events.ToolResolved():
                self.question = None
            case events.ToolFinished(call=call):
                self.running.pop(call, None)
                if self.question and self.question.call_id == call:
                    self.question = None
            case events.TurnEnded() | events.SessionClosed():
                self._clear()

    def _clear(self) -> None:
        self.running, self.question = {}, None

    def _approval(self, asked: events.ApprovalRequested, record: Record) -> Approval:
        return Approval(
            session_id=self.session_id,
            agent=self.agent,
            title="",
            kind="approval",
            call_id=asked.call,
            tool=asked.tool,
            command=events.command_of(asked.invocation, asked.tool),
            arguments_sha256=asked.arguments_sha256,
            findings=[Finding(text=each.text, reason=each.reason) for each in asked.findings],
            patterns=list(asked.patterns),
            place=asked.place,
            requested_at=record.ts,
            expires_at=asked.expires_at,
            seq=record.seq,
        )

    def _lost(self, lost: events.ToolLost, record: Record) -> Approval:
        call = self._calls.get(lost.call)
        tool = call.tool if call else ""
        return Approval(
            session_id=self.session_id,
            agent=self.agent,
            title="",
            kind="lost",
            call_id=lost.call,
            tool=tool,
            command=events.command_of(lost.invocation, tool),
            arguments_sha256="",
            requested_at=record.ts,
            evidence=lost.evidence,
            seq=record.seq,
        )
