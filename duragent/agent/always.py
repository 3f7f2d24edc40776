"""The words that a model reads again with every question: `always.md`, and those of the model's own file.

An agent's own `always.md` replaces `always.md` of the folder in which all agents lie. An empty one says nothing.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from duragent.agent.folder_files import read_text_inside
from duragent.agent.includes import MAX_INCLUDED_BYTES, Includes
from duragent.agent.model_file import FOLDER as MODELS
from duragent.agent.model_file import SharedModel

FILE_NAME = "always.md"
MAX_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True)
class Always:
    """One part of it."""

    source: str
    """Its file as seen from the workspace."""
    text: str
    """With its `{{…}}`; never blank."""
    of_model: bool = False
    """It belongs to the agent's model, and is left out where another one answers."""


def load_always(folder: Path, home: str, model: SharedModel | None, includes: Includes) -> tuple[Always, ...]:
    """The parts, the model's last. Raises InvalidFile, also when they are more than 4 KiB together.

    `home` is the agent's folder as seen from the workspace.
    """
    parts: list[Always] = []
    for path, shown in ((folder, home), (folder.absolute().parent, os.path.dirname(home))):
        if os.path.lexists(path / FILE_NAME):
            text = read_text_inside(path, path / FILE_NAME, MAX_INCLUDED_BYTES)
            said = includes.expanded(path / FILE_NAME, text, MAX_BYTES)
            parts = _filled(Always(os.path.join(shown, FILE_NAME), said.strip()))
            break
    if model is not None and model.spec.always:
        parts += _filled(Always(f"{MODELS}/{model.name}.yaml", model.spec.always.strip(), of_model=True))
    if model is not None and len(joined(parts).encode()) > MAX_BYTES:
        before = f" together with {parts[0].source}" if len(parts) > 1 else ""
        model.document.fail(("spec", "always"), f"is longer than {MAX_BYTES // 1024} KiB{before}")
    return tuple(parts)


def joined(parts: Iterable[Always]) -> str:
    """One text, with a blank line between the parts."""
    return "\n\n".join(part.text for part in parts)


def _filled(part: Always) -> list[Always]:
    return [part] if part.text else []
