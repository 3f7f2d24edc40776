"""The one engine that asks providers, in a plain protocol of the test and over real sockets."""

import asyncio
import contextlib
import gzip
import json
import re
from contextlib import aclosing
from typing import Any

import pytest

from duragent.errors import (
    AuthenticationFailed,
    BadModelRequest,
    ModelError,
    ModelNotConfigured,
    ModelUnavailable,
    RateLimited,
)
from duragent.models.base import ModelChoice
from duragent.models.direct import model as engine
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.model import DirectModel
from duragent.models.direct.openai_chat import OpenAiChat
from duragent.models.messages import ModelDelta, ModelReply
from tests.models.direct.plain import HELLO, JSON, KEY, LINES, SSE, PlainDialect, event, model_at
from tests.support.bounds import LIMIT_SECONDS
from tests.support.raw_provider import GATE, Raw, chunked, raw_provider, until_closed, whole
from tests.support.until import until

HI = (event("Hé"), event("llo", over=True))
WORDS = [ModelDelta(text="Héllo"), ModelReply(text="Héllo")]


async def told(model: DirectModel) -> list[ModelDelta | ModelReply]:
    """What a model says, with all deltas as one: how many come together is left to the network."""
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(HELLO)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, ModelDelta))
    return [ModelDelta(text=text), *(piece for piece in pieces if isinstance(piece, ModelReply))]


async def ask(*answers: Raw, **more: Any) -> list[ModelDelta | ModelReply]:
    """What a model says that gets this answer."""
    connections = ProviderConnections()
    async with raw_provider(*answers) as provider:
        try:
            return await told(model_at(provider.url, connections, **more))
        finally:
            await connections.close()


async def failure(*answers: Raw, **more: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(*answers, **more)
    assert "\n" not in str(caught.value)
    assert "secret" not in f"{caught.value!r}"
    return caught.value


def joined(*chunks: bytes) -> bytes:
    return b"".join(chunks)


# --- how an answer may come -----------------------------------------------------------------------------------------


async def test_request_is_json_with_the_key_and_without_compression() -> None:
    connections = ProviderConnections()
    async with raw_provider(chunked(*HI, headers=(SSE,))) as provider:
        assert await told(model_at(provider.url, connections)) == WORDS
        await connections.close()
    head = provider.heads[0].lower()
    assert head.startswith("post /ask http/1.1\r\n")
    assert f"authorization: bearer {KEY}\r\n" in head
    assert "accept-encoding: identity\r\n" in head
    assert json.loads(provider.bodies[0]) == {"asked": "hello"}


@pytest.mark.parametrize(
    "answer",
    [
        chunked(*HI, headers=(SSE,)),
        chunked(joined(*HI), headers=(SSE,)),
        chunked(*(bytes([each]) for each in joined(*HI)), headers=(SSE,)),
        chunked(joined(*HI).replace(b"\n", b"\r\n"), headers=(SSE,)),
        chunked(joined(*HI).replace(b"\n", b"\r"), headers=(SSE,)),
        chunked(joined(*HI).replace(b"data: ", b"data:"), headers=(SSE,)),
        chunked(b": hello\n\n", HI[0], b": ping\n\nretry: 1000\nid: 7\n\n", HI[1], headers=(SSE,)),
        chunked(b"\xef\xbb\xbf", *HI, headers=(SSE,)),
        chunked(*HI),
        chunked(*HI, headers=(JSON,)),
        chunked(joined(*HI).rstrip(b"\n"), headers=(SSE,)),
        whole(joined(*HI), SSE),
        until_closed(*HI, headers=(SSE,)),
        until_closed(*HI, headers=(SSE,), version="1.1"),
        whole(gzip.compress(joined(*HI)), SSE, "Content-Encoding: gzip"),
        chunked(*(bytes([each]) for each in gzip.compress(joined(*HI))), headers=(SSE, "Content-Encoding: gzip")),
    ],
    ids=[
        "an event a chunk", "one chunk", "single bytes", "CR LF", "CR", "no space behind data:", "comments", "BOM",
        "no type", "type of JSON", "no blank line at the end", "with a length", "HTTP/1.0", "until it is closed",
        "gzip", "gzip in single bytes",
    ],
)  # fmt: skip
async def test_stream_is_read_however_it_travels(answer: Raw) -> None:
    said = await ask(answer)
    assert said == WORDS


@pytest.mark.parametrize("kind", [JSON, "Content-Type: text/plain", SSE])
async def test_answer_that_comes_as_a_whole_is_one_event_whatever_its_type(kind: str) -> None:
    body = json.dumps({"say": "Héllo"}, ensure_ascii=False, indent=1).encode()
    assert await ask(chunked(b"\n", body[:9], body[9:], headers=(kind,))) == WORDS


@pytest.mark.parametrize("end", [b"\n", b""])
async def test_lines_of_json_are_events_also_without_a_line_end_behind_the_last(end: bytes) -> None:
    lines = [json.dumps({"say": "Hé"}).encode() + b"\n\n", json.dumps({"say": "llo", "over": True}).encode() + end]
    assert await ask(chunked(*lines, headers=(LINES,)), framing="lines") == WORDS


async def test_words_come_before_the_answer_is_whole() -> None:
    connections = ProviderConnections()
    async with raw_provider(chunked(HI[0], GATE, HI[1], headers=(SSE,))) as provider, asyncio.timeout(LIMIT_SECONDS):
        async with aclosing(model_at(provider.url, connections).stream(HELLO)) as stream:
            assert await anext(stream) == ModelDelta(text="Hé")
            provider.gate.set()
            assert [piece async for piece in stream] == [ModelDelta(text="llo"), ModelReply(text="Héllo")]
        await connections.close()


async def test_what_comes_behind_the_end_is_not_waited_for() -> None:
    said = await ask(chunked(joined(*HI, event("more")), GATE, headers=(SSE,)))
    assert said == WORDS


async def test_whole_answer_does_not_wait_for_a_provider_that_only_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LAST_WORDS_SECONDS", 0.2)
    first, late = ({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]} for text in ("Héllo", "late"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\ndata: " + json.dumps(first).encode() + b"\n\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                writer.write(b": ping\n\n")
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"data: " + json.dumps(late).encode() + b"\n\n")
        writer.close()

    connections = ProviderConnections()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert await told(DirectModel(ModelChoice("openai", "m", url), OpenAiChat(), {}, connections)) == WORDS
        await connections.close()


async def test_words_before_a_fault_in_the_same_piece_are_shown() -> None:
    connections = ProviderConnections()
    fault = b'data: {"fault": "busy", "status": 529}\n\n'
    async with raw_provider(chunked(joined(HI[0], fault), headers=(SSE,))) as provider:
        async with aclosing(model_at(provider.url, connections).stream(HELLO)) as stream:
            assert await anext(stream) == ModelDelta(text="Hé")
            with pytest.raises(ModelUnavailable, match="busy"):
                await anext(stream)
        await connections.close()


# --- connections ----------------------------------------------------------------------------------------------------


async def test_connection_is_used_again() -> None:
    connections = ProviderConnections()
    answers = [chunked(*HI, headers=(SSE,)), whole(joined(*HI), SSE), whole(b"{}", status="500 Oh"), whole(joined(*HI))]
    async with raw_provider(*answers) as provider:
        model = model_at(provider.url, connections)
        assert [await told(model), await told(model)] == [WORDS, WORDS]
        with pytest.raises(ModelUnavailable):
            await told(model)
        assert await told(model) == WORDS
        assert provider.connections == 1
        await connections.close()


async def test_connection_that_was_closed_meanwhile_is_made_again() -> None:
    connections = ProviderConnections()
    answer = whole(joined(*HI), SSE)
    async with raw_provider(Raw(answer.pieces, closes=True), answer) as provider:
        model = model_at(provider.url, connections)
        assert await told(model) == WORDS
        await until(lambda: not provider.open, why="the provider has closed")
        assert await told(model) == WORDS
        assert provider.connections == 2
        await connections.close()


@pytest.mark.parametrize("way", ["close", "cancel"])
async def test_who_stops_listening_ends_the_request(way: str) -> None:
    connections = ProviderConnections()
    async with raw_provider(chunked(HI[0], GATE, headers=(SSE,))) as provider, asyncio.timeout(LIMIT_SECONDS):
        stream = model_at(provider.url, connections).stream(HELLO)
        assert await anext(stream) == ModelDelta(text="Hé")
        if way == "close":
            await stream.aclose()
        else:
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait((waiting,))
        await until(lambda: provider.left == 1)
        await connections.close()


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        chunked(HI[0], headers=(SSE,)),
        chunked(HI[0], headers=(SSE,), ends=False),
        chunked(HI[0], b'data: {"sa', headers=(SSE,), ends=False),
        until_closed(HI[0], headers=(SSE,)),
        until_closed(HI[0], b'data: {"sa', headers=(SSE,)),
        whole(b"", SSE),
        Raw((whole(joined(*HI), SSE).pieces[0] or b"",), closes=True),
        Raw((), closes=True),
        Raw((b"HTTP/1.1 200 OK\r\nContent-",), closes=True),
        Raw((b"SSH-2.0-OpenSSH_9.6\r\n",), closes=True),
        whole(gzip.compress(joined(*HI))[:-20], SSE, "Content-Encoding: gzip"),
        whole(b"no gzip", SSE, "Content-Encoding: gzip"),
        whole(b'{"say":' * 100_000, JSON),
        whole(b'data: {"say":' + b"[" * 100_000, SSE),
    ],
    ids=[
        "no end", "broken", "broken in an event", "closed", "closed in an event", "empty", "whole", "no answer",
        "broken in a header", "another protocol", "gzip that is cut", "no gzip", "nested without end",
        "event nested without end",
    ],
)  # fmt: skip
async def test_answer_that_breaks_off_may_be_asked_for_again(answer: Raw, request: pytest.FixtureRequest) -> None:
    if request.node.callspec.id == "whole":
        assert await ask(answer) == WORDS
        return
    error = await failure(answer)
    assert isinstance(error, ModelUnavailable)
    assert str(error).startswith("openai/m: the ")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (whole(b'{"error": {"message": "slow down"}}', "Retry-After: 7", status="429 Slow"), RateLimited, "slow down"),
        (whole(b'{"error": "overloaded"}', status="529 Busy"), ModelUnavailable, "overloaded"),
        (whole(b'[{"error": {"message": "no"}}]', status="400 No"), BadModelRequest, "no"),
        (whole(f"no such key: {KEY}".encode(), status="401 No"), AuthenticationFailed, "no such key: …"),
        (whole(b"", status="503 Busy"), ModelUnavailable, "status 503"),
        (whole(b"", status="204 Nothing"), ModelUnavailable, "status 204"),
        (whole(b"<html>a page", "Content-Type: text/html"), BadModelRequest,
         "http://127.0.0.1:PORT answered with a web page, not with the API: is base_url right?"),
        (whole(b"<!doctype html>", SSE), BadModelRequest,
         "http://127.0.0.1:PORT answered with a web page, not with the API: is base_url right?"),
        (whole(b"<html>", status="502 Bad"), ModelUnavailable,
         "http://127.0.0.1:PORT answered with a web page (status 502), not with the API: is base_url right?"),
        (whole(b"", "Location: https://user:secret@example.com/login?key=secret", status="307 There"),
         BadModelRequest, "redirected to https://example.com/login: is base_url right?"),
        (whole(b"", status="301 There"), BadModelRequest, "redirected to nowhere: is base_url right?"),
        (whole(b"", "Location: /login", status="302 There"), BadModelRequest,
         "redirected to http://127.0.0.1:PORT/login: is base_url right?"),
        (chunked(HI[0], b'data: {"fault": "busy", "status": 529}\n\n'), ModelUnavailable, "busy"),
        (chunked(b'data: {"fault": "too long", "status": 400}\n\n'), BadModelRequest, "too long"),
        (chunked(b'data: {"fault": ""}\n\n'), ModelUnavailable, "failed without a word"),
    ],
)  # fmt: skip
async def test_refusal_is_told_in_the_providers_words(answer: Raw, kind: type[ModelError], words: str) -> None:
    error = await failure(answer)
    assert type(error) is kind
    said = str(error).removeprefix("openai/m: ")
    port = "".join(re.findall(r"127.0.0.1:(\d+)", said))
    assert said == words.replace("PORT", port)


async def test_refusal_without_an_end_is_cut() -> None:
    begun = b'{"error": {"message": "no"}, "more": "' + b"x" * (1 << 20)
    head = b"HTTP/1.1 400 No\r\nContent-Length: 99999999\r\n\r\n"
    error = await failure(Raw((head, begun, GATE)))
    assert str(error) == "openai/m: no"


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 64, b": ping\n\n", b"\n", b'data: {"say": ""}\n\n'])
async def test_answer_without_an_end_is_given_up(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_ANSWER_BYTES", 4096)
    error = await failure(chunked(*(piece * 64 for _ in range(80)), headers=(SSE,)))
    assert type(error) is BadModelRequest
    assert str(error) == "openai/m: the provider sent an answer of more than 4096 bytes"


@pytest.mark.parametrize("framing", ["sse", "lines"])
async def test_line_without_an_end_is_given_up(framing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_EVENT_BYTES", 4096)
    error = await failure(chunked(b"data: {" + b"x" * 5000, GATE), framing=framing)
    assert type(error) is BadModelRequest
    assert str(error) == "openai/m: the provider sent an event of more than 4096 bytes"


@pytest.mark.parametrize("key", ["sk-secret\nsecret", "sk-secret…", "sk-\x00secret"])
async def test_key_that_cannot_be_sent_is_told_before_anything_is_and_is_not_shown(key: str) -> None:
    error = await failure(key=key)
    assert type(error) is ModelNotConfigured
    assert "duragent keys set openai" in str(error)


async def test_missing_key_is_told_before_anything_is_sent() -> None:
    model = DirectModel(ModelChoice("openai", "m"), PlainDialect(), {}, ProviderConnections())
    with pytest.raises(ModelNotConfigured, match="OPENAI_API_KEY"):
        await told(model)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "connection refused; check base_url"),
        ("http://localhost:1", "connection refused; check base_url"),
        ("http://nowhere.invalid", "check base_url, and that a server runs there"),
        ("ftp://127.0.0.1", "Request URL has an unsupported protocol 'ftp://'."),
        ("127.0.0.1:8000/v1", "is no address"),
        ("http://[::1", "is no address"),
        ("http://127.0.0.1:99999", "is no address"),
    ],
)
async def test_address_that_leads_nowhere_is_told(url: str, words: str) -> None:
    connections = ProviderConnections()
    with pytest.raises(ModelError) as caught:
        await told(model_at(url, connections))
    await connections.close()
    assert words in str(caught.value)


async def test_choice_without_a_key_sends_none() -> None:
    connections = ProviderConnections()
    async with raw_provider(whole(joined(*HI), SSE)) as provider:
        choice = ModelChoice("openai", "m", provider.url, without_key=True)
        assert await told(DirectModel(choice, PlainDialect(), {"OPENAI_API_KEY": KEY}, connections)) == WORDS
        await connections.close()
    assert "authorization" not in provider.heads[0].lower()


async def test_half_of_a_pair_is_no_reason_to_fail() -> None:
    request = HELLO.model_copy(update={"messages": (HELLO.messages[0].model_copy(update={"content": "a\ud800b"}),)})
    connections = ProviderConnections()
    async with raw_provider(whole(joined(*HI), SSE)) as provider:
        model = model_at(provider.url, connections)
        assert [piece async for piece in model.stream(request)] == WORDS
        await connections.close()
    assert json.loads(provider.bodies[0])["asked"][0] == "a"


async def test_ollama_is_where_its_variable_says() -> None:
    connections = ProviderConnections()
    async with raw_provider(whole(joined(*HI), SSE)) as provider:
        environ = {"OLLAMA_HOST": f"127.0.0.1:{provider.port}"}
        assert await told(DirectModel(ModelChoice("ollama", "m"), PlainDialect(), environ, connections)) == WORDS
        await connections.close()
