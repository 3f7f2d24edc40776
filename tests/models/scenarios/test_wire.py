"""What may happen to an answer on its way, in each protocol, over real HTTP: the reply is the same all the same."""

import gzip
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest

from duragent.errors import BadModelRequest, ModelUnavailable, RateLimited
from duragent.models.direct import model as engine
from duragent.models.messages import ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.testing.stub_llm import Failure, ProviderAnswer
from tests.models.scenarios.doors import HELLO, Door, ask, door_to, failure

Rewrite = Callable[[bytes], Iterable[bytes]]
Json = dict[str, Any]

CALLS = tuple(ToolCall(id=f"call_{at}", name="ls", arguments=f'{{"path": "ä{at} 🎉"}}') for at in (1, 2))
ANSWER = ProviderAnswer("Grüße 🎉 漢字 \u2028 und\r\nmehr.", reasoning="So, so.", calls=CALLS)
TOOLS = (ToolSchema(name="ls", description="Lists.", parameters={"type": "object", "properties": {}}),)
ASKED = HELLO.model_copy(update={"tools": TOOLS})


async def reply_to(door: Door, answer: ProviderAnswer, request: ModelRequest = ASKED) -> ModelReply:
    door.stub.script(answer)
    return (await ask(door.model, request))[1]


def events_of(stream: bytes) -> list[bytes]:
    """With what ends each."""
    end = b"\n\n" if b"data: " in stream else b"\n"
    return [each + end for each in stream.split(end) if each]


def mapped(change: Callable[[Json], Iterable[Json]]) -> Rewrite:
    """Other events in place of each that has JSON."""

    def rewrite(stream: bytes) -> Iterator[bytes]:
        for event in events_of(stream):
            head, found, body = event.rpartition(b"data: ")
            if not body.lstrip().startswith(b"{"):
                yield event
                continue
            for each in change(json.loads(body)):
                written = json.dumps(each, ensure_ascii=False).encode()
                yield head + found + written + (b"\n\n" if found else b"\n")

    return rewrite


def without(*begins: bytes) -> Rewrite:
    return lambda stream: (event for event in events_of(stream) if not event.startswith(begins))


def around(stream: bytes, before: bytes) -> Iterator[bytes]:
    for event in events_of(stream):
        yield before + event
    yield before


def in_single_bytes(stream: bytes) -> Iterator[bytes]:
    return (bytes([each]) for each in stream)


@pytest.mark.parametrize(
    "rewrite",
    [
        in_single_bytes,
        lambda stream: [stream],
        lambda stream: [each for part in stream.split(b"\x9f") for each in (part, b"\x9f")][:-1],
        lambda stream: [stream.replace(b"\n", b"\r\n")],
        lambda stream: in_single_bytes(stream.replace(b"\n", b"\r\n")),
        lambda stream: around(stream, b"\n"),
        lambda stream: [stream.rstrip(b"\n")],
    ],
    ids=[
        "single bytes", "one piece", "cut in a character", "CR LF", "CR LF in single bytes", "blank lines",
        "no blank line at the end",
    ],
)  # fmt: skip
async def test_pieces_may_be_cut_and_lines_end_anyhow(direct: Door, rewrite: Rewrite) -> None:
    expected = await reply_to(direct, ANSWER)
    assert expected.text == ANSWER.text
    assert expected.calls == CALLS
    assert await reply_to(direct, replace(ANSWER, rewrite=rewrite)) == expected


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda stream: around(stream, b": keep-alive\n\n"),
        lambda stream: around(stream, b"retry: 3000\nid: 7\n\n"),
        lambda stream: [stream.replace(b"data: ", b"data:")],
        lambda stream: [b"\xef\xbb\xbf" + stream],
        lambda stream: [stream.replace(b"\n", b"\r")],
        without(b"event: ping"),
    ],
    ids=["comments", "other fields", "no space behind data:", "BOM", "CR", "no pings"],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
async def test_server_sent_events_may_have_all_that_they_may_have(provider: str, rewrite: Rewrite) -> None:
    async with door_to(provider, "direct") as door:
        expected = await reply_to(door, ANSWER)
        assert await reply_to(door, replace(ANSWER, rewrite=rewrite)) == expected


@pytest.mark.parametrize("pieces", [1, 1000])
async def test_body_that_is_compressed_although_nobody_asked_for_it_is_read(direct: Door, pieces: int) -> None:
    expected = await reply_to(direct, ANSWER)

    def rewrite(stream: bytes) -> Iterator[bytes]:
        packed = gzip.compress(stream)
        size = len(packed) // pieces + 1
        return (packed[at : at + size] for at in range(0, len(packed), size))

    packed = replace(ANSWER, rewrite=rewrite, headers={"content-encoding": "gzip"})
    assert await reply_to(direct, packed) == expected


async def test_answer_that_does_not_stream_is_an_answer(direct: Door) -> None:
    expected = await reply_to(direct, ANSWER)
    body = direct.stub.requests[-1].protocol.whole(ANSWER, direct.asked["model"])
    for kind in ("application/json", "text/plain"):
        whole = replace(ANSWER, rewrite=lambda _: [body], headers={"content-type": kind})
        assert await reply_to(direct, whole) == expected


# --- what is missing, or comes twice --------------------------------------------------------------------------------


def nothing_finished(event: Json) -> Iterator[Json]:
    for choice in event.get("choices", ()):
        choice["finish_reason"] = None
    if "delta" in event and "stop_reason" in event["delta"]:
        event["delta"]["stop_reason"] = None
    event.pop("done_reason", None)
    yield event


def usage_twice(event: Json) -> Iterator[Json]:
    yield event
    if "usage" in event and event.get("type", "message_delta") == "message_delta":
        yield event


def empty_choices(event: Json) -> Iterator[Json]:
    yield from ({**event, "choices": []}, event) if event.get("choices") else (event,)


def in_one_piece(event: Json) -> Iterator[Json]:
    """OpenAI's calls whole in one event, as some servers send them."""
    for delta in (choice["delta"] for choice in event.get("choices", ())):
        for call in delta.get("tool_calls", ()):
            if "id" not in call:
                return
            call["function"]["arguments"] = CALLS[call["index"]].arguments
    yield event


def in_single_characters(event: Json) -> Iterator[Json]:
    yield from _each_character(event, ("choices", 0, "delta", "tool_calls", 0, "function", "arguments"))


def in_single_characters_of_anthropic(event: Json) -> Iterator[Json]:
    yield from _each_character(event, ("delta", "partial_json"))


def _each_character(event: Json, path: tuple[Any, ...]) -> Iterator[Json]:
    inner: Any = event
    for name in path[:-1]:
        there = inner.get(name) if isinstance(inner, dict) else inner[name] if inner else None
        if not there:
            yield event
            return
        inner = there
    if not inner.get(path[-1]):
        yield event
        return
    for character in inner[path[-1]]:
        inner[path[-1]] = character
        yield json.loads(json.dumps(event))


def without_ids_of_pieces(event: Json) -> Iterator[Json]:
    """A call's name only in its first piece, and its type nowhere."""
    for choice in event.get("choices", ()):
        for call in choice["delta"].get("tool_calls", ()):
            call.pop("type", None)
    yield event


@pytest.mark.parametrize(
    ("provider", "rewrite"),
    [
        ("openai", without(b"data: [DONE]")),
        ("openai", mapped(nothing_finished)),
        ("openai", mapped(usage_twice)),
        ("openai", mapped(empty_choices)),
        ("openai", mapped(in_one_piece)),
        ("openai", mapped(in_single_characters)),
        ("openai", mapped(without_ids_of_pieces)),
        ("anthropic", without(b"event: message_stop")),
        ("anthropic", mapped(nothing_finished)),
        ("anthropic", mapped(usage_twice)),
        ("anthropic", mapped(in_single_characters_of_anthropic)),
        ("anthropic", without(b"event: content_block_stop")),
        ("anthropic", lambda stream: [stream.replace(b"event: ", b"id: ")]),
        ("ollama", mapped(nothing_finished)),
    ],
    ids=[
        "no [DONE]", "no finish_reason", "usage twice", "empty choices", "arguments in one piece",
        "arguments in single characters", "no types", "no message_stop", "no stop_reason", "usage twice",
        "arguments in single characters", "no ends of blocks", "no names of events", "no done_reason",
    ],
)  # fmt: skip
async def test_reply_is_the_same_without_what_some_leave_out(provider: str, rewrite: Rewrite) -> None:
    async with door_to(provider, "direct") as door:
        expected = await reply_to(door, ANSWER)
        assert await reply_to(door, replace(ANSWER, rewrite=rewrite)) == expected


async def test_usage_that_is_absent_is_none(direct: Door) -> None:
    reply = await reply_to(direct, ProviderAnswer("one two", wire_usage=None))
    assert (reply.text, reply.cost_usd) == ("one two", reply.cost_usd and 0)
    assert sum(reply.usage.model_dump().values()) == 0


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3), (2, 0, 3, 1), (2, 0, 1, 3), (2, 3, 0, 1)])
async def test_pieces_of_parallel_calls_may_be_mixed(order: tuple[int, ...]) -> None:
    def pieces(at: int, *arguments: str) -> list[Json]:
        return [{"index": at, "function": {"arguments": each}} for each in arguments]

    def rewrite(stream: bytes) -> Iterator[bytes]:
        events = events_of(stream)
        begun = [{"index": at, "id": f"c{at}", "type": "function", "function": {"name": "ls"}} for at in (0, 1)]
        rest = [*pieces(0, '{"a"', ": 1}"), *pieces(1, '{"b"', ": 2}")]
        for call in (*begun, *(rest[at] for at in order)):
            said = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
            yield b"data: " + json.dumps(said).encode() + b"\n\n"
        yield from events[-3:]

    async with door_to("openai", "direct") as door:
        reply = await reply_to(door, replace(ANSWER, rewrite=rewrite))
    assert [(call.id, call.arguments) for call in reply.calls] == [("c0", '{"a": 1}'), ("c1", '{"b": 2}')]


async def test_two_calls_with_one_index_are_two_calls() -> None:
    def with_one_index(event: Json) -> Iterator[Json]:
        for choice in event.get("choices", ()):
            for call in choice["delta"].get("tool_calls", ()):
                call["index"] = 0
        yield event

    async with door_to("openai", "direct") as door:
        assert (await reply_to(door, replace(ANSWER, rewrite=mapped(with_one_index)))).calls == CALLS


# --- what cannot be mended ------------------------------------------------------------------------------------------


async def test_stream_that_ends_anywhere_is_whole_or_may_be_asked_for_again(direct: Door) -> None:
    expected = await reply_to(direct, ANSWER)
    stream = b"".join(chunk.data for chunk in direct.stub.requests[-1].protocol.stream(ANSWER, direct.asked))
    ends = {
        "openai": b'"finish_reason":"tool_calls"',
        "anthropic": b'"stop_reason":"tool_use"',
        "ollama": b'"done":true',
    }
    finished = stream.index(ends[direct.provider])
    for at in range(0, len(stream) - 3, 41):
        begun = stream[:at]
        try:
            reply = await reply_to(direct, replace(ANSWER, rewrite=partial(_always, begun)))
        except ModelUnavailable:
            continue
        assert at > finished, begun[-80:]
        assert (reply.text, reply.calls) == (expected.text, expected.calls)


def _always(sent: bytes, _: bytes) -> list[bytes]:
    return [sent]


@pytest.mark.parametrize("piece", [b": ping\n\n", b"\n", b"x" * 64])
async def test_body_without_an_end_is_given_up(direct: Door, piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MAX_ANSWER_BYTES", 1 << 16)
    monkeypatch.setattr(engine, "MAX_EVENT_BYTES", 1 << 15)
    error = await failure(direct, ProviderAnswer(rewrite=lambda _: itertools.repeat(piece)))
    # In Ollama's protocol a comment is a line that is none of an answer's.
    assert isinstance(error, BadModelRequest) is not (piece == b": ping\n\n" and direct.provider == "ollama")


async def test_web_page_and_redirect_are_final_and_ask_whether_the_address_is_right(direct: Door) -> None:
    page = ProviderAnswer(rewrite=lambda _: [b"<!doctype html>"], headers={"content-type": "text/html"})
    there = Failure(307, headers={"location": "https://user:secret@elsewhere.example/?key=secret"})
    for answer in (page, there):
        direct.stub.requests.clear()
        error = await failure(direct, answer)
        assert isinstance(error, BadModelRequest)
        assert str(error).endswith("is base_url right?")


async def test_wait_that_is_asked_for_is_known_in_each_spelling(direct: Door) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=3000), usegmt=True)
    for headers, least, most in (
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after-ms": "1500"}, 1.5, 1.5),
        ({"retry-after": later}, 1, 3000),
    ):
        direct.stub.requests.clear()
        error = await failure(direct, Failure(429, "slow down", headers))
        assert isinstance(error, RateLimited)
        assert error.retry_after_seconds is not None
        assert least <= error.retry_after_seconds <= most


@pytest.mark.parametrize("status", [500, 503, 529])
async def test_provider_that_is_busy_may_be_asked_again(direct: Door, status: int) -> None:
    assert isinstance(await failure(direct, Failure(status, "overloaded")), ModelUnavailable)
