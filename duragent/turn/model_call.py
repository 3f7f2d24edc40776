"""Asking the model: one attempt of a question, from the intent in the log to its end in the log."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from duragent.agent.spec import ModelFields
from duragent.context.budget import answer_tokens
from duragent.context.tokens import request_tokens
from duragent.crashpoint import crashpoint
from duragent.errors import (
    BadModelRequest,
    DuragentError,
    InvalidRequest,
    ModelError,
    ModelTimeout,
    ModelUnavailable,
    StoreError,
)
from duragent.journal.events import (
    Call,
    Event,
    KeptOpaque,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    TokenCounts,
    TurnEnded,
)
from duragent.journal.next_step import AskModel, SettleModel
from duragent.journal.state import SessionState, end_unknown
from duragent.models.base import Model
from duragent.models.costs import listed_price
from duragent.models.facts import looked_up
from duragent.models.messages import ModelReply, ModelUsage
from duragent.text import without_surrogates
from duragent.turn.host import Decide, TurnHost, interrupted_within, keep_blob, let_go, when_there_is_room, why_stop
from duragent.turn.model_choice import with_tags
from duragent.turn.opaque import kept_opaque
from duragent.turn.partial import AttemptKey, Partial, recovered
from duragent.turn.ports import Ports
from duragent.turn.request import Prepared, prepare
from duragent.turn.turn_agent import TurnAgent

MAX_RETRY_AFTER_SECONDS = 300.0
"""A provider that wants a longer pause is not waited for: the turn fails and says so."""

_TIMER_STEP = 0.01
"""The timer of a silent model begins again after this part of its time, and so ends as much too early at most."""

_BREATH_SECONDS = 0.001
"""After so long without a pause the others on the loop have their turn."""

_FIRST_SECONDS = 0.05
"""How long the reading of an answer waits until its first words are with the watchers."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One attempt at a question, ready to be sent."""

    step: AskModel
    prepared: Prepared
    """What is sent."""
    model: Model
    """Who answers."""
    reserved: "_Reserved"
    """What it may use."""


@dataclass(frozen=True, slots=True)
class _Reserved:
    """What an attempt is estimated to use at most."""

    input_tokens: int
    output_tokens: int
    usd: float | None
    """None when the price is not known."""


class _Interrupted(Exception):
    """The question must stop."""


class ModelCaller:
    """Asks the model for one session."""

    def __init__(self, host: TurnHost, ports: Ports, turn_agent: TurnAgent, then: Decide) -> None:
        """`then` names the end of the turn, where an answer was its last; it is written with the answer."""
        self._host, self._ports, self._agent, self._then = host, ports, turn_agent, then

    async def ask(self, step: AskModel) -> None:
        if not await self._wait_until(step):
            return
        try:
            asked = await self._prepare(step)
        except StoreError:
            # The log cannot be read now, which is no fault of the question.
            raise
        except DuragentError as error:
            # No such agent, no key, no such provider: the model cannot even be asked.
            failed = TurnEnded(turn=step.turn, outcome="failed", code=error.code, reason=str(error))
            await self._host.commit(lambda state: [failed] if state.turn and state.turn.id == step.turn else [])
            return
        called = await self._host.commit(lambda state: self._intent(state, asked))
        if called:
            crashpoint("model.called")
            await self._listen(asked)

    async def _wait_until(self, step: AskModel) -> bool:
        """Wait for the moment to ask again; False when something else came up."""
        if step.not_before is not None:
            seconds = (step.not_before - self._ports.clock.now()).total_seconds()
            if seconds > 0:
                return not await interrupted_within(self._host, self._ports.clock.sleep(seconds))
        return not self._host.interrupt.is_set()

    async def _prepare(self, step: AskModel) -> _Asked:
        loaded = await self._agent.at(step.turn, self._host.state.agent)
        host, ports, offered = self._host, self._ports, self._agent.offered
        now, memories = ports.clock.now(), ports.memories
        prepared = await prepare(host, loaded, now, offered=offered, memories=memories, known=host.talk)
        self._agent.offered = prepared.frame.tools
        model = with_tags(self._ports.model_for(prepared.model), prepared.agent, prepared.model)
        return _Asked(step, prepared, model, await _reserve(prepared))

    def _intent(self, state: SessionState, asked: _Asked) -> Sequence[Event]:
        """The question with all that is new about what it shows, in one write: a crash leaves all of it or nothing."""
        step, prepared = asked.step, asked.prepared
        if state.turn is None or state.turn.id != step.turn or why_stop(state, self._host.stopping):
            return []
        frame, recalled = prepared.prompt_set, prepared.recalled
        return [
            *([frame] if frame.frame_sha256 != state.viewport.frame_sha256 else []),
            *([recalled] if recalled else []),
            ModelCalled(
                turn=step.turn,
                step=step.step,
                attempt=step.attempt,
                epoch=state.epoch,
                model=asked.model.label,
                input_seq=prepared.input_seq,
                request_sha256=prepared.sha256,
                estimated_tokens=asked.reserved.input_tokens,
                reserved_tokens=asked.reserved.input_tokens + asked.reserved.output_tokens,
                reserved_usd=asked.reserved.usd,
                window_tokens=prepared.frame.window_tokens,
                frame_sha256=frame.frame_sha256,
                first_seq=prepared.first_seq,
                cut_seq=prepared.cut_seq,
            ),
        ]

    async def _listen(self, asked: _Asked) -> None:
        """Hear the answer out, and record how it ended."""
        step = asked.step
        partial = Partial(AttemptKey(step.turn, step.step, step.attempt), self._keep, self._host.publish)
        self._host.begin_output(partial)
        try:
            reply = await self._hear(asked, partial)
            replied = self._replied(step, reply)
            crashpoint("model.heard")
            await self._keep_reply(replied.model_copy(update={"opaque": await self._kept(reply)}))
        except _Interrupted:
            await self._host.commit(lambda state: [self._stopped(state, step, partial)], then=self._then)
        except ModelError as error:
            failure = error
            await self._host.commit(lambda state: [self._failed(state, step, partial, failure)], then=self._then)
        finally:
            self._host.end_output(partial)

    async def _keep_reply(self, replied: ModelReplied) -> None:
        """Record the answer. It is paid for: when there is no room it waits, rather than being asked for again."""
        try:
            await when_there_is_room(
                self._host, self._ports.clock, lambda: self._host.commit(lambda _: [replied], then=self._then)
            )
        except InvalidRequest as error:
            raise BadModelRequest(f"the model's answer is not usable: {error}") from error

    async def _kept(self, reply: ModelReply) -> KeptOpaque | None:
        """What the provider wants back with it, in the form of the log; durable where it is a blob."""
        host, ports = self._host, self._ports
        return await kept_opaque(reply.opaque, lambda data: keep_blob(host, ports.store, ports.clock, data))

    async def _keep(self, data: bytes, append: bool) -> None:
        await self._ports.store.put_partial(self._host.claim, data, append=append)

    async def _hear(self, asked: _Asked, partial: Partial) -> ModelReply:
        """The whole reply. Raises _Interrupted, ModelError."""
        hearing = asyncio.ensure_future(self._read(asked, partial))
        interrupted = asyncio.ensure_future(self._host.interrupt.wait())
        seconds = asked.prepared.agent.spec.session.llm_timeout_seconds
        try:
            await asyncio.wait((hearing, interrupted), timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                return reply_of(hearing, asked.model.label)
            if interrupted.done():
                raise _Interrupted
            raise ModelTimeout(f"the model gave no whole answer within {seconds:g} s")
        finally:
            interrupted.cancel()
            await let_go(hearing, f"the model {asked.model.label}", self._ports.cancel_seconds)
            await partial.finish()

    async def _read(self, asked: _Asked, partial: Partial) -> ModelReply:
        silence, now = self._ports.idle_timeout_seconds, asyncio.get_running_loop().time
        begun = moved = breathed = now()
        async with aclosing(asked.model.stream(asked.prepared.request)) as stream:
            try:
                # Not `wait_for`: in Python 3.11 it forgets that it was cancelled when a piece comes at that moment.
                async with asyncio.timeout(silence) as limit:
                    async for item in stream:
                        if isinstance(item, ModelReply):
                            return item
                        partial.add(item.text, item.reasoning)
                        # For each piece a timer would cost as much as the piece.
                        if (heard := now()) - moved > silence * _TIMER_STEP:
                            limit.reschedule(heard + silence)
                            moved = heard
                        if breathed == begun:
                            # The first words are waited for by a person; a hundred more may have come with them.
                            await partial.published(_FIRST_SECONDS)
                            breathed = now()
                        elif heard - breathed > _BREATH_SECONDS:
                            # A model that never waits must not keep the loop for itself.
                            await asyncio.sleep(0)
                            breathed = now()
            except TimeoutError:
                raise ModelTimeout(f"the model was silent for {silence:g} s") from None
        raise ModelUnavailable("the answer ended before it was whole")

    # --- how it ended -----------------------------------------------------------------------------------------------

    def _replied(self, step: AskModel, reply: ModelReply) -> ModelReplied:
        clock = self._ports.clock
        calls = tuple(
            Call(call=clock.new_id("call"), tool=each.name, arguments=each.arguments, quiet=each.id in reply.quiet)
            for each in reply.calls
        )
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
            usage=counts_of(reply.usage),
            cost_usd=reply.cost_usd,
        )

    def _failed(self, state: SessionState, step: AskModel, partial: Partial, error: ModelError) -> ModelFailed:
        after = getattr(error, "retry_after_seconds", None)
        failures = state.turn.failures if state.turn else 0
        retry = (
            error.retryable
            and failures + 1 < self._ports.settings.model_attempts
            and (after or 0) <= MAX_RETRY_AFTER_SECONDS
        )
        failed = self._not_replied(step, error.code, partial.text, partial.reasoning)
        return _with_possible(state, failed).model_copy(
            update={"message": without_surrogates(str(error)), "retry": retry, "retry_after_seconds": after}
        )

    def _stopped(self, state: SessionState, step: AskModel, partial: Partial) -> ModelFailed:
        why = why_stop(state, self._host.stopping) or "interrupted"
        failed = self._not_replied(step, why, partial.text, partial.reasoning)
        return _with_possible(state, failed).model_copy(update={"retry": why != "cancelled"})

    async def settle(self, step: SettleModel) -> None:
        kept = await self._ports.store.get_partial(self._host.claim)
        text, reasoning = recovered(kept, AttemptKey(step.turn, step.step, step.attempt))
        failed = self._not_replied(step, "interrupted", text, reasoning)

        def decide(state: SessionState) -> Sequence[Event]:
            cancelled = state.closed or (state.turn is not None and state.turn.cancelled)
            ended = failed.model_copy(update={"error": "cancelled"} if cancelled else {"retry": True})
            return [_with_possible(state, ended)]

        await self._host.commit(decide)

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


def reply_of(hearing: "asyncio.Future[ModelReply]", label: str) -> ModelReply:
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


def counts_of(used: ModelUsage) -> TokenCounts:
    """What was used, as the log keeps it."""
    return TokenCounts(
        input=used.input_tokens,
        output=used.output_tokens,
        cached_input=used.cached_input_tokens,
        reasoning=used.reasoning_tokens,
    )


async def price_of(chosen: ModelFields, asked: int, answer: int) -> float | None:
    """What so many tokens cost in US dollars; None when the price is not known."""
    if chosen.provider == "demo":
        return None
    price = partial(listed_price, chosen.provider, chosen.name, asked, answer)
    return await looked_up(("price", chosen.provider, chosen.name), price)


async def _reserve(prepared: Prepared) -> _Reserved:
    """What the request may use: our count of it, and an answer as long as is reckoned with."""
    chosen = prepared.agent.spec.model
    asked, answer = request_tokens(prepared.request), answer_tokens(chosen, prepared.frame.window_tokens)
    return _Reserved(asked, answer, await price_of(chosen, asked, answer))


def _with_possible(state: SessionState, failed: ModelFailed) -> ModelFailed:
    """With what the attempt may have used, if the provider may have gone on with it."""
    asking = state.turn.asking if state.turn else None
    if asking is None or not end_unknown(failed):
        return failed
    return failed.model_copy(update=asking.possible)
