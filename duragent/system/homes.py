"""Where the home folders of this process's user are."""

import functools
import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def own_homes(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The absolute paths of the home folders: what HOME says, then what the system's list of users says.

    Each once, normalized, whether it exists or not. `/` may be one of them: users without a home often have it.
    """
    homes = [environ.get("HOME", ""), _listed_home(os.getuid())]
    return tuple(dict.fromkeys(Path(os.path.normpath(home)) for home in homes if os.path.isabs(home)))


@functools.cache
def _listed_home(uid: int) -> str:
    """What the system's list of users says; "" when the user is not in it. Read once: every turn asks."""
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return ""
