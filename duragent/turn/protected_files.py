"""Protected files that a command has created: they decide about agents, or git runs them for a person. Put aside.

A sandbox keeps a command from changing such a file, but it cannot cover a file that does not exist. So the runner of a
command looks before and after: a file that was created is renamed, and the result of the call says so.
"""

import os
from collections.abc import Iterable
from pathlib import Path

ASIDE = ".put-aside-by-duragent"


def missing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """The paths that do not exist, in folders that do: a command may make a whole new repository."""
    return tuple(path for path in paths if not os.path.lexists(path) and path.parent.is_dir())


def put_aside(paths: Iterable[Path]) -> list[Path]:
    """Rename those that exist now, so that no program reads them; returns which. Raises OSError."""
    created = [path for path in paths if os.path.lexists(path)]
    for path in created:
        os.rename(path, _free(path))
    return created


def _free(path: Path) -> Path:
    number, aside = 1, path.with_name(path.name + ASIDE)
    while os.path.lexists(aside):
        number, aside = number + 1, path.with_name(f"{path.name}{ASIDE}-{number}")
    return aside
