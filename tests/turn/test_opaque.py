"""What providers want back: into the log and out of it, word for word."""

import hashlib
import json
from typing import Any

import pytest

from duragent.journal.events import KeptOpaque, MessageReceived, ModelReplied
from duragent.journal.record import Record, crc_seed, decode, encode
from duragent.models.messages import OpaquePart
from duragent.models.strict_json import MAX_DEPTH
from duragent.turn.opaque import IN_LINE_BYTES, MAX_BYTES, kept_opaque, with_opaque

SIGNED = [
    {"type": "thinking", "thinking": "hm \u2028 \ud800", "signature": "a+/="},
    {"type": "redacted", "data": [1.5]},
]
OURS = "anthropic/one"


class Blobs:
    """Blobs in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.reads = 0

    async def put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.kept[name] = data
        return name

    async def get(self, name: str) -> bytes:
        self.reads += 1
        return self.kept[name]


def part(value: Any, model: str = OURS) -> OpaquePart:
    return OpaquePart(adapter="anthropic_messages", model=model, value=value)


def replied(opaque: KeptOpaque | None) -> Record:
    return Record(7, "2026-01-02T03:04:05.678Z", ModelReplied(message_id="m", text="so", opaque=opaque))


async def through_the_log(opaque: KeptOpaque | None, blobs: Blobs, model: str = OURS) -> KeptOpaque | None:
    """As a later request gets it: written, read, restored."""
    record = decode(encode(replied(opaque), crc_seed("s")).line, crc_seed("s"))
    [restored] = await with_opaque([record], model, blobs.get)
    assert isinstance(restored.event, ModelReplied)
    assert restored.event.text == "so"
    return restored.event.opaque


@pytest.mark.parametrize("more", [0, IN_LINE_BYTES, 4 << 20])
async def test_what_a_provider_wants_back_comes_back_as_it_was(more: int) -> None:
    blobs, value = Blobs(), [*SIGNED, {"data": "x" * more}]
    kept = await kept_opaque(part(value), blobs.put)
    assert kept is not None
    assert (bool(blobs.kept), bool(kept.sha256), kept.value is None) == (bool(more),) * 3
    back = await through_the_log(kept, blobs)
    assert back is not None
    assert (back.adapter, back.model, back.value) == ("anthropic_messages", OURS, value)
    assert json.dumps(back.value) == json.dumps(value)


@pytest.mark.parametrize("length", [10, IN_LINE_BYTES])
async def test_another_model_does_not_get_it_and_no_blob_is_read_for_it(length: int) -> None:
    blobs = Blobs()
    kept = await kept_opaque(part("x" * length), blobs.put)
    assert await through_the_log(kept, blobs, "anthropic/two") is None
    assert blobs.reads == 0


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [float("nan"), {"a": float("inf")}, nested(MAX_DEPTH + 1), object(), {1, 2}, "x" * MAX_BYTES]
)
async def test_what_cannot_be_stored_and_sent_again_is_not_kept(value: Any) -> None:
    blobs = Blobs()
    assert await kept_opaque(part(value), blobs.put) is None
    assert blobs.kept == {}


async def test_nothing_stays_nothing() -> None:
    assert await kept_opaque(None, Blobs().put) is None
    said = Record(1, "2026-01-02T03:04:05.678Z", MessageReceived(message_id="m", text="hi"))
    assert await with_opaque([said, replied(None)], OURS, Blobs().get) == [said, replied(None)]


@pytest.mark.parametrize("data", [b"{not JSON", b"\xff", b"[" * 100_000, json.dumps(nested(MAX_DEPTH + 1)).encode()])
async def test_a_blob_of_a_log_from_elsewhere_that_cannot_be_sent_is_left_out(data: bytes) -> None:
    blobs = Blobs()
    kept = KeptOpaque(adapter="a", model=OURS, sha256=await blobs.put(data))
    assert await through_the_log(kept, blobs) is None


async def test_a_value_of_a_log_from_elsewhere_that_cannot_be_sent_is_left_out() -> None:
    record = replied(KeptOpaque(adapter="a", model=OURS, value=nested(MAX_DEPTH + 1)))
    [restored] = await with_opaque([record], OURS, Blobs().get)
    assert isinstance(restored.event, ModelReplied)
    assert restored.event.opaque is None
