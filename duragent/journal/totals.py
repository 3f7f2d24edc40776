"""The sums over a session, with what one more attempt has used. Pure."""

from dataclasses import replace

from duragent.journal.events import ModelFailed, TokenCounts
from duragent.journal.state import Totals


def with_usage(totals: Totals, usage: TokenCounts, cost_usd: float | None) -> Totals:
    return replace(
        totals,
        input_tokens=totals.input_tokens + usage.input,
        output_tokens=totals.output_tokens + usage.output,
        cached_input_tokens=totals.cached_input_tokens + usage.cached_input,
        reasoning_tokens=totals.reasoning_tokens + usage.reasoning,
        cost_usd=totals.cost_usd + (cost_usd or 0.0),
        unpriced=totals.unpriced + (cost_usd is None),
    )


def with_unknown(totals: Totals, event: ModelFailed) -> Totals:
    return replace(
        totals,
        unknown_attempts=totals.unknown_attempts + 1,
        unknown_tokens=totals.unknown_tokens + (event.possible_tokens or 0),
        unknown_usd=totals.unknown_usd + (event.possible_usd or 0.0),
    )
