"""Answers on their way to watchers: how fast to one, how evenly to fifty sessions, how many to a hundred watchers."""

import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelRequest
from tests.benchmarks.appends import MESSAGES
from tests.benchmarks.children import child, free_port, running, token_of, workspace_for
from tests.benchmarks.crowded_server import LAST
from tests.benchmarks.measure import Bench, Effort, Goal, Result, Row, compare, percentile
from tests.benchmarks.raw_server import END
from tests.benchmarks.wire import Address, Wire, new_session, read_all_until

_DONE = b"event: done"
_PROVIDER_END = b"data: [DONE]"
_TOKEN_FRAME_BYTES, _RECORD_FRAME_BYTES = 175, 420
"""About what ours are long."""


async def rows(bench: Bench) -> AsyncIterator[Result]:
    effort = bench.effort
    with child("provider") as provider:
        server = workspace_for(bench.place("streams"), provider_port=provider.port)
        with running(server) as address:
            async for row in _one_watcher(effort, address, provider):
                yield row
            async for row in _paced(effort, address, provider):
                yield row
    async for row in _crowd(bench):
        yield row


# --- one watcher ----------------------------------------------------------------------------------------------------


async def _one_watcher(effort: Effort, address: Address, provider: Address) -> AsyncIterator[Result]:
    words = effort.of(2000, 50)
    ours = partial(_answer, address, words)
    what, goal = f"{words} tokens to one watcher", Goal("ours", "least", 15_000.0)
    row = Row("streams", what, "the provider alone", "/s", goal)
    yield await compare(row, effort.of(7, 1), partial(_provider_alone, provider, words), ours)
    model = LitellmModel(ModelChoice("openai", "gpt-4o", f"http://127.0.0.1:{provider.port}/v1"), MappingProxyType({}))
    row = Row("streams", what, "litellm alone", "/s", note="what the direct adapter saves")
    yield await compare(row, effort.of(7, 1), partial(_litellm_alone, model, words), ours)


async def _answer(address: Address, words: int) -> float:
    session_id = new_session(address)
    with Wire(address) as wire:
        began = time.perf_counter()
        wire.stream("POST", f"/api/v1/sessions/{session_id}/stream", {"content": f"words={words}"})
        wire.read_until(_DONE)
        return words / (time.perf_counter() - began)


def _ask_provider(wire: Wire, order: str) -> None:
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": order}]}
    wire.stream("POST", "/v1/chat/completions", body)


async def _provider_alone(provider: Address, words: int) -> float:
    with Wire(Address(provider.port, "none")) as wire:
        began = time.perf_counter()
        _ask_provider(wire, f"words={words}")
        wire.read_until(_PROVIDER_END)
        return words / (time.perf_counter() - began)


async def _litellm_alone(model: LitellmModel, words: int) -> float:
    asked = ChatMessage(role="user", content=f"words={words}")
    began = time.perf_counter()
    async for _ in model.stream(ModelRequest(messages=(asked,))):
        pass
    return words / (time.perf_counter() - began)


# --- many sessions at a human pace ----------------------------------------------------------------------------------


async def _paced(effort: Effort, address: Address, provider: Address) -> AsyncIterator[Result]:
    for sessions, percent, limit in ((50, 95, 2.2), (400, 50, 3.0)):
        yield _paced_row(effort, address, provider, (sessions, percent, limit))


def _paced_row(effort: Effort, address: Address, provider: Address, wanted: tuple[int, int, float]) -> Result:
    """`wanted`: how many sessions, which percentile of their ends, and the seconds that it may take."""
    sessions, words, pace = effort.of(wanted[0], 3), effort.of(100, 10), 0.02
    order = f"words={words} pace={pace}"

    def provider_alone() -> list[float]:
        bare = Address(provider.port, "none")
        with ExitStack() as stack:
            wires = [stack.enter_context(Wire(bare)) for _ in range(sessions)]
            began = time.perf_counter()
            for wire in wires:
                _ask_provider(wire, order)
            return [end - began for end in read_all_until(wires, _PROVIDER_END)]

    def through_us() -> list[float]:
        with ExitStack() as stack:
            wires = [stack.enter_context(Wire(address)) for _ in range(sessions)]
            paths = [f"/api/v1/sessions/{new_session(address)}/stream" for _ in wires]
            began = time.perf_counter()
            for wire, path in zip(wires, paths, strict=True):
                wire.stream("POST", path, {"content": order})
            return [end - began for end in read_all_until(wires, _DONE)]

    rounds = effort.of(3, 1)
    ends = [(provider_alone(), through_us()) for _ in range(rounds + 1)][1:]
    percent, goal, note = wanted[1], Goal("ours", "most", wanted[2]), f"ideal {words * pace:g} s"
    what = f"{sessions} sessions, {words} tokens every {pace * 1000:g} ms, p{percent}"
    row = Row("streams", what, "the provider alone", "s", goal, note)
    baseline, ours = zip(*((percentile(alone, percent), percentile(us, percent)) for alone, us in ends), strict=True)
    return Result(row, baseline, ours)


# --- many watchers --------------------------------------------------------------------------------------------------


async def _crowd(bench: Bench) -> AsyncIterator[Result]:
    effort = bench.effort
    watchers, words, records = effort.of(100, 5), effort.of(2000, 20), effort.of(MESSAGES, 5)
    workspace = workspace_for(bench.place("crowd")).workspace
    with child("raw_server") as raw, child("crowded_server", str(workspace), str(free_port())) as bare:
        address = Address(bare.port, token_of(workspace))
        goal, rounds = Goal("ratio", "least", 0.5), effort.of(5, 1)
        what, note = f"tokens of one answer to {watchers} watchers", "tokens that came; neighbours may come together"
        row = Row("streams", what, "raw sockets", "/s", goal, note)
        baseline = partial(_broadcast, raw, watchers, words, _TOKEN_FRAME_BYTES)
        yield await compare(row, rounds, baseline, partial(_tokens, address, watchers, words))
        what, note = f"records to {watchers} watchers", "each one is durable before it is told"
        row = Row("streams", what, "raw sockets", "/s", Goal("ratio", "least", 0.3), note)
        baseline = partial(_broadcast, raw, watchers, records, _RECORD_FRAME_BYTES)
        yield await compare(row, rounds, baseline, partial(_records, address, watchers, records))


async def _broadcast(raw: Address, watchers: int, count: int, size: int) -> float:
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(raw)) for _ in range(watchers)]
        for wire in wires:
            wire.send(b"watch")
            wire.read_until(b"watching\n")
        producer = stack.enter_context(Wire(raw))
        began = time.perf_counter()
        producer.send(b"tell %d %d" % (count, size))
        read_all_until(wires, END)
        return watchers * count / (time.perf_counter() - began)


async def _tokens(address: Address, watchers: int, words: int) -> float:
    session_id = new_session(address)
    return _seen_by_all(address, session_id, session_id, f"words={words}", b"event: turn_ended", watchers * words)


async def _records(address: Address, watchers: int, count: int) -> float:
    watched, producer = new_session(address), new_session(address)
    with Wire(address) as wire:
        # Its turn goes on for ever, so that messages wait and nothing else is written.
        wire.post(f"/api/v1/sessions/{watched}/messages", {"content": "hold"}, later=True)
    order = f"post={count} to={watched}"
    return _seen_by_all(address, watched, producer, order, LAST.encode(), watchers * count)


def _seen_by_all(address: Address, watched: str, producer: str, order: str, mark: bytes, deliveries: int) -> float:
    watchers = deliveries // int(order.partition("=")[2].split()[0])
    with ExitStack() as stack:
        wires = [stack.enter_context(Wire(address)) for _ in range(watchers)]
        for wire in wires:
            wire.stream("GET", f"/api/v1/sessions/{watched}/events?tail=0")
            wire.read_until(b"event: caught_up")
        starter = stack.enter_context(Wire(address))
        began = time.perf_counter()
        starter.post(f"/api/v1/sessions/{producer}/messages", {"content": order}, later=True)
        read_all_until(wires, mark)
        return deliveries / (time.perf_counter() - began)
