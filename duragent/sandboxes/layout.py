"""What a command sees at which path, as mounts from the outside inwards: shared by the sandboxes that mount.

The law: the deeper path wins; at the same path a hidden one wins over a read-only one, and that over a writable one.

A mount sits on a path, and a path can be renamed from inside: `mv .duragent x` in a writable folder would carry a
read-only folder below away, and the next command would find nothing in its place. So each folder between a writable
folder and something protected in it is a mount of its own, which the kernel refuses to rename or to remove.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from duragent.sandboxes.base import Confinement
from duragent.text import printable

Access = Literal["read", "write", "hide", "private"]
"""`hide` shows nothing, `private` an empty folder of its own that can be written and is gone with the command."""

ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Layer:
    """One mount, to be made after those before it."""

    path: Path
    access: Access


def layers(base: Mapping[Path, Access], within: Confinement) -> list[Layer]:
    """The mounts for `within`, whose paths are real (see `on_disk`), on top of `base`, which says what "/" is."""
    accesses: dict[Path, Access] = dict(base)
    accesses.update((path, "write") for path in within.writable)
    accesses.update((path, "read") for path in within.read_only)
    accesses.update((path, "hide") for path in within.hidden)
    needed = {path: access for path, access in accesses.items() if path == ROOT or _differs(accesses, path)}
    mounts = needed | dict.fromkeys(_pins(needed), "write")
    return [Layer(path, mounts[path]) for path in sorted(mounts, key=lambda path: (len(path.parts), path))]


def access_to(path: Path, mounts: Iterable[Layer]) -> Access:
    """What holds at a real path."""
    return _nearest({layer.path: layer.access for layer in mounts}, path)


def _nearest(accesses: Mapping[Path, Access], path: Path) -> Access:
    while path not in accesses:
        path = path.parent
    return accesses[path]


def _differs(accesses: Mapping[Path, Access], path: Path) -> bool:
    outer = _nearest(accesses, path.parent)
    if accesses[path] == "private":
        return True  # A home in a home, or in /tmp, is to be there.
    return accesses[path] != outer and not (accesses[path] == "hide" and outer == "private")


def _pins(needed: Mapping[Path, Access]) -> set[Path]:
    """The folders that must not be renamed, because something protected lies in them."""
    protected = [path for path, access in needed.items() if access != "write"]
    above = {folder for path in protected for folder in path.parents}
    return {folder for folder in above if folder not in needed and _nearest(needed, folder) == "write"}


def on_disk(within: Confinement) -> Confinement:
    """The same with links followed and without what does not exist.

    A path that lies in a writable folder and leads out of it is left out: a command may have put a link there, so that
    the next one could write, or in a container read, wherever it wanted.
    """
    roots = [_real(path) for path in within.writable]

    def stays(path: Path) -> bool:
        real, above = _real(path), {_real(folder) for folder in Path(os.path.abspath(path)).parents}
        inside = (root for root in roots if any(folder.is_relative_to(root) for folder in above))
        return os.path.exists(real) and all(real.is_relative_to(root) for root in inside)

    return Confinement(
        writable=tuple(_real(path) for path in within.writable if stays(path)),
        read_only=tuple(_real(path) for path in within.read_only if stays(path)),
        hidden=existing(within.hidden),
        network=within.network,
        readable=existing(within.readable),
        temporary=next(iter(existing([within.temporary] if within.temporary else [])), None),
    )


def existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those that are there, with links followed."""
    # The first look is cheap, and most of a long list is not there.
    return tuple(real for path in paths if os.path.lexists(path) and os.path.exists(real := _real(path)))


def in_words(name: str, within: Confinement, *, network: bool) -> str:
    """`bubblewrap, /home/me/project, network off`: one line, whatever the paths contain."""
    where = " + ".join(printable(str(path)).replace("\n", "\N{REPLACEMENT CHARACTER}") for path in within.writable)
    return f"{name}, {where or 'nothing writable'}, network {'on' if network else 'off'}"


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
