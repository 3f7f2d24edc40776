"""Anything that may stand in a log: every kind of event with any values, from hypothesis."""

import typing
from types import UnionType
from typing import Any, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from duragent.journal.events import EVENT_TYPES, Event, Opaque
from duragent.journal.record import Record

TEXTS = st.one_of(
    st.sampled_from(
        ["", "hi", "\x00\x1f\x7f\x80\x85\x9f", "\u2028\u2029", "\ud800", "\udfff\ud83d", "\ufeff\uffff", "😀"]
    ),
    st.text(st.characters(exclude_categories=[]), max_size=30),
    st.sampled_from(['"}', ',"crc":"00000000"}', ',"tx":"1/2"', '{"blob":"x"}', "\r\n", "\\u0000", '"', "\\"]),
)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_NAMES = st.sampled_from(["t1", "t2", "c1", "c2"])
_SMALL = st.integers(0, 12)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def _values(name: str, kind: Any, metadata: tuple[Any, ...] = ()) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is typing.Literal:
        return st.sampled_from(arguments)
    if origin in (typing.Union, UnionType):
        return st.one_of(*(_values(name, each) for each in arguments))
    if origin is tuple:
        return st.lists(_values(name, arguments[0]), max_size=3).map(tuple)
    if origin is typing.Annotated:
        return _values(name, arguments[0], arguments[1:])
    if kind is Any:
        return _json()
    if kind is type(None):
        return st.none()
    if origin is dict:
        return st.dictionaries(PLAIN, _json(), max_size=3)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return instances(kind)
    if kind is str:
        free = TEXTS if metadata else PLAIN
        return st.one_of(_NAMES, free) if name in ("turn", "call", "calls") else free
    return {int: st.one_of(_SMALL, st.integers(0, 2**70)), float: _FLOATS, bool: st.booleans()}[kind]


def instances(kind: type[BaseModel]) -> st.SearchStrategy[Any]:
    """Objects of a model, each field with any value that its type allows."""
    fields = {
        name: _values(name, spec.annotation, tuple(spec.metadata))
        for name, spec in kind.model_fields.items()
        if name != "type"
    }
    return st.builds(kind, **fields)


def _json() -> st.SearchStrategy[Any]:
    simple = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), _FLOATS, TEXTS)
    return st.recursive(
        simple, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(PLAIN, inner, max_size=3))
    )


_UNKNOWN_TYPES = PLAIN.filter(lambda name: name not in EVENT_TYPES)
_UNKNOWN_FIELDS = st.dictionaries(
    PLAIN.filter(lambda name: name not in ("seq", "ts", "type", "tx", "crc", "timestamp")), _json(), max_size=4
)

KNOWN: st.SearchStrategy[Event] = st.one_of(*(instances(kind) for kind in EVENT_TYPES.values()))
UNKNOWN: st.SearchStrategy[Event] = st.builds(Opaque, type=_UNKNOWN_TYPES, payload=_UNKNOWN_FIELDS)
EVENTS: st.SearchStrategy[Event] = st.one_of(KNOWN, UNKNOWN)
TX = st.one_of(st.none(), st.integers(1, 40).flatmap(lambda n: st.integers(1, n).map(lambda i: f"{i}/{n}")))
RECORDS = st.builds(Record, seq=st.integers(1, 10**18), ts=st.just("2026-11-20T23:58:16.123Z"), event=EVENTS, tx=TX)
