"""The one thread in which litellm lives, with an event loop of its own.

litellm takes seconds to import and much time for each chunk; on the server's loop it would stop every session. So
nothing of it runs outside this thread: requests go in, and the pieces of the answers come out in batches.
"""

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

from duragent.errors import ModelUnavailable
from duragent.models.messages import ModelDelta, ModelReply

Piece = ModelDelta | ModelReply
Work = Callable[[Any], AsyncGenerator[Piece, None]]
"""Given the imported litellm, the pieces of one answer. It runs in the thread."""

_Answer = TypeVar("_Answer")

_MOST_WAITING = 256
"""Pieces that may wait for a slow reader before the request itself has to wait."""

_IMPORT_ENVIRONMENT = {
    # Without it the import fetches the price table from GitHub, and stalls where there is no network.
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # In any other mode the import loads a .env file from the working directory into the process.
    "LITELLM_MODE": "PRODUCTION",
}


class LitellmThread:
    """Starts at the first use, as a daemon; there is one for the process (`shared`)."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._imported: Any = None
        self._import_error: Exception | None = None
        self._ready = asyncio.Event()

    def start(self) -> asyncio.AbstractEventLoop:
        """Start the import of litellm unless it has started, and return at once. Work that comes meanwhile waits."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._live, args=(self._loop,), name="litellm", daemon=True).start()
            return self._loop

    async def loaded(self) -> None:
        """Return when litellm is imported, or cannot be; start that unless it has started."""
        waiting = asyncio.run_coroutine_threadsafe(self._ready.wait(), self.start())
        await asyncio.wrap_future(waiting)

    async def stream(self, work: Work) -> AsyncGenerator[Piece, None]:
        """The pieces of `work`, in order; neighbouring deltas may come as one. Closing it cancels the work at once."""
        loop = self.start()
        carrier = _Carrier(asyncio.get_running_loop(), loop)
        running = asyncio.run_coroutine_threadsafe(self._carry(work, carrier), loop)
        try:
            async for piece in carrier.pieces():
                yield piece
        finally:
            running.cancel()

    async def call(self, work: Callable[[Any], Awaitable[_Answer]]) -> _Answer:
        """What `work` gives, which runs in the thread with the imported litellm. Cancelling this cancels it at once."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._do(work), self.start()))

    async def _do(self, work: Callable[[Any], Awaitable[_Answer]]) -> _Answer:
        await self._ready.wait()
        if self._import_error is not None:
            raise self._import_error
        return await work(self._imported)

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            with _without_gc(), _environment(_IMPORT_ENVIRONMENT):
                self._imported = _import_quietly()
                with contextlib.suppress(Exception):  # a rehearsal that fails costs time later and nothing else
                    loop.run_until_complete(_rehearse(self._imported))
        except Exception as error:  # a broken installation must fail the request, not leave it waiting for ever
            self._import_error = error
        self._ready.set()
        loop.run_forever()

    async def _carry(self, work: Work, carrier: "_Carrier") -> None:
        # What ends in no other way was cancelled, perhaps by litellm itself: then the reader must hear of it too.
        error: Exception | None = ModelUnavailable("the request was cancelled")
        try:
            # The rehearsal runs in the same loop, and two imports of one module at once can each see half of it.
            await self._ready.wait()
            if self._import_error is not None:
                raise self._import_error
            async with contextlib.aclosing(work(self._imported)) as pieces:
                async for piece in pieces:
                    await carrier.put(piece)
            error = None
        except Exception as failure:
            error = failure
        finally:
            carrier.end(error)


shared = LitellmThread()


class _Carrier:
    """Pieces on their way from the thread to the reader's loop. One writer, one reader, at most `_MOST_WAITING`."""

    def __init__(self, reader: asyncio.AbstractEventLoop, writer: asyncio.AbstractEventLoop) -> None:
        self._reader, self._writer = reader, writer
        self._lock = threading.Lock()
        self._waiting: list[Piece] = []
        self._error: Exception | None = None
        self._ended = False
        self._something = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, piece: Piece) -> None:
        """In the thread: hand over one piece, and wait while the reader is far behind."""
        with self._lock:
            self._waiting.append(piece)
            first, full = len(self._waiting) == 1, len(self._waiting) >= _MOST_WAITING
            if full:
                self._room.clear()
        if first:
            self._wake()
        if full:
            await self._room.wait()

    def end(self, error: Exception | None) -> None:
        """In the thread: nothing comes after this. The reader sees the error after the last piece."""
        with self._lock:
            self._ended, self._error = True, error
        self._wake()

    async def pieces(self) -> AsyncIterator[Piece]:
        """In the reader's loop: the pieces that are there already, then those that come."""
        while True:
            await self._something.wait()
            self._something.clear()
            with self._lock:
                batch, self._waiting, ended = self._waiting, [], self._ended
            if len(batch) >= _MOST_WAITING:
                self._writer.call_soon_threadsafe(self._room.set)
            for piece in _joined(batch):
                yield piece
            if ended:
                if self._error is not None:
                    raise self._error
                return

    def _wake(self) -> None:
        # The reader's loop may be closed already; then no reader is left.
        with contextlib.suppress(RuntimeError):
            self._reader.call_soon_threadsafe(self._something.set)


def _joined(batch: list[Piece]) -> Iterator[Piece]:
    """The batch with all its deltas made one: text and thinking are apart in a delta, so each keeps its order."""
    deltas = [piece for piece in batch if isinstance(piece, ModelDelta)]
    if deltas:
        text = "".join(delta.text for delta in deltas)
        yield ModelDelta(text=text, reasoning="".join(delta.reasoning for delta in deltas))
    yield from (piece for piece in batch if isinstance(piece, ModelReply))


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    # Each collection during the import walks a growing heap and stops every thread; afterwards the 150 MB never change.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if enabled:
            gc.enable()


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    # Only for the import: the programs that tools start must not inherit our settings.
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _import_quietly() -> Any:
    litellm: Any = importlib.import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    litellm.drop_params = True
    # Counting tokens by itself costs a tokenizer, perhaps a download of one; we take what the provider reports.
    litellm.disable_token_counter = True
    litellm.disable_hf_tokenizer_download = True
    litellm.callbacks, litellm.success_callback, litellm.failure_callback = [], [], []
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL)
    return litellm


async def _rehearse(litellm: Any) -> None:
    """Load what the first request would load: litellm fetches a thousand modules only when it is asked something."""
    importlib.import_module("openai").AsyncOpenAI(api_key="none").chat.completions  # noqa: B018  # it loads when touched
    tool = {"type": "function", "function": {"name": "none", "parameters": {"type": "object", "properties": {}}}}
    asked = [{"role": "user", "content": "hello"}]
    answer = await litellm.acompletion(
        model="openai/none", api_key="none", messages=asked, tools=[tool], stream=True, mock_response="hello"
    )
    async for _ in answer:
        pass
