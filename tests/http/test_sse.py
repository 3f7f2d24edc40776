from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.http.sse import Decoder, EventTooLong, ServerSentEvent


def decoded(*chunks: bytes) -> list[ServerSentEvent]:
    decoder = Decoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


line_ends = st.sampled_from(["\n", "\r", "\r\n"])
lines = st.one_of(
    st.builds(
        lambda name, colon, text: name + colon + text,
        st.sampled_from(["data", "event", "id", "retry", "", "other"]),
        st.sampled_from(["", ":", ": "]),
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8),
    ),
    st.just(""),
)
streams = st.lists(st.tuples(lines, line_ends), max_size=12).map(
    lambda parts: "".join(a + b for a, b in parts).encode()
)


@given(streams, st.lists(st.integers(0, 500), max_size=8))
def test_any_chunking_gives_the_same_events(stream: bytes, places: list[int]) -> None:
    assert decoded(*cut(stream, places)) == decoded(stream)


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), line_ends)
def test_data_comes_out_as_it_went_in(text: str, end: str) -> None:
    stream = f"id: 7{end}event: said{end}data: {text}{end}{end}".encode()
    assert decoded(stream) == [ServerSentEvent("said", text, "7")]


def test_unicode_line_separators_do_not_end_a_line() -> None:
    assert decoded("data: a\u2028b\x85c\x0bd\n\n".encode()) == [ServerSentEvent("message", "a\u2028b\x85c\x0bd", "")]


def test_several_data_lines_are_joined_and_comments_are_left_out() -> None:
    assert decoded(b": hello\ndata: a\n:x\ndata:b\n\n:\n\n") == [ServerSentEvent("message", "a\nb", "")]


def test_the_id_stays_until_another_one_comes() -> None:
    events = decoded(b"id: 1\ndata: a\n\ndata: b\n\nid: 2\0\ndata: c\n\n")
    assert [event.id for event in events] == ["1", "1", "1"]


def test_an_event_that_has_not_ended_is_not_given() -> None:
    assert decoded(b"data: a\n") == []


def test_a_byte_order_mark_is_left_out() -> None:
    assert decoded(b"\xef\xbb\xbfdata: a\n\n") == [ServerSentEvent("message", "a", "")]


def test_retry_is_given_in_seconds() -> None:
    assert decoded(b"retry: 1500\n\n") == [ServerSentEvent("message", "", "", 1.5)]


@pytest.mark.parametrize("chunk", [b"data: " + b"x" * 200, b"data: xxxxxxxxxxxxxxxxx\n" * 10])
def test_an_endless_event_is_refused(chunk: bytes) -> None:
    with pytest.raises(EventTooLong):
        list(Decoder(max_event_bytes=100).feed(chunk))


STREAMS = (
    b"data: a\n\ndata: b\n\n",
    b"data: a\ndata: b\n\ndata: c\n\n",
    b"data: a\n\n: comment\n\nevent: x\ndata: b\n\ndata: c\n\n",
    b"data: a\n\nid: 7\ndata: b\n\ndata: c\n\nretry: 10\n\ndata: d\n\n",
    b"data: a\n\n\n\ndata: b\r\n\r\ndata: c\n\n",
    b"data:a\n\ndata: \n\ndata\n\ndata: \xc3\xa9\xff\n\n",
)


@pytest.mark.parametrize("stream", STREAMS)
def test_whole_events_are_read_as_those_that_come_byte_by_byte(stream: bytes) -> None:
    begun = b"data: 0\n\n"
    wanted = decoded(begun, *(stream[at : at + 1] for at in range(len(stream))))
    for place in range(len(stream) + 1):
        assert decoded(begun, stream[:place], stream[place:]) == wanted, place
