"""What was found in an answer so far: the calls, and the faults of what was none. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from duragent.models.text_tools.calls import Doubtful, Found, NoCall

MAX_CALLS = 64
"""The most calls of one answer; the blocks after them are text."""
MAX_FAULTS = 8
MAX_CHECKS = 256
"""The most blocks that are compared with tool results, so that the time stays linear."""


@dataclass(frozen=True)
class Parsed:
    """A whole answer."""

    text: str
    """What a person sees: the answer without its calls."""
    calls: tuple[Found, ...] = ()
    """The calls, in order."""
    faults: tuple[str, ...] = ()
    """Sentences for the model about what seems to have been meant as a call."""


class Findings:
    """`quoted`: what tools have answered. JSON without tags that is in there word for word is no call."""

    def __init__(self, quoted: Sequence[str] = ()) -> None:
        self.calls: list[Found] = []
        self.faults: list[str] = []
        self._quoted = quoted
        self._checks = 0

    def unquoted(self, body: str, calls: list[Found]) -> list[Found]:
        """The calls of this body. Raises Doubtful when a tool result has the same text."""
        self._checks += 1
        if self._checks > MAX_CHECKS or any(body.strip() in text for text in self._quoted):
            raise Doubtful("a tool result has the same text, so it was taken for a quotation")
        return calls

    def add(self, calls: Sequence[Found]) -> None:
        """Add the calls of one block, all or none. Raises NoCall, Doubtful."""
        if not calls:
            raise NoCall("it is empty")
        if len(self.calls) + len(calls) > MAX_CALLS:
            raise Doubtful(f"there are more than {MAX_CALLS} calls")
        self.calls += calls

    def add_fault(self, reason: str) -> None:
        """Add a sentence for the model; of many only the first ones are kept."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(reason)
