"""litellm's table of models, read from its file: what a model can do and holds, without importing litellm.

The file has 3 MB. Only the entries that are asked for are read from it, and only they are kept.
"""

import asyncio
import functools
import importlib.util
import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from duragent.models.base import ModelChoice
from duragent.models.providers import OLLAMA

_FILE = "model_prices_and_context_window_backup.json"
_KEPT_ENTRIES = 512
_looked_up: set[Hashable] = set()
T = TypeVar("T")
_MAX_ENTRY_BYTES = 64 << 10
_LAYOUT = re.compile(rb'\A\{\r?\n([ \t]+)"')
"""How the file begins when each of its entries begins on a line of its own."""

_SEES = re.compile(
    r"claude|gpt-4o|gpt-4\.1|gpt-5|\bo[34]\b|gemini|grok-4|pixtral|llava|bakllava|moondream|minicpm-v|internvl|vision"
    r"|\bvl\b|vl\d|\dvl|-vl|gemma-?3(?!n)|gemma-?4|llama-?4|mistral-small-?3\.[1-9]|mistral-medium-3|qwen-?3\.[5-9]"
)
_TAKES_PDFS = re.compile(r"claude|gpt-4o|gpt-4\.1|gpt-5|\bo[34]\b|gemini")
_THINKS = re.compile(
    r"claude-(opus|sonnet|haiku|fable|mythos)-[4-9]|claude-3-7|gpt-5|gpt-oss|\bo[134]\b|gemini-(2\.5|[3-9])|qwen-?3"
    r"|deepseek-(r|v3\.[1-9]|v[4-9]|reasoner)|magistral|qwq|grok-[4-9]|glm-?(4\.[5-9]|[5-9])|kimi-k2-thinking"
)
"""Parts of names, for models that the table does not have: names of tomorrow, and of servers on one's own machine."""


@functools.lru_cache(_KEPT_ENTRIES)
def model_facts(provider: str, name: str) -> Mapping[str, Any]:
    """What the table says of the model; nothing when it does not have it. Reads the file at a model's first use."""
    name = name.removeprefix("models/")
    try:
        found = _entries(_table(), (f"{provider}/{name}", name), name)
    except (OSError, ValueError, RecursionError):
        return {}
    for key, facts in found:
        if isinstance(facts, dict) and (key != name or facts.get("litellm_provider") == provider):
            return facts
    return {}


async def looked_up(what: Hashable, look: Callable[[], T]) -> T:
    """What `look` says, which reads facts of models: the first time in a thread, because the file is large.

    `what` names those facts; later they are in memory, and a thread would cost more than they do.
    """
    if what in _looked_up:
        return look()
    said = await asyncio.to_thread(look)
    if len(_looked_up) >= _KEPT_ENTRIES:
        _looked_up.clear()
    _looked_up.add(what)
    return said


def takes_images(choice: ModelChoice) -> bool | None:
    """Whether the model sees; None: nothing is known of it."""
    return _can(choice, ("supports_vision", "supports_image_input"), _SEES)


def takes_pdfs(choice: ModelChoice) -> bool | None:
    """Whether the model's provider takes PDF files; None: nothing is known of it."""
    if choice.provider in OLLAMA:
        return False
    return _can(choice, ("supports_pdf_input",), _TAKES_PDFS)


def thinks(choice: ModelChoice) -> bool | None:
    """Whether the model can think before it answers; None: nothing is known of it."""
    return _can(choice, ("supports_reasoning",), _THINKS)


def _can(choice: ModelChoice, marks: tuple[str, ...], by_name: re.Pattern[str]) -> bool | None:
    """By the table, which marks what a model can do and says little of what it cannot; else by the name."""
    for provider, name in _known_as(choice):
        facts = model_facts(provider, name)
        told = [facts[mark] for mark in marks if isinstance(facts.get(mark), bool)]
        if told:
            return any(told)
        if facts.get("mode") in ("chat", "responses", "completion") and provider not in OLLAMA:
            return False
    return True if by_name.search(choice.name.lower()) else None


def _known_as(choice: ModelChoice) -> Iterator[tuple[str, str]]:
    """Under which names the table may have the model, or the one that it was made from."""
    if choice.name.startswith("ft:"):
        yield choice.provider, choice.name.split(":")[1]
        return
    yield choice.provider, choice.name
    maker, _, name = choice.name.partition("/")
    if choice.provider == "openrouter" and name:
        name = name.partition(":")[0]
        yield maker, name
        # OpenRouter writes claude-sonnet-4.5 for what its maker calls claude-sonnet-4-5.
        yield maker, name.replace(".", "-")
        yield {"google": "gemini", "x-ai": "xai", "mistralai": "mistral"}.get(maker, maker), name


# --- the file -------------------------------------------------------------------------------------------------------


def _table() -> bytes:
    path = _table_path()
    return path.read_bytes() if path else b"{}"


def _entries(table: bytes, keys: Sequence[str], ending: str) -> list[tuple[str, Any]]:
    """The keys, all of which have that ending, that the table has, in their order, with what it says there.

    Raises ValueError when it is no JSON.
    """
    if (layout := _LAYOUT.match(table)) is None:
        whole = json.loads(table)
        return [(key, whole[key]) for key in keys if key in whole] if isinstance(whole, dict) else []
    found: dict[str, Any] = {}
    sought = json.dumps(ending)[1:].encode() + b":"
    at = table.find(sought)
    while at >= 0:
        begin = table.rfind(b"\n", 0, at) + 1
        behind = at + len(sought)
        line = table[begin:behind]
        key = line.strip()[:-1].decode("utf-8", "replace")
        # What stands further to the right is part of an entry, and not the name of one.
        if len(line) - len(line.lstrip()) <= len(layout[1]):
            wanted = [each for each in keys if json.dumps(each) == key]
            found |= dict.fromkeys(wanted, _value(table[behind : behind + _MAX_ENTRY_BYTES]) if wanted else None)
        at = table.find(sought, behind)
    return [(key, found[key]) for key in keys if key in found]


def _value(text: bytes) -> Any:
    """The JSON value that the text begins with. Raises ValueError when there is none."""
    return json.JSONDecoder().raw_decode(text.decode("utf-8", "replace").lstrip())[0]


@functools.cache
def _table_path() -> Path | None:
    # `importlib.resources.files` would import the package, which takes seconds; its specification does not.
    spec = importlib.util.find_spec("litellm")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for folder in folders if (path := Path(folder) / _FILE).is_file()), None)
