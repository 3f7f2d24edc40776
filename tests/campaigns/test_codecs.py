"""What is written can be read: round trips of every codec, from one end to the other.

The codecs of single records and snapshots have theirs in `tests/journal`, and stored lines as frames in
`tests/server/test_frames.py`; here are the long ways, with blobs, and the codecs beside the log.
"""

import dataclasses
import json
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from types import UnionType
from typing import Any, get_args, get_origin

import pytest
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from duragent import wire
from duragent.bus import OutputDelta
from duragent.http.sse import Decoder, ServerSentEvent
from duragent.journal.apply import reduce
from duragent.journal.events import EVENT_TYPES, MessageReceived
from duragent.journal.line import MAX_LINE_BYTES, bodies
from duragent.journal.record import Record, crc_seed, decode, encode, expand
from duragent.journal.state import SessionState
from duragent.process.folder import Exit, RunnerClaim
from duragent.server.frames import frame, framed
from duragent.server.params import last_event_id_of
from duragent.server.responses import to_json
from duragent.server.routes.events import delta_frame
from duragent.session import index
from duragent.wire.base import SEQ_MAX
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import holds
from tests.journal.strategies import RECORDS, TEXTS, instances

SESSION = "session_01codec"
SEED = crc_seed(SESSION)
TS = "2026-11-20T23:58:16.123Z"
LONG = st.builds(lambda text, size: f"{text} " * size, TEXTS, st.sampled_from([0, 1, 20_000, 100_000]))
MAY_BE_LONG = ("text", "reasoning", "content", "partial_text", "partial_reasoning", "invocation", "message", "reason")
PIECES = st.lists(st.integers(0, 2000), max_size=6)


def received(frames: bytes, cuts: list[int]) -> list[ServerSentEvent]:
    """What a client makes of a stream that comes in these pieces."""
    decoder, edges = Decoder(), sorted({0, len(frames), *(cut % (len(frames) + 1) for cut in cuts)})
    return [event for start, end in pairwise(edges) for event in decoder.feed(frames[start:end])]


# --- records --------------------------------------------------------------------------------------------------------


def lines_reach_the_client(data: st.DataObject) -> None:
    """Stored line -> frame -> pieces -> event of the client, and -> JSON page: the same fields."""
    records = data.draw(st.lists(RECORDS, max_size=5))
    encoded = [encode(record, SEED) for record in records]
    lines = b"".join(each.line for each in encoded)
    expected = [json.loads(expand(each.line, each.blobs.__getitem__)) for each in encoded]

    def whole(shown: Iterable[bytes | str]) -> list[Any]:
        # What may be forgotten one day is in a blob, however short it is: a client asks for it by its name.
        return [
            json.loads(expand(text if isinstance(text, bytes) else text.encode(), each.blobs.__getitem__))
            for text, each in zip(shown, encoded, strict=True)
        ]

    assert whole(bodies(lines)) == expected
    events = received(framed(lines), data.draw(PIECES))
    assert whole(event.data for event in events) == expected
    assert [event.id for event in events] == [str(record.seq) for record in records]


def long_texts_come_back_out_of_blobs(data: st.DataObject) -> None:
    """A record of any type with texts of any length: stored, looked at without its blobs, shown, and read again."""
    record = data.draw(RECORDS)
    fields = record.event.model_fields
    free = [name for name in fields if name in MAY_BE_LONG]
    longer = {name: data.draw(LONG) for name in free}
    event = record.event.model_validate(record.event.model_dump() | longer) if free else record.event
    record = dataclasses.replace(record, event=event)
    try:
        encoded = encode(record, SEED)
    except ValueError as error:
        assert "does not fit" in str(error)  # noqa: PT017  # it may be raised or not
        return
    assert len(encoded.line) <= MAX_LINE_BYTES
    assert decode(encoded.line, SEED, encoded.blobs.__getitem__) == record
    shown = json.loads(expand(encoded.line, encoded.blobs.__getitem__))
    assert {name: shown.get(name, "") for name in free} == {name: getattr(event, name) or "" for name in free}
    # Without its blobs it folds to the same state: what is true never stands in one.
    after = reduce(SessionState(SESSION), [dataclasses.replace(record, seq=1)])
    assert reduce(SessionState(SESSION), [dataclasses.replace(decode(encoded.line, SEED), seq=1)]) == after


def test_every_type_of_event_is_among_the_records() -> None:
    for kind in EVENT_TYPES.values():
        drawn: list[BaseModel] = []
        holds(Campaign("x"), 1, 5, lambda data, kind=kind, drawn=drawn: drawn.append(data.draw(instances(kind))))  # type: ignore[misc]  # mypy sees no default
        encoded = [encode(Record(seq, TS, event), SEED) for seq, event in enumerate(drawn, 1)]  # type: ignore[arg-type]  # all are events
        assert [decode(each.line, SEED, each.blobs.__getitem__).event for each in encoded] == drawn


def old_lines_are_lifted_to_what_was_said(data: st.DataObject) -> None:
    """duragent-rust's messages: read, written in today's format, and read again."""
    content, seq = data.draw(TEXTS.filter(str.isprintable)), data.draw(st.integers(1, SEQ_MAX))
    fields = {"seq": seq, "timestamp": "2026-02-18T10:00:00.5+02:00", "type": "user_message", "content": content}
    order = data.draw(st.permutations(list(fields)))
    line = json.dumps({key: fields[key] for key in order}, ensure_ascii=data.draw(st.booleans())).encode() + b"\n"
    record = decode(line, SEED)
    message = MessageReceived(message_id=f"msg_legacy_{seq}", text=content, source="legacy")
    assert record == Record(seq, "2026-02-18T10:00:00.5+02:00", message)
    assert decode(encode(record, SEED).line, SEED) == record
    (event,) = received(framed(line), data.draw(PIECES))
    assert (event.id, json.loads(event.data)["text"]) == (str(seq), content)


# --- beside the log -------------------------------------------------------------------------------------------------


def list_of_sessions_comes_back(data: st.DataObject) -> None:
    histories = data.draw(st.lists(st.lists(RECORDS, max_size=8), max_size=4))
    rows, marks = {}, {}
    for number, history in enumerate(histories):
        name = f"session_{number}"
        state = dataclasses.replace(reduce(SessionState(name), history), remembered=())
        rows[name] = index.Row(state, data.draw(st.none() | TEXTS.filter(bool)), f"mark {number}")
        marks[name] = f"mark {number}"
    found = index.load(index.dump(rows, marks.items()))
    assert found.items() <= rows.items()
    # A row that is left out costs a look at its session: right for what is no Unicode, and for nothing else.
    assert all(name in found or _has_surrogates(row) for name, row in rows.items())


def _has_surrogates(row: index.Row) -> bool:
    return re.search(r"\\ud[89a-f]", json.dumps(dataclasses.asdict(row)).lower()) is not None


def deltas_reach_the_client(data: st.DataObject) -> None:
    delta = data.draw(
        st.builds(OutputDelta, **{f.name: _simple(OutputDelta, f.name) for f in dataclasses.fields(OutputDelta)})
    )
    (event,) = received(delta_frame(delta), data.draw(PIECES))
    found = wire.Delta.model_validate(json.loads(event.data))
    assert (event.event, event.id) == ("delta", "")
    assert found.model_dump() == {**dataclasses.asdict(delta), "call": delta.call or None}


def any_frame_reaches_the_client(data: st.DataObject) -> None:
    fields = data.draw(st.dictionaries(TEXTS, TEXTS | st.integers() | st.none(), max_size=4))
    (event,) = received(frame("reset", fields), data.draw(PIECES))
    assert (event.event, json.loads(event.data)) == ("reset", fields)


def place_in_a_stream_comes_back(data: st.DataObject) -> None:
    """The id of an event is the `Last-Event-ID` that a client sends, whatever seq it is."""
    seq = data.draw(st.integers(1, SEQ_MAX))
    line = encode(Record(seq, TS, MessageReceived(message_id="m", text="hi")), SEED).line
    (event,) = received(framed(line), data.draw(PIECES))
    scope = {"type": "http", "headers": [(b"last-event-id", event.id.encode())]}
    assert last_event_id_of(Request(scope)) == seq


def shapes_of_the_api_come_back(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    value = data.draw(_shapes(shape))
    assert shape.model_validate(json.loads(to_json(value.model_dump()))) == value


def files_of_the_runner_come_back(data: st.DataObject) -> None:
    for kind in (RunnerClaim, Exit):
        value = data.draw(_shapes(kind))
        assert kind.model_validate_json(json.dumps(value.model_dump(mode="json"))) == value


def _all_shapes() -> Iterator[type[BaseModel]]:
    for name in dir(wire):
        found = getattr(wire, name)
        if isinstance(found, type) and issubclass(found, wire.WireModel) and found not in (wire.WireModel, wire.Asked):
            yield found


SHAPES = tuple(_all_shapes())


def _shapes(shape: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Objects of a shape that its own checks accept."""
    fields = {name: _of(field.annotation) for name, field in shape.model_fields.items()}

    def built(values: dict[str, Any]) -> Any:
        try:
            return shape.model_validate(values)
        except ValidationError:
            return None

    return st.fixed_dictionaries(fields).map(built).filter(lambda value: value is not None)


def _simple(kind: type, name: str) -> st.SearchStrategy[Any]:
    return _of(typing.get_type_hints(kind)[name])


def _of(kind: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin is typing.Annotated:
        return TEXTS if arguments[0] is str else _of(arguments[0])
    if origin in (typing.Union, UnionType):
        return st.one_of(*map(_of, arguments))
    if origin in (list, tuple):
        return st.lists(_of(arguments[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(PLAIN, PLAIN | st.integers(-9, 9) | st.none(), max_size=2)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return _shapes(kind)
    return _PLAINLY[kind]


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_PLAINLY: dict[Any, st.SearchStrategy[Any]] = {
    str: PLAIN,
    int: st.integers(0, 2**40),
    float: st.floats(0, 1e9, allow_nan=False),
    bool: st.booleans(),
    type(None): st.none(),
    Any: PLAIN,
}

CODECS: tuple[Callable[[st.DataObject], None], ...] = (
    lines_reach_the_client,
    long_texts_come_back_out_of_blobs,
    old_lines_are_lifted_to_what_was_said,
    list_of_sessions_comes_back,
    deltas_reach_the_client,
    any_frame_reaches_the_client,
    place_in_a_stream_comes_back,
    shapes_of_the_api_come_back,
    files_of_the_runner_come_back,
)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.__name__)
def test_codec_comes_back(campaign: Campaign, codec: Callable[[st.DataObject], None]) -> None:
    holds(campaign, 1, 25, codec)


@pytest.mark.campaign
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.__name__)
def test_codec_comes_back_after_a_long_search(campaign: Campaign, codec: Callable[[st.DataObject], None]) -> None:
    holds(campaign, 10, 400, codec)
    print(f"{codec.__name__}: 4,000 values")  # noqa: T201  # a campaign says what it did
