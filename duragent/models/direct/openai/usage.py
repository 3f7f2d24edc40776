"""What a server that speaks Chat Completions reports of an answer's tokens and price. Pure."""

import logging
from collections.abc import Mapping
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.costs import cost_usd
from duragent.models.direct.openai.servers import ChatServer
from duragent.models.messages import ModelUsage, count, price

_log = logging.getLogger(__name__)


def usage_and_cost(
    choice: ModelChoice, server: ChatServer, model: str, reported: Any
) -> tuple[ModelUsage, float | None]:
    """The counts and the price. What is no count is 0, and such an answer has no price but the provider's own."""
    if reported is None:
        return ModelUsage(), None
    odd: list[str] = []
    usage = _usage(reported, odd)
    if odd:
        shown = ", ".join(sorted(set(odd)))
        _log.warning("%s reported a usage that cannot be true, which counts as unknown: %s", choice.label, shown)
    if server.cost_in_usage and (charged := _charged(reported)) is not None:
        return usage, None if odd else charged
    return usage, None if odd else cost_usd(choice, model, usage)


def _usage(reported: Any, odd: list[str]) -> ModelUsage:
    if not isinstance(reported, Mapping):
        odd.append(f"usage={reported!r:.40}")
        return ModelUsage()

    def number(holder: Mapping[str, Any], *names: str, always: bool = False) -> int:
        for name in names:
            value = holder.get(name)
            if value is None and not (always and name in holder):
                continue
            if (tokens := count(value)) is not None:
                return tokens
            odd.append(f"{name}={value!r:.40}")
        return 0

    asked, answered = _details(reported, "prompt", odd), _details(reported, "completion", odd)
    question = number(reported, "prompt_tokens", always=True)
    answer = number(reported, "completion_tokens", always=True)
    reasoning = number(answered, "reasoning_tokens") or number(reported, "reasoning_tokens")
    total = number(reported, "total_tokens")
    if total > question + answer and (reasoning > answer or total == question + answer + reasoning or not answered):
        # Gemini and xAI do not count the reasoning as part of the answer, and it is paid for as such.
        answer = total - question
    return ModelUsage(
        input_tokens=question,
        output_tokens=answer,
        cached_input_tokens=number(asked, "cached_tokens")
        or number(reported, "prompt_cache_hit_tokens", "cached_tokens"),
        reasoning_tokens=reasoning,
    )


def _details(reported: Mapping[str, Any], of: str, odd: list[str]) -> Mapping[str, Any]:
    details = reported.get(f"{of}_tokens_details")
    if details is not None and not isinstance(details, Mapping):
        odd.append(f"{of}_tokens_details={details!r:.40}")
    return details if isinstance(details, Mapping) else {}


def _charged(reported: Any) -> float | None:
    """What OpenRouter took, and with a key of one's own also what the provider behind it takes."""
    if not isinstance(reported, Mapping) or (charged := price(reported.get("cost"))) is None:
        return None
    details = reported.get("cost_details")
    behind = price(details.get("upstream_inference_cost")) if isinstance(details, Mapping) else None
    return charged + behind if reported.get("is_byok") is True and behind else charged
