"""Putting a file back as it was: only at the very place that the log names, and only in the place of what it names.

Blocking. The path of an undo comes from the log, which may come from elsewhere: it is judged as a model's path is, and
no link is followed.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from duragent.system.os_errors import in_words
from duragent.tools.base import Places
from duragent.tools.files.found import found_at
from duragent.tools.files.paths import PathRefused, Spot, judge, remove_file, replace_file


@dataclass(frozen=True, slots=True)
class Restoring:
    """What one file is to become again."""

    path: str
    """Relative to the working directory."""
    now: str | None
    """The SHA-256 of what is replaced; None: nothing is there."""
    then: str | None
    """The SHA-256 of what is put back; None: nothing was there."""
    content: bytes | None
    """What is put back; None: the file is removed."""
    mode: int | None
    """The permissions, where the file is made again; None leaves them to the system."""


def look(path: str, places: Places) -> tuple[str | None, bytes | None]:
    """The SHA-256 and the content of what is there now: None where nothing is, "" where it is too long.

    Raises PathRefused and OSErrors.
    """
    found = found_at(_spot(path, places))
    return found.sha256, found.content


def restore(file: Restoring, places: Places) -> str:
    """Put it back, durably; "" when it is as it was, also by an earlier attempt. Else why not, as a sentence."""
    try:
        spot = _spot(file.path, places)
        found = found_at(spot)
        if found.sha256 == file.then:
            return ""
        if found.sha256 != file.now:
            return "it was changed by someone else since"
        if file.content is None:
            remove_file(spot, found.seen)
        else:
            replace_file(spot, file.content, found.seen, mode=file.mode)
    except PathRefused as error:
        return str(error)
    except OSError as error:
        return in_words(error)
    return ""


def _spot(path: str, places: Places) -> Spot:
    """The spot of a path in the log. Raises PathRefused where a link is on the way."""
    named = places.folder / path
    try:
        real = Path(os.path.realpath(named))
    except (OSError, ValueError):
        raise PathRefused("its name cannot be a path") from None
    if real != named or ".." in Path(path).parts:
        raise PathRefused("a symbolic link leads to another place now")
    return judge(real, places, writing=True)
