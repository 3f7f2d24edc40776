"""A session's log for tests of what the model sees: written event by event, as a session would."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from duragent.agent.load import Agent
from duragent.agent.spec import AgentSpec, ContextSpec, Metadata, ModelSpec, SessionSpec
from duragent.context.build import WindowUse, build, frame_of
from duragent.journal.events import (
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.models.messages import ChatMessage, ModelRequest, ToolSchema

NOW = datetime(2026, 11, 20, 23, 58, tzinfo=UTC)
READ_OUTPUT = ToolSchema(name="read_output", description="Read more.", parameters={"type": "object"})


def agent_with(window: int = 100_000, system_prompt: str = "You are {{agent.name}}.", /, **context: int | str) -> Agent:
    """An agent without files; `context` are fields of `spec.session.context`."""
    model = ModelSpec(provider="demo", name="demo", max_input_tokens=window)
    session = SessionSpec(context=ContextSpec.model_validate(context))
    spec = AgentSpec(model=model, session=session)
    return Agent("ada", Path("/agents/ada"), Metadata(name="ada"), spec, "Kind.", system_prompt, "", "f" * 16)


@dataclass
class Log:
    """Records in the order in which they were written; `clock` is the next one's time."""

    records: list[Record] = field(default_factory=list)
    clock: datetime = NOW
    turn: int = 0
    step: int = 0

    def add(self, event: Event) -> Record:
        ts = self.clock.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.records.append(Record(len(self.records) + 1, ts, event))
        return self.records[-1]

    def later(self, **span: float) -> None:
        self.clock += timedelta(**span)

    def say(self, text: str) -> Record:
        return self.add(MessageReceived(message_id=f"m{len(self.records)}", text=text))

    def start(self, text: str) -> None:
        """A message, and the turn that it begins."""
        trigger = self.say(text).seq
        self.turn, self.step = self.turn + 1, 0
        self.add(TurnStarted(turn=f"t{self.turn}", trigger=trigger))

    def ask(self) -> None:
        self.step += 1
        self.add(
            ModelCalled(
                turn=f"t{self.turn}", step=self.step, attempt=1, epoch=1, model="m", input_seq=len(self.records)
            )
        )

    def reply(self, text: str = "", calls: Iterable[Call] = ()) -> None:
        self.ask()
        self.add(
            ModelReplied(
                message_id=f"r{len(self.records)}", turn=f"t{self.turn}", step=self.step, text=text, calls=tuple(calls)
            )
        )

    def call(self, *results: str, arguments: str = '{"command":"ls"}') -> None:
        """One round: the model calls as many tools as there are results, and gets these."""
        calls = [
            Call(call=f"call_{len(self.records)}_{at}", tool="bash", arguments=arguments) for at in range(len(results))
        ]
        self.reply(calls=calls)
        for call, content in zip(calls, results, strict=True):
            self.add(ToolFinished(turn=f"t{self.turn}", call=call.call, tool="bash", outcome="ok", content=content))

    def end(self, text: str) -> None:
        self.reply(text)
        self.add(TurnEnded(turn=f"t{self.turn}", outcome="completed"))


def request(
    agent: Agent,
    log: Log,
    *,
    newest: int | None = None,
    opening: Iterable[Record] = (),
    tools: Iterable[ToolSchema] = (),
) -> ModelRequest:
    """The request that the session would make now; `newest` records only, when given."""
    around = frame_of(agent, NOW, tools=tuple(tools))
    records = log.records if newest is None else log.records[-newest:]
    from_start = len(records) == len(log.records)
    return build(agent, around, WindowUse(records, from_start, tuple(opening)))


def said(messages: Iterable[ChatMessage]) -> list[tuple[str, str]]:
    """(role, text) of the messages behind the system message."""
    return [(message.role, message.content) for message in messages if message.role != "system"]
