"""Files that decide about agents, or that git runs for a person, and that were not there before a command: put aside.

A sandbox keeps a command from changing such a file. One that does not exist yet it cannot cover without making it. So
whoever runs a command looks before and after: what has come into being is renamed, and the model and the log are told.
"""

import os
from collections.abc import Iterable
from pathlib import Path

ASIDE = ".put-aside-by-duragent"


def missing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those of the paths that do not exist, in folders that do: a new repository as a whole is the agent's business."""
    return tuple(path for path in paths if not os.path.lexists(path) and path.parent.is_dir())


def put_aside(paths: Iterable[Path]) -> list[Path]:
    """Rename those that exist now, out of the way of whoever would read them; which ones. Raises OSError."""
    found = [path for path in paths if os.path.lexists(path)]
    for path in found:
        os.rename(path, _free(path))
    return found


def _free(path: Path) -> Path:
    number, aside = 1, path.with_name(path.name + ASIDE)
    while os.path.lexists(aside):
        number, aside = number + 1, path.with_name(f"{path.name}{ASIDE}-{number}")
    return aside
