"""Templates of messages: `commands/*.md` of the workspace and of the agent. `/review src` in a chat uses `review.md`.

A template runs nothing by itself: it is text that a person sends. One with a fault is left out and reported.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from duragent.agent.folder_files import names_in, read_text_inside, signature
from duragent.agent.front_matter import has_front_matter, split_front_matter
from duragent.errors import InvalidFile
from duragent.yaml.model import validate
from duragent.yaml.section import YamlSection

FOLDER = "commands"
ARGUMENTS = "$ARGUMENTS"
MAX_TEMPLATE_BYTES = 256 * 1024
MAX_TEMPLATES = 200
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class TemplateFrontMatter(YamlSection):
    """What may stand between the two lines `---`."""

    description: str = Field(default="", max_length=200, description="What it does, for the menu.")
    arguments: str = Field(default="", max_length=100, description="What is typed behind its name, for the menu.")


@dataclass(frozen=True)
class Template:
    """One file."""

    name: str
    """The file's name without `.md`."""
    path: Path
    """The file."""
    text: str
    """What is sent; `$ARGUMENTS` stands for what was typed behind the name."""
    description: str = ""
    """Half a line for people."""
    arguments: str = ""
    """What may be typed behind the name, as a person reads it."""

    def message(self, arguments: str) -> str:
        """The message for these arguments; they come last where the text has no place for them."""
        if ARGUMENTS in self.text:
            return self.text.replace(ARGUMENTS, arguments)
        return f"{self.text}\n\n{arguments}" if arguments else self.text


Templates = tuple[tuple[Template, ...], tuple[str, ...]]
"""The templates sorted by name, and what is wrong with others, for people."""


def load_templates(workspace: Path, agent_folder: Path) -> Templates:
    """Those of the workspace and of the agent; of two with one name the agent's counts."""
    found: dict[str, Template] = {}
    faults: list[str] = []
    for folder in (workspace / FOLDER, agent_folder / FOLDER):
        try:
            names = [name for name in names_in(folder) if name.endswith(".md")]
        except InvalidFile as error:
            faults.append(str(error))
            continue
        if len(names) > MAX_TEMPLATES:
            faults.append(f"{folder}: has {len(names)} templates; the first {MAX_TEMPLATES} count")
        for name in names[:MAX_TEMPLATES]:
            template = _known(folder, name, signature(folder / name))
            if isinstance(template, Template):
                found[template.name] = template
            else:
                faults.append(template)
    return tuple(found[name] for name in sorted(found)), tuple(faults)


@functools.lru_cache(1024)
def _known(folder: Path, name: str, _signature: tuple[int, ...]) -> Template | str:
    try:
        return _load(folder, folder / name)
    except InvalidFile as error:
        return str(error)


def _load(folder: Path, path: Path) -> Template:
    if not NAME_PATTERN.fullmatch(path.stem):
        raise InvalidFile(str(path), "is no name for a command", hint="use letters, digits, - and _")
    text = read_text_inside(folder, path, MAX_TEMPLATE_BYTES)
    front = TemplateFrontMatter()
    if has_front_matter(text):
        document, text = split_front_matter(text, str(path), "description: and arguments:")
        front = validate(document, TemplateFrontMatter)
    if not text.strip():
        raise InvalidFile(str(path), "has no text to send")
    return Template(
        path.stem, path, text.strip(), " ".join(front.description.split()), " ".join(front.arguments.split())
    )
