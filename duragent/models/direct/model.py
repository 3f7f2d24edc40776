"""A model that is asked directly: one engine for every protocol, by the promises of `models.base`.

    written (dialect) → POST (connections) → events (framing) → gathered (dialect) → deltas, reply

Keys come from `environ`, read at each request. Nothing is imported from a provider's own library.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from duragent.errors import BadModelRequest, ModelError, ModelNotConfigured
from duragent.http.library import httpx
from duragent.http.sse import Decoder, EventTooLong, LineReader
from duragent.models.base import ModelChoice
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.dialect import WHOLE, AnswerSoFar, Dialect, WireEvent, WireRequest
from duragent.models.direct.faults import ProviderFault, failed_inside, refused, unreached_or_broken
from duragent.models.faults import is_html, of_web_page, unfinished
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest
from duragent.models.providers import PROVIDERS, find_key, with_address
from duragent.text import without_surrogates

MAX_EVENT_BYTES = 8 << 20
MAX_ANSWER_BYTES = 64 << 20
_MAX_REFUSAL_BYTES = 64 << 10
_AFTERWORD_SECONDS = 0.25
"""How long the end of the body is waited for behind the end of the answer, so that the connection can be used again."""

LAST_WORDS_SECONDS = 5.0
"""How long a whole answer waits for what may follow, such as its usage, when the provider does not end the stream."""

_FIT_FOR_A_HEADER = re.compile(r"[\x20-\x7e]+")

_NO_KEY = "none"
"""What `find_key` gives where none is needed."""

_HEADERS = {
    # A compressed stream is a buffered stream at many proxies. One that comes all the same is read.
    "Accept-Encoding": "identity",
    "User-Agent": "duragent",
}


class DirectModel:
    """One choice, in one dialect."""

    def __init__(
        self, choice: ModelChoice, dialect: Dialect, environ: Mapping[str, str], connections: ProviderConnections
    ) -> None:
        # Where the environment leads, a key is needed as at the provider itself.
        self._for_key, self._url = choice, ""
        known = PROVIDERS.get(choice.provider)
        # What is no address is an error of the first request.
        with contextlib.suppress(ValueError):
            choice = with_address(choice, environ)
            url = dialect.url(choice.base_url or (known.url if known else ""))
            self._url = url if urlsplit(url).hostname else ""
        self._choice, self._dialect, self._environ, self._connections = choice, dialect, environ, connections

    @property
    def label(self) -> str:
        return self._choice.label

    def prepare(self) -> None:
        """Make what the first request needs, which takes a while: the certificates of the world. Blocks."""
        with contextlib.suppress(ModelNotConfigured, httpx.InvalidURL, OSError, ValueError):
            self._connections.of(self._url, find_key(self._for_key, self._environ))

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """Deltas and the reply. Raises ModelNotConfigured before anything is sent when the key is missing."""
        key = find_key(self._for_key, self._environ)
        if key is not None and not _FIT_FOR_A_HEADER.fullmatch(key):
            raise ModelNotConfigured(
                f"{self.label}: its key has characters that no key has; copy it again, and `duragent keys set "
                f"{self._choice.provider}`"
            )
        if not self._url:
            raise self._no_address()
        answer = self._dialect.begin_answer(self._choice)
        try:
            async with contextlib.aclosing(self._deltas(request, key, answer)) as deltas:
                async for delta in deltas:
                    yield delta
        except ProviderFault as fault:
            raise failed_inside(self._choice, key, fault) from None
        except EventTooLong as error:
            raise BadModelRequest(f"{self.label}: the provider sent {error}") from None
        except httpx.InvalidURL:
            raise self._no_address() from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            if not answer.is_whole:
                raise unreached_or_broken(self._choice, key, error) from None
        if not answer.is_whole:
            raise unfinished(self._choice, None)
        yield answer.reply()

    def _no_address(self) -> BadModelRequest:
        where = "OLLAMA_HOST" if self._choice.provider == "ollama" and not self._choice.base_url else "its base_url"
        return BadModelRequest(f"{self.label}: {where} is no address")

    async def _deltas(
        self, request: ModelRequest, key: str | None, answer: AnswerSoFar
    ) -> AsyncGenerator[ModelDelta, None]:
        """What the provider answers, up to the end of the answer. Raises ModelError for all that is no answer."""
        if request.files:
            # Megabytes as base64 would hold up every other session.
            asked, content = await asyncio.to_thread(self._written, key, request)
        else:
            asked, content = self._written(key, request)
        headers = {**_HEADERS, "Content-Type": "application/json", **asked.headers}
        pool = self._connections.of(self._url, key)
        async with pool.stream("POST", self._url + asked.path, content=content, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise refused(self._choice, key, response, await _beginning(response))
            if is_html(response.headers):
                # Another attempt would get the same page: a person has to look.
                raise BadModelRequest(f"{self.label}: {of_web_page(self._choice, None)}")
            async with contextlib.aclosing(self._cut(response)) as batches:
                while (events := await _next(batches, answer)) is not None:
                    delta, fault = _taken_in(events, answer)
                    if delta is not None:
                        yield delta
                    if fault is not None:
                        raise fault
                    if answer.is_over:
                        await _read_out(batches)
                        return

    def _written(self, key: str | None, request: ModelRequest) -> tuple[WireRequest, bytes]:
        asked = self._dialect.written(self._choice, None if key == _NO_KEY else key, request)
        text = json.dumps(asked.body, ensure_ascii=False, separators=(",", ":"))
        return asked, without_surrogates(text).encode()

    async def _cut(self, response: httpx.Response) -> AsyncGenerator[Sequence[WireEvent], None]:
        """The events in the body, those together that came together."""
        reader: _Reader = _SseReader() if self._dialect.framing == "sse" else _JsonLineReader()
        begun, received = b"", 0
        async for chunk in response.aiter_bytes():
            received += len(chunk)
            if received > MAX_ANSWER_BYTES:
                raise EventTooLong(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
            if not begun:
                # The type is not to be relied on: there are servers that stream as application/json.
                begun = chunk.lstrip()
                if begun.startswith(b"<"):
                    raise BadModelRequest(f"{self.label}: {of_web_page(self._choice, None)}")
                if begun.startswith((b"{", b"[")) and self._dialect.framing == "sse":
                    reader = _WholeReader()
            yield reader.feed(chunk)
        yield [event for event in reader.end() if not _is_cut(event)]


class _Reader(Protocol):
    def feed(self, chunk: bytes) -> Sequence[WireEvent]: ...

    def end(self) -> Sequence[WireEvent]: ...


class _SseReader:
    def __init__(self) -> None:
        self._decoder = Decoder(MAX_EVENT_BYTES)

    def feed(self, chunk: bytes) -> Sequence[WireEvent]:
        return [WireEvent(event.event, event.data) for event in self._decoder.feed(chunk) if event.data]

    def end(self) -> Sequence[WireEvent]:
        return self.feed(b"\n\n")


class _JsonLineReader:
    def __init__(self) -> None:
        self._lines = LineReader(MAX_EVENT_BYTES)

    def feed(self, chunk: bytes) -> Sequence[WireEvent]:
        return [WireEvent("message", line.decode("utf-8", "replace")) for line in self._lines.feed(chunk) if line]

    def end(self) -> Sequence[WireEvent]:
        return self.feed(b"\n")


class _WholeReader:
    """One event, of everything."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Sequence[WireEvent]:
        self._parts.append(chunk)
        return ()

    def end(self) -> Sequence[WireEvent]:
        return (WireEvent(WHOLE, b"".join(self._parts).decode("utf-8", "replace")),)


def _taken_in(
    events: Sequence[WireEvent], answer: AnswerSoFar
) -> tuple[ModelDelta | None, ProviderFault | ModelError | None]:
    """What these events add for the eye, as one piece, and the fault that one of them tells of."""
    found: list[ModelDelta] = []
    fault: ProviderFault | ModelError | None = None
    try:
        for event in events:
            if (delta := answer.add(event)) is not None:
                found.append(delta)
            if answer.is_over:
                break
    except (ProviderFault, ModelError) as error:
        # What was said before it is shown first.
        fault = error
    if len(found) < 2:
        return (found[0] if found else None), fault
    text, reasoning = "".join(each.text for each in found), "".join(each.reasoning for each in found)
    return ModelDelta(text=text, reasoning=reasoning), fault


async def _next(batches: AsyncGenerator[Sequence[WireEvent], None], answer: AnswerSoFar) -> Sequence[WireEvent] | None:
    """The next events; None where there are no more, or where a whole answer has only silence behind it."""
    if not answer.is_whole:
        return await anext(batches, None)
    try:
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            # What comes without an event, such as pings, is silence, too.
            while (events := await anext(batches, None)) is not None and not events:
                pass
            return events
    except TimeoutError:
        return None


async def _beginning(response: httpx.Response) -> bytes:
    """The first part of a body, enough for a sentence in it."""
    read = b""
    async for chunk in response.aiter_bytes():
        read += chunk
        if len(read) >= _MAX_REFUSAL_BYTES:
            break
    return read[:_MAX_REFUSAL_BYTES]


async def _read_out(batches: AsyncGenerator[Sequence[WireEvent], None]) -> None:
    with contextlib.suppress(TimeoutError, httpx.HTTPError, EventTooLong):
        async with asyncio.timeout(_AFTERWORD_SECONDS):
            async for _ in batches:
                pass


def _is_cut(event: WireEvent) -> bool:
    """Whether the body ended in the middle of this event, its last."""
    try:
        json.loads(event.data)
    except (ValueError, RecursionError):
        return event.data.lstrip().startswith("{")
    return False
