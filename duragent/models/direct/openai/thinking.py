"""How a request in Chat Completions says how much the model should think. Pure."""

import re
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.direct.openai.servers import ChatServer
from duragent.models.facts import thinks
from duragent.models.levels import level_of
from duragent.models.messages import ThinkingLevel

_THINKS_WITHOUT_TOOLS = re.compile(r"(^|/)gpt-(5\.[4-9]|[6-9])")
_FORCED_GEMINI = re.compile(r"gemini-(2\.5-pro|[3-9])")


def thinking_fields(
    choice: ModelChoice, server: ChatServer, thinking: ThinkingLevel | int | None, *, has_tools: bool
) -> dict[str, Any]:
    """The fields of the request that say so; none where nothing is asked for, or where the model is known not to think.

    Where thinking cannot be switched off, the model is asked for the least.
    """
    if server.thinking == "openai" and has_tools and _THINKS_WITHOUT_TOOLS.search(choice.name.lower()):
        # In this protocol OpenAI refuses tools to them otherwise, also where nothing is said of thinking.
        return {"reasoning_effort": "none"}
    if thinking is None or thinks(choice) is False:
        return {}
    level = _level(thinking)
    budget = thinking if isinstance(thinking, int) else None
    match server.thinking:
        case "openrouter":
            return {
                "reasoning": {"effort": "none" if level == "off" else level}
                if budget is None
                else {"max_tokens": budget}
            }
        case "openai":
            return {"reasoning_effort": _least_of_openai(choice.name) if level == "off" else level}
        case "gemini":
            return _of_gemini(choice.name, level, budget)
        case "mistral":
            return {} if "magistral" in choice.name else {"reasoning_effort": "none" if level == "off" else "high"}
        case "groq" if "gpt-oss" not in choice.name:
            return {"reasoning_effort": "none" if level == "off" else "default"}
        case "switch":
            switched: dict[str, Any] = {"thinking": {"type": "disabled" if level == "off" else "enabled"}}
            return switched if level == "off" else switched | {"reasoning_effort": level}
        case "groq" if level == "off":
            return {"reasoning_effort": "low"}
        case "effort" if level == "off":
            # Servers of open models hand this to the model's own template, and ignore it where there is no such switch.
            return {"chat_template_kwargs": {"enable_thinking": False}}
    return {"reasoning_effort": level}


def _level(thinking: ThinkingLevel | int) -> ThinkingLevel:
    return level_of(thinking) if isinstance(thinking, int) else thinking


def _least_of_openai(name: str) -> str:
    """GPT-5 knows `minimal`, its successors `none`, all before them only `low`."""
    if re.search(r"gpt-(5\.[1-9]|[6-9])", name):
        return "none"
    return "minimal" if "gpt-5" in name else "low"


def _of_gemini(name: str, level: ThinkingLevel, budget: int | None) -> dict[str, Any]:
    if budget is not None:
        return {"extra_body": {"google": {"thinking_config": {"thinking_budget": budget}}}}
    if level == "off":
        return {"reasoning_effort": "low" if _FORCED_GEMINI.search(name) else "none"}
    return {"reasoning_effort": level}
