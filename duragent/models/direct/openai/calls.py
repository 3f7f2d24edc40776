"""The calls of one answer, gathered from their pieces, however a server cuts and numbers them. Pure."""

import json
from dataclasses import dataclass, field
from typing import Any

from duragent.models.messages import ToolCall
from duragent.text import without_surrogates

_KNOWN = ("index", "id", "type", "function")


@dataclass(slots=True)
class _Call:
    index: int
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    extras: dict[str, Any] = field(default_factory=dict)
    """Fields that we do not know, such as Gemini's `extra_content`: the provider wants them back."""

    @property
    def is_complete(self) -> bool:
        """Nothing more can come: the arguments are a whole JSON object."""
        try:
            return isinstance(json.loads("".join(self.arguments)), dict)
        except (ValueError, RecursionError):
            return False


class GatheredCalls:
    """Pieces in the order in which they come; calls in the order of their index."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._open: dict[int, _Call] = {}
        """The newest call of each index."""

    def add(self, piece: Any) -> None:
        """Take in one entry of `tool_calls`."""
        if not isinstance(piece, dict):
            return
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        call_id, name = _text(piece.get("id")), _text(function.get("name"))
        if not (call_id or name or function.get("arguments") or self._calls):
            return
        call = self._call_of(piece.get("index"), call_id, name)
        call.id = call.id or call_id
        call.name = call.name or name
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        call.arguments.append(_text(arguments))
        call.extras |= {key: value for key, value in piece.items() if key not in _KNOWN and value is not None}

    def add_function(self, function: Any) -> None:
        """Take in a `function_call`, which was there before `tool_calls`: one call at most."""
        self.add({"index": 0, "function": function})

    def __bool__(self) -> bool:
        return bool(self._calls)

    def whole(self) -> tuple[ToolCall, ...]:
        """The calls; one that got no id has one by its place."""
        return tuple(
            ToolCall(
                id=without_surrogates(call.id) or f"call_{place}",
                name=without_surrogates(call.name),
                arguments="".join(call.arguments),
            )
            for place, call in enumerate(self._ordered(), start=1)
        )

    def extras(self) -> list[dict[str, Any] | None]:
        """What the provider wants back with each call."""
        return [call.extras or None for call in self._ordered()]

    def _ordered(self) -> list[_Call]:
        # Stable: two calls of one index keep the order in which they came.
        return sorted(self._calls, key=lambda call: call.index)

    def _call_of(self, index: Any, call_id: str, name: str) -> _Call:
        """The call that a piece continues, or a new one."""
        if not isinstance(index, int):
            newest = self._calls[-1] if self._calls else None
            index = newest.index if newest else 0
            if newest and name and (newest.name or newest.id) and not (call_id and call_id == newest.id):
                # Without numbers, a name begins a call.
                index += 1
        call = self._open.get(index)
        if call is None or _begins_another(call, call_id, name):
            call = self._open[index] = _Call(index)
            self._calls.append(call)
        return call


def _begins_another(call: _Call, call_id: str, name: str) -> bool:
    """Whether a piece with the index of that call is the beginning of another one: some number all calls 0."""
    if not name or not call.name:
        return False
    if call_id and call.id:
        return call_id != call.id
    return call.is_complete


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
