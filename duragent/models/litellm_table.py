"""litellm's table of models, read from its file: what a model can do and holds, without importing litellm."""

import functools
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FILE = "model_prices_and_context_window_backup.json"


def model_facts(provider: str, name: str) -> Mapping[str, Any]:
    """What the table says of the model; nothing when it does not have it. Reads the file at the first use."""
    known = table()
    for key in (f"{provider}/{name}", name):
        found = known.get(key)
        if isinstance(found, dict) and (key != name or found.get("litellm_provider") == provider):
            return found
    return {}


@functools.cache
def table() -> Mapping[str, Any]:
    """The whole table, once for the process; empty when litellm's file is not there or is no JSON object."""
    # `importlib.resources.files` would import the package, which takes seconds; its specification does not.
    spec = importlib.util.find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        try:
            read = json.loads((Path(folder) / _FILE).read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(read, dict):
            return read
    return {}
