"""The environments of programs that tests start."""

import os
from pathlib import Path

import duragent
from duragent.agent.first_model import PROVIDER_KEYS

_HIDDEN = (*PROVIDER_KEYS.values(), "DURAGENT_TOKEN", "NO_COLOR", "PAGER")


def with_source(**more: str) -> dict[str, str]:
    """This process's environment, in which programs import the duragent that the tests import, and `more`."""
    # Behind what is there: where a safeguard is taken away on purpose, the programs go without it too.
    source = str(Path(duragent.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), source)))
    return {**os.environ, "PYTHONPATH": paths, **more}


def without_models(home: Path) -> dict[str, str]:
    """As `with_source`, of a person at home in that folder, on a machine without any model."""
    # Nothing listens there: the first run must choose the demo model also where Ollama runs.
    environ = with_source(HOME=str(home), OLLAMA_HOST="127.0.0.1:9")
    return {name: value for name, value in environ.items() if name not in _HIDDEN}
