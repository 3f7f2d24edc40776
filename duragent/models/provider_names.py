"""The names of all providers that litellm knows, read from its source, without importing it."""

import ast
import difflib
import functools
import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from duragent.models.providers import PROVIDERS

_FILE = "types/utils.py"
_CLASS = re.compile(r"^class LlmProviders\(.*?(?=^\S)", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"""^    \w+ = ("[^"\n]*"|'[^'\n]*')""", re.MULTILINE)
_NEARLY_THE_SAME = 0.6


@functools.cache
def provider_names() -> frozenset[str]:
    """All of them, with ours; empty when litellm is not there, or keeps its list elsewhere. Reads a file, once."""
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            text = (Path(folder) / _FILE).read_text("utf-8")
        except (OSError, ValueError):
            continue
        if (listed := _CLASS.search(text)) is not None:
            names = {str(ast.literal_eval(member[1])) for member in _MEMBER.finditer(listed[0])}
            return frozenset(names | set(PROVIDERS) | {"demo"})
    return frozenset()


def unknown_provider(provider: str) -> str | None:
    """A sentence that says what would be right, when there is no such provider; None when there is, or may be."""
    names = provider_names()
    if not names or provider in names:
        return None
    return f"there is no provider '{provider}'{did_you_mean(provider, names)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or "" when nothing is near."""
    near = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=_NEARLY_THE_SAME)
    return f"; did you mean '{near[0]}'?" if near else ""
