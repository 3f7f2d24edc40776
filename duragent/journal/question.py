"""What a person is asked about a tool call: one value, built from the record that asks. Pure.

`question_in` makes it from a record, `question_of` from a session's state, `QuestionFold` from the records of a watch.
`wire.Approval.of` is the one way from it to the HTTP API. A new field of a question belongs to its event, to
`Question`, to `wire.Approval`, and to the place that shows it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from duragent.journal.events import (
    AllowanceOffer,
    ApprovalDecided,
    ApprovalRequested,
    CancelRequested,
    ModelReplied,
    PolicyFinding,
    SessionClosed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    ToolsSkipped,
    TurnEnded,
    command_of,
)
from duragent.journal.record import Record

if TYPE_CHECKING:
    from duragent.journal.state import OpenCall, SessionState

QuestionKind = Literal["approval", "lost"]
"""`approval`: may the call run? `lost`: it may have run, what is to be done?

To add a kind, such as a form with fields: its name here and in `wire.Approval.kind`, and the case of its event
in `question_in` and in `QuestionFold.take`.
"""


@dataclass(frozen=True, slots=True)
class Asker:
    """What the record that asks does not say: the session, and the call as far as it is known."""

    session_id: str
    """The session that asks."""
    agent: str
    """The name of the agent that wants to make the call."""
    title: str = ""
    """The session's title, else its topic; "" where neither is known."""
    tool: str = ""
    """The tool of a lost call; "" when it is not known."""
    arguments_sha256: str = ""
    """Of a lost call: binds a decision to its arguments; "" when it is not known."""


@dataclass(frozen=True, slots=True)
class Question:
    """One open question to a person.

    No field has a default, so that the type checker names each place that builds one.
    """

    session_id: str
    """The session that asks."""
    agent: str
    """The name of the agent that wants to make the call."""
    title: str
    """The session's title, else its topic; "" where neither is known."""
    kind: QuestionKind
    """May the call run, or what is to be done about one that may have run?"""
    seq: int
    """Of the record that asks."""
    asked_at: str
    """The time of that record."""
    call: str
    """The id of the call."""
    tool: str
    """The name of the tool; "" when only a lost call's id is known."""
    invocation: str
    """The whole call in one line; "" where the record has none."""
    arguments_sha256: str
    """Binds a decision to the tool and its arguments; "" when nothing binds it."""
    findings: tuple[PolicyFinding, ...]
    """What of the call no rule allows; () for a lost call."""
    patterns: tuple[str, ...]
    """What "allow always" would add to the policy; () when it is not offered."""
    offers: tuple[AllowanceOffer, ...]
    """What else may be allowed together with it, from narrow to wide; () for a lost call."""
    preview: str
    """What the call would change in a file, as a unified diff; "" where that is not known."""
    place: str
    """Where the call would run, in words; "" for a lost call."""
    expires_at: str | None
    """After that the call counts as denied; None: never."""
    evidence: str
    """What is known about a lost call, as a sentence; "" for an approval."""

    @property
    def command(self) -> str:
        """What would run, as clients show it and send it back."""
        return command_of(self.invocation, self.tool)


def question_in(record: Record, asker: Asker) -> Question | None:
    """The question that this record asks; None when it asks nothing."""
    match record.event:
        case ApprovalRequested() as requested:
            return Question(
                session_id=asker.session_id,
                agent=asker.agent,
                title=asker.title,
                kind="approval",
                seq=record.seq,
                asked_at=record.ts,
                call=requested.call,
                tool=requested.tool,
                invocation=requested.invocation,
                arguments_sha256=requested.arguments_sha256,
                findings=requested.findings,
                patterns=requested.patterns,
                offers=requested.offers,
                preview=requested.preview,
                place=requested.place,
                expires_at=requested.expires_at,
                evidence="",
            )
        case ToolLost(asks=True) as lost:
            return Question(
                session_id=asker.session_id,
                agent=asker.agent,
                title=asker.title,
                kind="lost",
                seq=record.seq,
                asked_at=record.ts,
                call=lost.call,
                tool=asker.tool,
                invocation=lost.invocation,
                arguments_sha256=asker.arguments_sha256,
                findings=(),
                patterns=(),
                offers=(),
                preview="",
                place="",
                expires_at=None,
                evidence=lost.evidence,
            )
        case _:
            return None


def question_of(state: "SessionState", record: Record | None) -> Question | None:
    """The open question of a session; None when it asks nothing. `record` is the one at `state.asks.asked_seq`."""
    if (call := state.asks) is None:
        return None
    asker = Asker(state.session_id, state.agent, state.title or state.topic, call.tool, call.arguments_sha256)
    question = question_in(record, asker) if record else None
    # The state alone knows which call waits, and nothing about it.
    return question or question_in(Record(call.asked_seq, call.asked_at, _bare(call)), asker)


def _bare(call: "OpenCall") -> ApprovalRequested | ToolLost:
    if call.status == "waiting":
        return ApprovalRequested(turn="", call=call.call, tool=call.tool, arguments_sha256=call.arguments_sha256)
    return ToolLost(turn="", call=call.call, asks=True)


_BEFORE_A_QUESTION: tuple[type, ...] = (ModelReplied, ApprovalRequested, ToolLost, CancelRequested, SessionClosed)
"""The events that count while nothing is asked. A look at the type is much cheaper than the patterns below."""


class QuestionFold:
    """Which question is open, as far as records tell. Agrees with `SessionState.asks` for the same records."""

    def __init__(self, session_id: str = "", agent: str = "") -> None:
        self.session_id, self.agent = session_id, agent
        self.question: Question | None = None
        """The open question; None when the records ask nothing, or answered what they asked."""
        self._tools: dict[str, str] = {}
        """The calls of the newest reply, each with the name of its tool."""
        self._cancelled: str | None = None
        """The turn that was cancelled last, whose calls are no questions; None before a cancel."""
        self._closed = False

    def forget(self) -> None:
        """Begin again, with another log."""
        self.question, self._tools, self._cancelled, self._closed = None, {}, None, False

    def take(self, record: Record) -> None:
        if self.question is None and type(record.event) not in _BEFORE_A_QUESTION:
            return
        match record.event:
            case ModelReplied(calls=calls):
                self._tools = {call.call: call.tool for call in calls}
            case ApprovalRequested() | ToolLost(asks=True) as asking if not self._ends(asking.turn):
                asker = Asker(self.session_id, self.agent, tool=self._tools.get(asking.call, ""))
                self.question = question_in(record, asker)
            case ToolFinished(call=call) | ToolLost(call=call):
                self._settled((call,))
            case ToolsSkipped(calls=skipped):
                self._settled(skipped)
            case CancelRequested(turn=turn):
                self.question, self._cancelled = None, turn
            case SessionClosed():
                self.question, self._closed = None, True
            case ApprovalDecided() | ToolResolved() | TurnEnded():
                self.question = None
            case _:
                pass

    def _ends(self, turn: str) -> bool:
        """Whether the turn only settles its calls before it ends: a call of it may still be found lost."""
        return self._closed or turn == self._cancelled

    def _settled(self, calls: tuple[str, ...]) -> None:
        if self.question is not None and self.question.call in calls:
            self.question = None
