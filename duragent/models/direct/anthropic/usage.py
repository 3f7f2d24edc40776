"""What Anthropic reports of an answer's tokens, made fit to compute with. No I/O, but for a warning."""

import logging
from collections.abc import Mapping

from duragent.models.base import ModelChoice
from duragent.models.costs import cost_usd
from duragent.models.messages import ModelUsage, count

_log = logging.getLogger(__name__)

_READ, _WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"
_COUNTS = ("input_tokens", "output_tokens", _READ, _WRITTEN)
_ALWAYS = ("input_tokens", "output_tokens")


class ReportedUsage:
    """The counts of one answer, as last reported: they grow while it arrives.

    What is no number of tokens is unknown: it counts as 0, and such an answer has no price.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._odd: dict[str, object] = {}

    def take(self, reported: object) -> None:
        """Take up what a usage object says; the names that it leaves out keep their counts."""
        if not isinstance(reported, Mapping):
            if reported is not None:
                self._odd["usage"] = reported
            return
        for name in _COUNTS:
            self._take(name, reported.get(name))
        details = reported.get("output_tokens_details")
        if isinstance(details, Mapping):
            self._take("thinking_tokens", details.get("thinking_tokens"))

    def counted(self, choice: ModelChoice, model: str) -> tuple[ModelUsage, float | None]:
        """The usage and the price. Input includes what was read from the cache, and what was written to it."""
        counts = self._counts
        read, written = counts.get(_READ, 0), counts.get(_WRITTEN, 0)
        usage = ModelUsage(
            input_tokens=counts.get("input_tokens", 0) + read + written,
            output_tokens=counts.get("output_tokens", 0),
            cached_input_tokens=read,
            reasoning_tokens=counts.get("thinking_tokens", 0),
        )
        if self._odd:
            shown = ", ".join(sorted(f"{name}={value!r:.40}" for name, value in self._odd.items()))
            _log.warning("%s reported a usage that cannot be true, which counts as unknown: %s", choice.label, shown)
        known = not self._odd and all(name in counts for name in _ALWAYS)
        return usage, cost_usd(choice, model, usage, written) if known else None

    def _take(self, name: str, value: object) -> None:
        if value is None:
            return
        if (tokens := count(value)) is None:
            self._odd[name] = value
        else:
            self._counts[name] = tokens
