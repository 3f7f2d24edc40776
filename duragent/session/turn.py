"""Doing the one thing that `next_step` named. The only file that calls models and tools.

Each intent is durable before its effect, each result before anybody is told. Whatever ends a question to the model, its
end is in the log: a reply, or a failure with what watchers had seen.
"""

import asyncio
import hashlib
import json
import logging
import math
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, assert_never

from duragent.agent.load import Agent
from duragent.bus import Delta
from duragent.context.build import build, frame
from duragent.context.transcript import NO_RESULT
from duragent.errors import (
    BadModelRequest,
    DuragentError,
    InvalidRequest,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    StoreError,
    StoreFull,
)
from duragent.journal.events import (
    Call,
    Event,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    Tokens,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.base import Model, ModelChoice
from duragent.models.messages import ModelReply, ModelRequest
from duragent.session.partial import Partial, Question, recovered
from duragent.session.ports import Ports
from duragent.session.steps import (
    AskModel,
    EndTurn,
    Limits,
    RunTool,
    SettleCall,
    SettleModel,
    StartTurn,
    Step,
)
from duragent.stores.base import Claim
from duragent.text import without_surrogates

FULL_STORE_PAUSE_SECONDS = 5.0
"""How long a turn waits when there was no room, before it tries again."""

MAX_RETRY_AFTER_SECONDS = 300.0
"""A provider that wants a longer pause is not waited for: the turn fails and says so."""

_log = logging.getLogger(__name__)

Decide = Callable[[SessionState], Sequence[Event]]


class Stage(Protocol):
    """What a turn needs of its session."""

    @property
    def state(self) -> SessionState: ...
    @property
    def claim(self) -> Claim: ...
    @property
    def interrupt(self) -> asyncio.Event:
        """Set when the question under way must stop; `why_stop` says why."""
        ...

    @property
    def stopping(self) -> bool: ...

    async def commit(self, decide: Decide) -> list[Record]: ...

    async def newest(self, budget_tokens: int) -> tuple[list[Record], bool]:
        """The newest records, at least `budget_tokens` of them, oldest first, and whether there are no older ones."""
        ...

    def show(self, partial: Partial | None) -> None:
        """This is what a watcher that comes now must be told first."""
        ...

    def tell(self, delta: Delta) -> None: ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way: the step, who speaks, what they ask."""

    step: AskModel
    agent: Agent
    model: Model
    request: ModelRequest
    input_seq: int


class _Interrupted(Exception):
    """The question must stop."""


class Turn:
    """Performs the steps of one session's turns."""

    def __init__(self, stage: Stage, ports: Ports) -> None:
        self._stage, self._ports = stage, ports
        self._agent: tuple[str, Agent] | None = None

    @property
    def limits(self) -> Limits:
        settings = self._ports.settings
        limits = Limits(settings.model_attempts, settings.retry_base_seconds)
        if self._agent is None:
            return limits
        return replace(limits, steps=max(self._agent[1].spec.session.max_tool_iterations, 1))

    async def perform(self, step: Step) -> None:
        """Do it. A fault that nobody thought of ends the turn, which would otherwise stay open for ever."""
        try:
            await self._perform(step)
        except StoreError:
            raise
        except Exception as error:
            turn = self._stage.state.turn
            if turn is None:
                raise
            _log.exception("%s failed in an unexpected way", step)
            reason = without_surrogates(f"unexpected {type(error).__name__}: {error}")
            await self._end(EndTurn(turn.id, "failed", "internal-error", reason))

    async def _perform(self, step: Step) -> None:
        match step:
            case StartTurn():
                await self._start(step)
            case AskModel():
                await self._ask(step)
            case SettleModel():
                await self._settle_model(step)
            case RunTool():
                content = f"tool not found: {step.call.tool}"
                await self._finish_call(SettleCall(step.turn, step.call, "error", content))
            case SettleCall():
                await self._finish_call(step)
            case EndTurn():
                await self._end(step)
            case _:
                assert_never(step)

    # --- begin and end ----------------------------------------------------------------------------------------------

    async def _start(self, step: StartTurn) -> None:
        turn = self._ports.clock.new_id("turn")
        try:
            agent = self._ports.agents.get(self._stage.state.agent)
        except DuragentError as error:
            failed = TurnEnded(turn=turn, outcome="failed", code=error.code, reason=str(error))
            await self._stage.commit(lambda _: [TurnStarted(turn=turn, trigger=step.trigger), failed])
            return
        self._agent = (turn, agent)
        started = TurnStarted(turn=turn, trigger=step.trigger, agent_fingerprint=agent.fingerprint)
        await self._stage.commit(lambda state: [] if state.paused or state.closed else [started])

    async def _end(self, step: EndTurn) -> None:
        ended = TurnEnded(turn=step.turn, outcome=step.outcome, code=step.code, reason=step.reason)
        await self._stage.commit(lambda state: [ended] if state.turn and state.turn.id == step.turn else [])

    async def _finish_call(self, step: SettleCall) -> None:
        call = step.call
        content = step.content or NO_RESULT
        finished = ToolFinished(turn=step.turn, call=call.call, tool=call.tool, outcome=step.outcome, content=content)
        await self._stage.commit(lambda _: [finished])

    def _speaker(self, turn: str) -> Agent:
        """The agent as it was when the turn began; after a restart, as it is now. Raises AgentNotFound, AgentBroken."""
        if self._agent is None or self._agent[0] != turn:
            self._agent = (turn, self._ports.agents.get(self._stage.state.agent))
        return self._agent[1]

    # --- the model --------------------------------------------------------------------------------------------------

    async def _ask(self, step: AskModel) -> None:
        if not await self._wait_until(step):
            return
        try:
            asked = await self._prepare(step)
        except DuragentError as error:
            # No such agent, no key, no such provider: the model cannot even be asked.
            await self._end(EndTurn(step.turn, "failed", error.code, str(error)))
            return
        called = await self._stage.commit(lambda state: self._intent(state, asked))
        if called:
            await self._listen(asked)

    async def _wait_until(self, step: AskModel) -> bool:
        """Wait for the moment to ask again; False when something else came up."""
        if step.not_before is not None:
            seconds = (step.not_before - self._ports.clock.now()).total_seconds()
            if seconds > 0:
                return not await self._interrupted_within(self._ports.clock.sleep(seconds))
        return not self._stage.interrupt.is_set()

    async def _interrupted_within(self, sleep: Coroutine[Any, Any, None]) -> bool:
        sleeping = asyncio.ensure_future(sleep)
        interrupted = asyncio.ensure_future(self._stage.interrupt.wait())
        try:
            await asyncio.wait((sleeping, interrupted), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            interrupted.cancel()
        return self._stage.interrupt.is_set()

    async def _prepare(self, step: AskModel) -> _Asked:
        agent = self._speaker(step.turn)
        around = frame(agent, self._ports.clock.now())
        input_seq = self._stage.state.seq
        records, from_start = await self._stage.newest(around.budget_tokens)
        request = build(agent, around, records, from_start=from_start)
        wanted = agent.spec.model
        model = self._ports.model_for(ModelChoice(wanted.provider, wanted.name, wanted.base_url))
        return _Asked(step, agent, model, request, max(input_seq, records[-1].seq if records else 0))

    def _intent(self, state: SessionState, asked: _Asked) -> Sequence[Event]:
        step = asked.step
        if state.turn is None or state.turn.id != step.turn or why_stop(state, self._stage.stopping):
            return []
        return [
            ModelCalled(
                turn=step.turn,
                step=step.step,
                attempt=step.attempt,
                epoch=state.epoch,
                model=asked.model.label,
                input_seq=asked.input_seq,
                request_sha256=_sha256(asked.request),
            )
        ]

    async def _listen(self, asked: _Asked) -> None:
        """Hear the answer out, and record how it ended."""
        step = asked.step
        partial = Partial(Question(step.turn, step.step, step.attempt), self._keep, self._stage.tell)
        self._stage.show(partial)
        try:
            replied = self._replied(step, await self._hear(asked, partial))
            await self._keep_reply(replied)
        except _Interrupted:
            await self._stage.commit(lambda state: [self._stopped(state, step, partial)])
        except ModelError as error:
            failure = error
            await self._stage.commit(lambda state: [self._failed(state, step, partial, failure)])
        finally:
            self._stage.show(None)

    async def _keep_reply(self, replied: ModelReplied) -> None:
        """Record the answer. It is paid for: when there is no room it waits, rather than being asked for again."""
        while True:
            try:
                await self._stage.commit(lambda _: [replied])
            except InvalidRequest as error:
                raise BadModelRequest(f"the model's answer is not usable: {error}") from error
            except StoreFull:
                if await self._interrupted_within(self._ports.clock.sleep(FULL_STORE_PAUSE_SECONDS)):
                    raise
            else:
                return

    async def _keep(self, data: bytes, append: bool) -> None:
        await self._ports.store.put_partial(self._stage.claim, data, append=append)

    async def _hear(self, asked: _Asked, partial: Partial) -> ModelReply:
        """The whole reply. Raises _Interrupted, ModelError."""
        hearing = asyncio.ensure_future(self._read(asked, partial))
        interrupted = asyncio.ensure_future(self._stage.interrupt.wait())
        seconds = asked.agent.spec.session.llm_timeout_seconds
        try:
            await asyncio.wait((hearing, interrupted), timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                return _reply_of(hearing, asked.model.label)
            if interrupted.done():
                raise _Interrupted
            raise ModelTimeout(f"the model gave no whole answer within {seconds:g} s")
        finally:
            interrupted.cancel()
            hearing.cancel()
            await asyncio.wait((hearing,))
            await partial.finish()

    async def _read(self, asked: _Asked, partial: Partial) -> ModelReply:
        silence = self._ports.idle_timeout_seconds
        async with aclosing(asked.model.stream(asked.request)) as stream:
            while True:
                try:
                    item = await asyncio.wait_for(anext(stream), silence)
                except TimeoutError:
                    raise ModelTimeout(f"the model was silent for {silence:g} s") from None
                except StopAsyncIteration:
                    raise ModelUnavailable("the answer ended before it was whole") from None
                if isinstance(item, ModelReply):
                    return item
                partial.add(item.text, item.reasoning)

    # --- how it ended -----------------------------------------------------------------------------------------------

    def _replied(self, step: AskModel, reply: ModelReply) -> ModelReplied:
        clock = self._ports.clock
        calls = tuple(Call(call=clock.new_id("call"), tool=call.name, arguments=call.arguments) for call in reply.calls)
        used = reply.usage
        return ModelReplied(
            message_id=clock.new_id("msg"),
            turn=step.turn,
            step=step.step,
            attempt=step.attempt,
            model=reply.model,
            text=reply.text,
            reasoning=reply.reasoning,
            calls=calls,
            finish_reason=reply.finish_reason,
            usage=Tokens(
                input=used.input_tokens,
                output=used.output_tokens,
                cached_input=used.cached_input_tokens,
                reasoning=used.reasoning_tokens,
            ),
            cost_usd=reply.cost_usd if math.isfinite(reply.cost_usd or 0) else None,
        )

    def _failed(self, state: SessionState, step: AskModel, partial: Partial, error: ModelError) -> ModelFailed:
        after = getattr(error, "retry_after_seconds", None)
        failures = state.turn.failures if state.turn else 0
        retry = error.retryable and failures + 1 < self.limits.attempts and (after or 0) <= MAX_RETRY_AFTER_SECONDS
        failed = self._not_replied(step, error.code, partial.text, partial.reasoning)
        return failed.model_copy(
            update={"message": without_surrogates(str(error)), "retry": retry, "retry_after_seconds": after}
        )

    def _stopped(self, state: SessionState, step: AskModel, partial: Partial) -> ModelFailed:
        why = why_stop(state, self._stage.stopping) or "interrupted"
        failed = self._not_replied(step, why, partial.text, partial.reasoning)
        return failed.model_copy(update={"retry": why != "cancelled"})

    async def _settle_model(self, step: SettleModel) -> None:
        kept = await self._ports.store.get_partial(self._stage.claim)
        text, reasoning = recovered(kept, Question(step.turn, step.step, step.attempt))
        failed = self._not_replied(step, "interrupted", text, reasoning)

        def decide(state: SessionState) -> Sequence[Event]:
            cancelled = state.closed or (state.turn is not None and state.turn.cancelled)
            return [failed.model_copy(update={"error": "cancelled"} if cancelled else {"retry": True})]

        await self._stage.commit(decide)

    def _not_replied(self, step: AskModel | SettleModel, error: str, text: str, reasoning: str) -> ModelFailed:
        return ModelFailed(
            turn=step.turn,
            step=step.step,
            attempt=step.attempt,
            error=error,
            message_id=self._ports.clock.new_id("msg") if text else None,
            partial_text=text,
            partial_reasoning=reasoning,
        )


def _reply_of(hearing: "asyncio.Future[ModelReply]", label: str) -> ModelReply:
    """What was heard. A model is foreign code: whatever else it raises is one more way to give no answer."""
    if hearing.cancelled():
        raise ModelUnavailable(f"the model {label} gave up in the middle of its answer")
    try:
        return hearing.result()
    except ModelError:
        raise
    except Exception as error:
        _log.exception("the model %s failed in an unexpected way", label)
        raise ModelError(f"unexpected {type(error).__name__}: {error}") from error


def why_stop(state: SessionState, stopping: bool) -> str | None:
    """Why a question to the model must not go on, as `ModelFailed.error` names it; None: it may."""
    if state.closed or (state.turn is not None and state.turn.cancelled):
        return "cancelled"
    if state.paused:
        return "paused"
    return "shutdown" if stopping else None


def _sha256(request: ModelRequest) -> str:
    return hashlib.sha256(json.dumps(request.model_dump(), sort_keys=True).encode()).hexdigest()
