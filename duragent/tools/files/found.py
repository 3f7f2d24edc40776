"""What a tool finds where it is about to write, and whether that is still what the log keeps. Blocking."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from duragent.tools.files.paths import PathRefused, Spot, open_file

KEPT_MAX_BYTES = 32 << 20
"""Of a longer file the log keeps nothing: a call that overwrites it cannot be undone."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """What is at a spot."""

    content: bytes | None
    """All of it; None when nothing is there, or when it is too long or not to be read."""
    seen: os.stat_result | None
    """How it was then; None when nothing was there."""

    @property
    def mode(self) -> int | None:
        return None if self.seen is None else stat.S_IMODE(self.seen.st_mode)

    @property
    def sha256(self) -> str | None:
        """As `ToolContext.kept` has it."""
        if self.seen is None:
            return None
        return "" if self.content is None else sha256_of(self.content)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def found_at(spot: Spot) -> FoundFile:
    """What is there now. Raises PathRefused and OSErrors."""
    try:
        with open_file(spot) as file:
            seen = os.fstat(file.fileno())
            if seen.st_size > KEPT_MAX_BYTES:
                return FoundFile(None, seen)
            content = file.read(KEPT_MAX_BYTES + 1)
            return FoundFile(content if len(content) <= KEPT_MAX_BYTES else None, seen)
    except FileNotFoundError:
        return FoundFile(None, None)
    except PermissionError:
        # What may not be read may still be replaced; if not, writing says so.
        return FoundFile(None, os.stat(spot.real, follow_symlinks=False))


def kept_name(spot: Spot) -> str:
    """The name of the file in the log: it leads to the same file again, in the same working directory."""
    return str(spot.real.relative_to(spot.places.folder))


def must_be_kept(spot: Spot, found: FoundFile, kept: Mapping[str, str | None]) -> None:
    """Raises PathRefused when the file is not what the log keeps of it: an undo could not bring it back."""
    name = kept_name(spot)
    if name in kept and kept[name] != found.sha256:
        raise PathRefused(f"{spot.shown} was changed by someone else in the meantime; read it again")
