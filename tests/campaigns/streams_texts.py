"""What the pieces of an answer must be like, for every watcher, and what the log must say of them afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Attempt = tuple[str, int, int]
"""Turn, step and attempt."""


@dataclass
class Texts:
    """The pieces that one client got over one connection after another; `shown` is the longest it saw of each attempt.

    A connection begins with `begin`; over it each text must begin at 0 and go on where it stopped, and nothing may come
    of an attempt that has ended.
    """

    shown: dict[Attempt, str] = field(default_factory=dict)
    deltas: int = 0
    _now: dict[tuple[object, ...], int] = field(default_factory=dict)
    _over: set[Attempt] = field(default_factory=set)
    _newest: dict[str, tuple[int, int]] = field(default_factory=dict)
    _text: dict[Attempt, str] = field(default_factory=dict)

    def begin(self) -> None:
        self._now, self._text, self._newest = {}, {}, {}

    def delta(self, fields: Mapping[str, object]) -> None:
        self.deltas += 1
        turn, step, attempt = str(fields["turn"]), _number(fields["step"]), _number(fields["attempt"])
        kind, call, offset, text = fields["kind"], fields.get("call"), _number(fields["offset"]), str(fields["text"])
        place = (turn, step, attempt)
        assert text, f"an empty piece of {place}"
        if kind == "output":
            assert call, fields
            at = self._now.get((*place, call), 0)
            assert offset >= at, f"output of {call} goes back from {at} to {offset}"
            self._now[*place, call] = offset + len(text)
            return
        assert call is None, fields
        assert place not in self._over, f"a piece of {place} behind its end"
        assert (step, attempt) >= self._newest.get(turn, (0, 0)), f"a piece of {place} behind {self._newest[turn]}"
        self._newest[turn] = (step, attempt)
        at = self._now.get((*place, kind), 0)
        assert offset == at, f"a piece of {place} at {offset} behind {at} characters"
        self._now[*place, kind] = offset + len(text)
        if kind == "text":
            self._text[place] = self._text.get(place, "") + text
            if len(self._text[place]) > len(self.shown.get(place, "")):
                assert self._text[place].startswith(self.shown.get(place, "")), f"another text of {place}"
                self.shown[place] = self._text[place]

    def record(self, event: Mapping[str, object]) -> None:
        """A durable record, as JSON."""
        if event["type"] not in ("model_replied", "model_failed"):
            return
        self._over.add(attempt_of(event))


def attempt_of(event: Mapping[str, object]) -> Attempt:
    return str(event["turn"]), _number(event["step"]), _number(event.get("attempt", 1))


def borne_out(shown: Mapping[Attempt, str], log: Iterable[Mapping[str, object]]) -> None:
    """What was shown of each attempt is in the log: as the beginning of its reply, or of what failed."""
    ends = {attempt_of(event): event for event in log if event["type"] in ("model_replied", "model_failed")}
    for place, text in shown.items():
        assert place in ends, f"{place} was shown {len(text)} characters, and has no end in the log"
        end = ends[place]
        final = str(end.get("text" if end["type"] == "model_replied" else "partial_text", ""))
        assert final.startswith(text), f"{place}: {end['type']} does not begin with what was shown"


def _number(value: object) -> int:
    assert isinstance(value, int), value
    return value
