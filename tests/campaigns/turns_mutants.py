"""Safeguards of the turn taken out, one at a time, in the running process: the simulator must notice each.

A mutant is a function that breaks the product with `monkeypatch`; its docstring says what is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from duragent.bus import Block
from duragent.errors import DuragentError
from duragent.journal import admit, snapshot
from duragent.journal.events import ModelCalled, ToolLost, ToolResolved, TurnEnded
from duragent.journal.inputs import Decision
from duragent.session import session
from duragent.session.commit_queue import decide_batch
from duragent.session.engine import Engine
from duragent.session.log_writer import LogWriter
from duragent.turn.model_call import ModelCaller
from duragent.turn.tool_calls import ToolCalls
from duragent.turn.turn import Turn

Mutant = Callable[[pytest.MonkeyPatch], None]


def effect_before_intent(patch: pytest.MonkeyPatch) -> None:
    """The tool runs before `tool_started` is durable."""
    real = ToolCalls._start

    async def start(self: ToolCalls, calls: Any, step: Any) -> None:
        agent = (await self._agent.at(step.turn, self._host.state.agent)).agent
        for found, _ in calls:
            running = self._execution.running(step.turn, found, agent, step.call.attempt + 1)
            await self._execution._guarded(running)
        await real(self, calls, step)

    patch.setattr(ToolCalls, "_start", start)


def lost_is_run_again(patch: pytest.MonkeyPatch) -> None:
    """A call that may have run is run again, whatever its effect is."""

    async def lose(self: ToolCalls, turn: str, call: Any, found: Any, evidence: str) -> None:
        lost = ToolLost(turn=turn, call=call.call, evidence=evidence)
        await self._host.commit(lambda _: [lost, ToolResolved(call=call.call, resolution="retry", by="nobody")])

    patch.setattr(ToolCalls, "_lose", lose)


def told_before_durable(patch: pytest.MonkeyPatch) -> None:
    """Watchers are told of records before they are stored."""
    real = LogWriter._write_batch

    async def write_batch(self: LogWriter, batch: Any) -> None:
        decide_batch(batch, self.state, self._context)
        records = [record for proposal in batch for record in proposal.records]
        lines = [line.line for proposal in batch for line in proposal.encoded]
        if records:
            self._topic.publish(Block(b"".join(lines), records[0].seq, records[-1].seq))
        await real(self, batch)

    patch.setattr(LogWriter, "_write_batch", write_batch)


def acknowledged_before_durable(patch: pytest.MonkeyPatch) -> None:
    """Whoever posts has the answer before the record is stored."""
    real = LogWriter._write_batch

    async def write_batch(self: LogWriter, batch: Any) -> None:
        decide_batch(batch, self.state, self._context)
        for proposal in batch:
            proposal.accept()
        await real(self, batch)

    patch.setattr(LogWriter, "_write_batch", write_batch)


def key_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """A request counts each time that it comes."""
    patch.setattr(admit, "_remembered", lambda *_: None)


def key_forgets_the_body(patch: pytest.MonkeyPatch) -> None:
    """The same key with another text is answered as the first."""
    patch.setattr(admit, "fingerprint", lambda _: "0" * 16)


def cancel_is_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    """A call that was judged is started although somebody has cancelled meanwhile."""

    def is_open(self: ToolCalls, state: Any, step: Any) -> bool:
        return any(call.call == step.call.call for call in (state.turn.calls if state.turn else ()))

    patch.setattr(ToolCalls, "_is_open", is_open)


def cancelled_turn_ends_as_it_likes(patch: pytest.MonkeyPatch) -> None:
    """The end of a turn is written although somebody has cancelled meanwhile."""

    async def end(self: Turn, step: Any, *, unless_cancelled: bool = False) -> None:
        ended = TurnEnded(turn=step.turn, outcome=step.outcome, code=step.code, reason=step.reason)
        await self._host.commit(lambda state: [ended] if state.turn and state.turn.id == step.turn else [])

    patch.setattr(Turn, "_end", end)


def any_yes_counts(patch: pytest.MonkeyPatch) -> None:
    """A yes counts for what waits, whatever the person saw, and when the time for an answer is over too."""

    async def prepared(stage: Any, ports: Any, posted: Decision) -> Decision:
        return posted.model_copy(update={"arguments_sha256": None, "invocation": None})

    patch.setattr(session, "prepare_decision", prepared)


def seen_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    """What watchers see of an answer is nowhere when the process dies."""

    async def keep(self: ModelCaller, data: bytes, append: bool) -> None:
        return

    patch.setattr(ModelCaller, "_keep", keep)


def late_message_counts_as_seen(patch: pytest.MonkeyPatch) -> None:
    """A message that came when the question was already made counts as one that the model has seen."""
    real = ModelCaller._intent

    def intent(self: ModelCaller, state: Any, asked: Any) -> Sequence[Any]:
        events = real(self, state, asked)
        assert all(isinstance(event, ModelCalled) for event in events)
        return [event.model_copy(update={"input_seq": state.seq}) for event in events]

    patch.setattr(ModelCaller, "_intent", intent)


def question_without_intent(patch: pytest.MonkeyPatch) -> None:
    """The question leaves although `model_called` could not be written."""
    real = ModelCaller._listen

    async def listen(self: ModelCaller, asked: Any) -> None:
        async for _ in asked.model.stream(asked.request):
            break
        await real(self, asked)

    patch.setattr(ModelCaller, "_listen", listen)


def summary_forgets(patch: pytest.MonkeyPatch) -> None:
    """`state.yaml` does not say how often the turn was recovered."""

    def some(state: Any) -> dict[str, Any]:
        facts = asdict(state)
        if facts["turn"]:
            facts["turn"].pop("recoveries")
        return facts

    patch.setattr(snapshot, "asdict", some)


def stop_waits_for_the_model(patch: pytest.MonkeyPatch) -> None:
    """A stop waits until whoever is asked has answered."""

    def halt(self: Engine) -> Any:
        self.stopping = True
        return self._task

    patch.setattr(Engine, "halt", halt)


def two_answers_to_a_question(patch: pytest.MonkeyPatch) -> None:
    """A question that has its answer takes another."""
    real = admit._decision

    def decision(state: Any, posted: Decision) -> Any:
        try:
            return real(state, posted)
        except DuragentError:
            call = next((each for each in (state.turn.calls if state.turn else ()) if each.call == posted.call), None)
            if call is None or call.status != "approved" or posted.decision not in ("allow_once", "deny"):
                raise
            return admit._approval(state.turn.id, call, posted, posted.decision)

    patch.setattr(admit, "_decision", decision)


MUTANTS: tuple[Mutant, ...] = (
    effect_before_intent,
    lost_is_run_again,
    told_before_durable,
    acknowledged_before_durable,
    key_is_ignored,
    key_forgets_the_body,
    cancel_is_not_looked_for,
    cancelled_turn_ends_as_it_likes,
    any_yes_counts,
    seen_is_not_kept,
    late_message_counts_as_seen,
    question_without_intent,
    summary_forgets,
    stop_waits_for_the_model,
    two_answers_to_a_question,
)
