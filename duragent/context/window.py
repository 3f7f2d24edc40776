"""How much a model can read: its context window, from the agent's file, else what Ollama says, else litellm's table,
else its name."""

import asyncio
import os
from functools import partial

from duragent.agent.spec import ModelSpec
from duragent.models.facts import looked_up, model_facts
from duragent.models.local_servers import ASKED_TOKENS, TOLD
from duragent.models.providers import OLLAMA, ollama_url

WINDOWS_TOKENS = (
    ("claude", 200_000),
    ("gpt-5", 400_000),
    ("gpt-4.1", 1_000_000),
    ("gemini", 1_000_000),
    ("grok-4", 2_000_000),
    ("grok", 131_072),
    ("deepseek-v3", 163_840),
    ("deepseek-chat-v3", 163_840),
    ("qwen3", 131_072),
    ("llama-4", 327_680),
    ("mistral-large", 262_144),
)
"""Context windows by a part of the model's name, the first that fits; as in duragent v0.5."""

DEFAULT_WINDOW_TOKENS = 128_000


async def find_window(model: ModelSpec) -> int:
    """The window. Asks and looks in a thread: Ollama may be slow, and litellm's table is a file of 3 MB."""
    if model.max_input_tokens is not None or model.provider == "demo":
        return window_tokens(model)
    if model.provider in OLLAMA:
        told = await asyncio.to_thread(TOLD.window, model.base_url or ollama_url(os.environ), model.name)
        # Through litellm no request can ask for a window.
        window = told.running if model.adapter == "litellm" else told.to_ask_for
        if window is not None:
            return window
    found = window_tokens(model, await looked_up(("window", model.provider, model.name), partial(listed_window, model)))
    return min(found, ASKED_TOKENS) if model.provider in OLLAMA else found


def listed_window(model: ModelSpec) -> int | None:
    """What litellm's table says. Blocks."""
    for name in dict.fromkeys((model.name, model.name.lower(), model.name.lower().partition(":")[0])):
        facts = model_facts(model.provider, name)
        window = facts.get("max_input_tokens") or facts.get("max_tokens")
        if isinstance(window, int) and window > 0:
            return window
    return None


def window_tokens(model: ModelSpec, listed: int | None = None) -> int:
    """The window by what is known: the agent's own figure wins over the table's, and that over the name."""
    name = model.name.lower()
    by_name = (window for part, window in WINDOWS_TOKENS if part in name)
    return model.max_input_tokens or listed or next(by_name, DEFAULT_WINDOW_TOKENS)
