"""What a turn costs beyond the model: against the same stub provider, asked by bare httpx."""

import time
from collections.abc import AsyncIterator, Callable
from functools import partial

import httpx

from tests.benchmarks.children import KEY, child, clock_ms, cpu_ms, running, workspace_for
from tests.benchmarks.logs import LogMaker, write_index
from tests.benchmarks.measure import Bench, Effort, Goal, Result, Row, compare
from tests.benchmarks.wire import Address, Wire, new_session

ORDER = "words=50"
_TOKEN, _DONE = b"event: token", b"event: done"
_LONG_SESSION = 5_000


async def rows(bench: Bench) -> AsyncIterator[Result]:
    with child("provider") as provider:
        server = workspace_for(bench.place("turns"), provider_port=provider.port)
        # An old session: its turns have all that the model's window holds to look at.
        old = LogMaker(server.sessions_dir).write(bench.effort.of(_LONG_SESSION, 50))
        await write_index(server.sessions_dir, [old])
        with running(server) as address:
            async for row in _rows(bench.effort, address, provider, old.session_id):
                yield row


async def _rows(effort: Effort, address: Address, provider: Address, old: str) -> AsyncIterator[Result]:
    async with httpx.AsyncClient(trust_env=False) as http:
        ours, alone, against = Turns(address), partial(_raw, http, provider), "httpx alone"
        rounds = effort.of(31, 2)
        row = Row("turns", "time to the first token", against, "ms", Goal("added", "most", 3.0))
        yield await compare(row, rounds, partial(_raw_first, http, provider), ours.first_token, warm_up=3)
        row = Row("turns", "a whole turn", against, "ms", Goal("added", "most", 5.0))
        yield await compare(row, rounds, alone, ours.turn, warm_up=3)
        what = f"a whole turn behind {effort.of(_LONG_SESSION, 50)} records"
        row = Row("turns", what, against, "ms", note="the provider is sent a full window")
        yield await compare(row, rounds, alone, Turns(address, old).turn)


class Turns:
    """Turns over HTTP, each in a new session, unless one is named."""

    def __init__(self, address: Address, session_id: str = "") -> None:
        self._address, self._session_id = address, session_id

    async def first_token(self) -> float:
        return self._until(_TOKEN)

    async def turn(self) -> float:
        return self._until(_DONE)

    async def cpu_of_first_token(self) -> float:
        """Milliseconds of a core that the server takes for it: what else the machine does has hardly a part in it."""
        return self._until(_TOKEN, now_ms=cpu_ms)

    def first_token_of(self, content: str, now_ms: Callable[[int], float] | None = None) -> float:
        """For that message. `now_ms` tells the time of the server with that pid; without it a clock does."""
        return self._until(_TOKEN, content, now_ms or clock_ms)

    def _until(self, mark: bytes, content: str = ORDER, now_ms: Callable[[int], float] = clock_ms) -> float:
        path = f"/api/v1/sessions/{self._session_id or new_session(self._address)}/stream"
        with Wire(self._address) as wire:
            began = now_ms(self._address.pid)
            wire.stream("POST", path, {"content": content})
            wire.read_until(mark)
            milliseconds = now_ms(self._address.pid) - began
            if mark != _DONE:
                wire.read_until(_DONE)
        return milliseconds


async def _raw(http: httpx.AsyncClient, provider: Address) -> float:
    return (await _asked(http, provider))[1]


async def _raw_first(http: httpx.AsyncClient, provider: Address) -> float:
    return (await _asked(http, provider))[0]


async def _asked(http: httpx.AsyncClient, provider: Address) -> tuple[float, float]:
    """Milliseconds to the first token and to the end."""
    body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": ORDER}]}
    url, headers = f"http://127.0.0.1:{provider.port}/v1/chat/completions", {"Authorization": f"Bearer {KEY}"}
    began, first = time.perf_counter(), 0.0
    async with http.stream("POST", url, json=body, headers=headers) as response:
        response.raise_for_status()
        async for chunk in response.aiter_bytes():
            if not first and b"word" in chunk:
                first = (time.perf_counter() - began) * 1000
    return first, (time.perf_counter() - began) * 1000
