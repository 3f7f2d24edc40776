"""An LLM provider of our own: a real HTTP server on 127.0.0.1 that speaks as OpenAI, Anthropic and Ollama do.

    with StubLlm() as stub:
        stub.script("hello", Failure(429, headers={"retry-after": "7"}), Answer("slow", chunk_delay_seconds=0.1))
        ...                         # point `base_url` at stub.openai_url, .anthropic_url or .ollama_url
        stub.requests[0].body       # what was asked, parsed

Each request takes the next behaviour of the script; when that is over, `stub.answer(request)` decides, which says
"You said: …". A request that the real provider would refuse is refused here too, with the provider's sentence, and
takes nothing from the script; `check=False` switches that off.

By hand: `python -m duragent.testing.stub_llm --port 8089`.
"""

import argparse
import asyncio
import contextlib
import json
import re
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from duragent.models.messages import ToolCall
from duragent.testing.provider_protocols import ProviderProtocol, protocol_at
from duragent.testing.provider_wire import Chunk, ProviderAnswer, openai_error
from duragent.testing.stub_vectors import VectorAnswer, answer_with_vectors, speaks_vectors, wrong_with

__all__ = ["Behaviour", "Failure", "ProviderAnswer", "Silence", "StubLlm", "StubRequest", "VectorAnswer", "say_back"]

_STOP_SECONDS = 10.0
_TIME_NOTE = re.compile(r"\A\[now: [^\]\n]*\]\n\n")


@dataclass(frozen=True)
class Failure:
    """An answer that is an error status."""

    status: int
    """The HTTP status."""
    message: str = "the stub was told to fail"
    """The sentence in the error object."""
    headers: dict[str, str] = field(default_factory=dict)
    """More headers of the answer, such as `retry-after`."""
    body: bytes | None = None
    """The whole body; None for the provider's usual error object with `message`."""
    delay_seconds: float = 0.0
    """How long to wait before the answer."""


@dataclass(frozen=True)
class Silence:
    """No answer at all, not even a status, until `StubLlm.release` or until the caller goes away."""


Behaviour = ProviderAnswer | Failure | Silence


@dataclass(frozen=True)
class StubRequest:
    """One request as it came in. Header names are lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    _gone: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    @property
    def protocol(self) -> ProviderProtocol:
        """In which it was asked."""
        found = protocol_at(self.path)
        assert found is not None
        return found

    @property
    def is_anthropic(self) -> bool:
        return self.protocol.name == "anthropic"

    @property
    def last_message(self) -> str:
        """The text of the last message, of any role, without the note of the time in front of it."""
        content = self.body["messages"][-1].get("content") or ""
        if not isinstance(content, str):
            content = "".join(str(block.get("text") or block.get("content") or "") for block in content)
        return _TIME_NOTE.sub("", content)

    def wait_until_gone(self, timeout_seconds: float) -> bool:
        """Block until the caller has closed the connection before the answer was over; False after the timeout."""
        return self._gone.wait(timeout_seconds)


def say_back(request: StubRequest) -> Behaviour:
    """The usual answer of a stub without a script."""
    return ProviderAnswer(f"You said: {request.last_message}")


class StubLlm:
    """The server, in a thread of its own, for as long as the `with` block lasts. All methods are thread-safe."""

    def __init__(
        self, answer: Callable[[StubRequest], Behaviour] = say_back, *, check: bool = True, port: int = 0
    ) -> None:
        self.answer = answer
        self.requests: list[StubRequest] = []
        """Every request, in order, also the refused ones."""
        self.others: dict[str, Callable[[Any], object]] = {}
        """Answers at other paths, such as `/v1/models`: given the request's JSON, the answer's; None: a 404."""
        self.vector_requests: list[StubRequest] = []
        """Every request for vectors, in order; they stand in no other list, and have a script of their own."""
        self._vector_script: deque[VectorAnswer | Failure | Silence] = deque()
        self._check = check
        self._port = port
        self._script: deque[Behaviour] = deque()
        self._arrived = threading.Condition()
        self._released = threading.Event()
        self._release_seen = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                log_level="critical",
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def openai_url(self) -> str:
        """What an OpenAI-style client wants as its base URL."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """What an Anthropic client wants as its base URL: it appends /v1/messages."""
        return self.url

    @property
    def ollama_url(self) -> str:
        """What a client of Ollama wants as its base URL: it appends /api/chat."""
        return self.url

    def script(self, *behaviours: Behaviour | str | ToolCall) -> None:
        """Add to the script. A string is an `Answer` with that text; a `ToolCall` an `Answer` with that call."""
        for behaviour in behaviours:
            self._script.append(_as_behaviour(behaviour))

    def script_vectors(self, *answers: "VectorAnswer | Failure | Silence") -> None:
        """What the next requests for vectors get; when that is over, vectors."""
        self._vector_script.extend(answers)

    def release(self) -> None:
        """Let every request that hangs go on, now and from now on."""
        self._released.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: no stream hangs any more
                self._loop.call_soon_threadsafe(self._release_seen.set)

    def wait_for_requests(self, count: int, timeout_seconds: float) -> bool:
        """Block until that many requests have come in altogether; False after the timeout."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_seconds)

    def __enter__(self) -> Self:
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="stub-llm", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def _serve(self, listener: socket.socket) -> None:
        # The socket listens already, so that a caller that is faster than the server waits in its backlog.
        with listener:
            asyncio.run(self._run(listener))

    async def _run(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve([listener])

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if (other := self.others.get(request.url.path)) is not None:
            found = other(_json_of(await request.body()))
            await _respond(send, 404 if found is None else 200, json.dumps(found).encode())
            return
        if request.method == "POST" and speaks_vectors(request.url.path):
            await self._send_vectors(request, send)
            return
        if request.method != "POST" or protocol_at(request.url.path) is None:
            await _respond(send, 404, openai_error(404, f"no such path: {request.url.path}"))
            return
        asked = await self._record(request)
        reply = asyncio.ensure_future(self._reply(asked, send))
        leaving = asyncio.ensure_future(_until_gone(receive))
        await asyncio.wait([reply, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not reply.done():
            asked._gone.set()
        for task in (leaving, reply):
            task.cancel()
        await asyncio.wait([reply, leaving])
        if not reply.cancelled():
            reply.result()

    async def _send_vectors(self, request: Request, send: Send) -> None:
        path, body = request.url.path, _json_of(await request.body())
        body = body if isinstance(body, dict) else {}
        with self._arrived:
            self.vector_requests.append(StubRequest(path, dict(request.headers), body))
            answer = self._vector_script.popleft() if self._vector_script else VectorAnswer()
        if isinstance(answer, Silence):
            await self._until_released()
            answer = Failure(503, "the stub was silent, and was released")
        await asyncio.sleep(answer.delay_seconds)
        if (wrong := wrong_with(path, body)) is not None:
            answer = Failure(400, wrong)
        if isinstance(answer, Failure):
            said = openai_error(answer.status, answer.message) if answer.body is None else answer.body
            await _respond(send, answer.status, said, answer.headers)
            return
        data = answer_with_vectors(path, body, answer)
        if answer.cut:
            await send(_start(200, {"content-type": "application/json", "content-length": str(len(data))}))
            await send({"type": "http.response.body", "body": data[: len(data) // 2], "more_body": True})
            raise ConnectionAbortedError("the stub was told to break the connection")
        await _respond(send, 200, data)

    async def _record(self, request: Request) -> StubRequest:
        body = _json_of(await request.body())
        asked = StubRequest(request.url.path, dict(request.headers), body if isinstance(body, dict) else {})
        with self._arrived:
            self.requests.append(asked)
            self._arrived.notify_all()
        return asked

    async def _reply(self, asked: StubRequest, send: Send) -> None:
        behaviour = self._behaviour_for(asked)
        if isinstance(behaviour, Silence):
            await self._until_released()
            behaviour = Failure(503, "the stub was silent, and was released")
        await asyncio.sleep(behaviour.delay_seconds)
        if isinstance(behaviour, Failure):
            usual = asked.protocol.error(behaviour.status, behaviour.message)
            error = behaviour.body if behaviour.body is not None else usual
            await _respond(send, behaviour.status, error, behaviour.headers)
        elif asked.protocol.is_to_stream(asked.body):
            await self._stream(asked, behaviour, send)
        else:
            await _respond(send, 200, asked.protocol.whole(behaviour, asked.body["model"]))

    def _behaviour_for(self, asked: StubRequest) -> Behaviour:
        refusal = asked.protocol.refuse(asked.body, asked.headers) if self._check else None
        if refusal is not None:
            return Failure(refusal.status, refusal.message)
        with self._arrived:
            scripted = self._script.popleft() if self._script else None
        return scripted if scripted is not None else self.answer(asked)

    async def _stream(self, asked: StubRequest, answer: ProviderAnswer, send: Send) -> None:
        usual = {"content-type": asked.protocol.media_type, "cache-control": "no-cache"}
        await send(_start(200, usual | dict(answer.headers)))
        sent = 0
        for chunk in _rewritten(asked.protocol.stream(answer, asked.body), answer):
            if chunk.counts and sent == answer.cut_after_chunks and not await self._goes_on(asked, answer, send):
                break
            sent += chunk.counts
            await send({"type": "http.response.body", "body": chunk.data, "more_body": True})
            await asyncio.sleep(answer.chunk_delay_seconds if chunk.counts else 0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _goes_on(self, asked: StubRequest, answer: ProviderAnswer, send: Send) -> bool:
        """Do what the cut says; True when the rest of the answer still follows."""
        if answer.cut == "hang":
            await self._until_released()
            return True
        if answer.cut == "break":
            # uvicorn drops the connection of an application that fails in the middle of its answer.
            raise ConnectionAbortedError("the stub was told to break the connection")
        if answer.cut == "error":
            data = asked.protocol.stream_error("the stub was told to fail in the middle")
            await send({"type": "http.response.body", "body": data, "more_body": True})
        return False

    async def _until_released(self) -> None:
        # The loop may be asked to release before it runs: then the flag alone tells.
        if not self._released.is_set():
            await self._release_seen.wait()


def _listen(port: int) -> socket.socket:
    # With the protocol spelled out asyncio sets TCP_NODELAY; without it every second small write waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _json_of(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return {}


def _as_behaviour(behaviour: Behaviour | str | ToolCall) -> Behaviour:
    if isinstance(behaviour, str):
        return ProviderAnswer(behaviour)
    if isinstance(behaviour, ToolCall):
        return ProviderAnswer(calls=(behaviour,))
    return behaviour


def _rewritten(chunks: Iterator[Chunk], answer: ProviderAnswer) -> Iterator[Chunk]:
    if answer.rewrite is None:
        return chunks
    return (Chunk(each) for each in answer.rewrite(b"".join(chunk.data for chunk in chunks)))


def _start(status: int, headers: dict[str, str]) -> Message:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    await send(_start(status, {"content-type": "application/json"} | (headers or {})))
    await send({"type": "http.response.body", "body": body})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m duragent.testing.stub_llm", description="A stub LLM provider.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay-seconds", type=float, default=0.0, help="before the first byte")
    parser.add_argument("--chunk-delay-seconds", type=float, default=0.0, help="after each word")
    options = parser.parse_args()

    def answer(request: StubRequest) -> Behaviour:
        return ProviderAnswer(
            f"You said: {request.last_message}",
            delay_seconds=options.delay_seconds,
            chunk_delay_seconds=options.chunk_delay_seconds,
        )

    with StubLlm(answer, port=options.port) as stub:
        sys.stdout.write(f"OpenAI: {stub.openai_url}   Anthropic: {stub.anthropic_url}   Ollama: {stub.ollama_url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
