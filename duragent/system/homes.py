"""Where the home folders of this process's user are."""

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def own_homes(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The absolute paths of the home folders: what HOME says, then what the system's list of users says.

    Each once, normalized, whether it exists or not. `/` may be one of them: users without a home often have it.
    """
    homes = [environ.get("HOME", "")]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(dict.fromkeys(Path(os.path.normpath(home)) for home in homes if os.path.isabs(home)))
