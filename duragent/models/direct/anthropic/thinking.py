"""How a model is asked to think, and how long its answer may be then. Pure."""

from dataclasses import dataclass
from typing import Any

from duragent.errors import BadModelRequest
from duragent.models.base import ModelChoice
from duragent.models.direct.anthropic.claude import ClaudeFacts
from duragent.models.levels import BUDGETS, ThinkingStrength, level_of
from duragent.models.messages import ModelRequest, OneTool

_LEAST_BUDGET = 1024
_ROOM: dict[str, int] = {"low": 4096, "medium": 16384, "high": 32768}
"""For thinking whose length the model decides; in front of the answer itself."""

_ANSWER_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Thought:
    """What a request says of thinking."""

    config: dict[str, Any] | None = None
    """The field `thinking`; None: it is left out."""
    effort: str | None = None
    """In `output_config`."""
    max_tokens: int | None = None
    """The limit of thinking and answer together; None: as without thinking."""
    is_on: bool = False
    """The model thinks, or may."""
    gives_back: bool = True
    """Earlier thinking is sent along."""


def thought_of(choice: ModelChoice, facts: ClaudeFacts, request: ModelRequest, *, thinking_is_missing: bool) -> Thought:
    """`thinking_is_missing`: the calls of the running turn came without the thinking that led to them.

    Raises BadModelRequest where the model cannot do what is asked.
    """
    forced = bool(request.tools) and (request.tool_choice == "required" or isinstance(request.tool_choice, OneTool))
    if forced and not facts.takes_forced_calls:
        raise BadModelRequest(f"{choice.label} cannot be told that it must call a tool: `tool_choice` is auto or none")
    wanted = request.thinking
    if wanted == "off" and facts.always_thinks:
        # It is asked for the least.
        wanted = "low"
    if forced and not facts.always_thinks:
        # Who must call does not think first; no provider of this protocol takes both.
        wanted = "off"
    if not facts.thinks:
        return Thought(gives_back=False)
    if facts.takes_effort and not (facts.takes_budget and isinstance(wanted, int)):
        return _by_effort(facts, request, wanted)
    if wanted is None or wanted == "off" or thinking_is_missing:
        # Off is the default of these.
        return Thought(gives_back=wanted is None and facts.thinks_by_itself)
    return _by_budget(choice, request, wanted)


def _by_effort(facts: ClaudeFacts, request: ModelRequest, wanted: str | int | None) -> Thought:
    if wanted == "off":
        return Thought({"type": "disabled"} if facts.thinks_by_itself else None, gives_back=False)
    level = level_of(wanted) if isinstance(wanted, int) else wanted
    if level is None and not facts.thinks_by_itself:
        return Thought(gives_back=False)
    config: dict[str, Any] = {"type": "adaptive"}
    if facts.hides_thinking:
        # Some say there what they are about to do between two calls, and nothing else.
        config["display"] = "summarized"
    if facts.binds_thinking and any(message.opaque for message in request.messages):
        # The system message and the tools may change between two questions, and a long conversation is cut.
        config["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
    max_tokens = request.max_output_tokens or _ANSWER_TOKENS + _ROOM[level or "high"]
    return Thought(config, level, max_tokens, is_on=True)


def _by_budget(choice: ModelChoice, request: ModelRequest, wanted: ThinkingStrength | int) -> Thought:
    budget = max(_LEAST_BUDGET, wanted) if isinstance(wanted, int) else BUDGETS[wanted]
    limit = request.max_output_tokens
    if limit is not None and limit <= budget:
        if isinstance(wanted, int):
            raise BadModelRequest(
                f"{choice.label}: `max_output_tokens: {limit}` counts thinking, too: it must be more than the "
                f"{budget} tokens of `thinking`"
            )
        budget = limit // 2
        if budget < _LEAST_BUDGET:
            raise BadModelRequest(
                f"{choice.label}: `max_output_tokens: {limit}` leaves no room for thinking: at least "
                f"{2 * _LEAST_BUDGET} do, or `thinking: off`"
            )
    config = {"type": "enabled", "budget_tokens": budget}
    return Thought(config, max_tokens=limit or budget + _ANSWER_TOKENS, is_on=True)
