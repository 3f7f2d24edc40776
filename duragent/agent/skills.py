"""Skills, by the Agent Skills standard: a folder `<name>/` with a `SKILL.md` (front matter, body) and further files.

The model is shown names and descriptions, and loads what it needs. A skill with a fault is left out and told; it never
takes the others down. Keys that we do not use or know are fine: the standard is not ours.
"""

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, Strict, field_validator

from duragent.agent.folder_files import followed, inside, names_in, read_text_inside, signature
from duragent.agent.front_matter import split_front_matter
from duragent.agent.load import Agent
from duragent.errors import InvalidFile
from duragent.yaml.document import YamlDocument
from duragent.yaml.model import validate
from duragent.yaml.section import YamlSection

FILE_NAME = "SKILL.md"
WORKSPACE_FOLDER = "skills"
MAX_SKILL_BYTES = 256 * 1024
MAX_FILE_BYTES = 256 * 1024
MAX_SKILLS = 200
MAX_LISTED_FILES = 100
MAX_DEPTH = 6
NAME_PATTERN = re.compile(r"[a-z0-9-]{1,64}")
MAX_DESCRIPTION_CHARS = 1024

_TOOL = re.compile(r"[^\s,()]+(?:\([^()]*\))?")


class _FrontMatter(YamlSection):
    """What stands between the two lines `---`."""

    model_config = ConfigDict(defer_build=True, extra="ignore")

    name: str
    description: str
    allowed_tools: str | Annotated[tuple[str, ...], Strict(False)] | None = Field(default=None, alias="allowed-tools")

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, value: str) -> str:
        if not NAME_PATTERN.fullmatch(value):
            raise ValueError("must be 1 to 64 lower-case letters, digits or -")
        return value

    @field_validator("description")
    @classmethod
    def _description_is_there(cls, value: str) -> str:
        if not 1 <= len(value.strip()) <= MAX_DESCRIPTION_CHARS:
            raise ValueError(f"must have 1 to {MAX_DESCRIPTION_CHARS} characters")
        return value.strip()


@dataclass(frozen=True)
class Skill:
    """One skill as its file was when it was read."""

    name: str
    """As its front matter says; the same as its folder's name."""
    folder: Path
    """The folder with its `SKILL.md` and its other files."""
    description: str
    """What it is for; the model sees it before the skill is loaded."""
    body: str
    """The text after the front matter."""
    allowed_tools: tuple[str, ...] | None = None
    """The only tools that may be used while it is active, in the words of its file; None: all tools."""


Skills = tuple[tuple[Skill, ...], tuple[str, ...]]
"""The skills sorted by name, and what is wrong with others, for people."""


def skills_of(agent: Agent, workspace: Path) -> Skills:
    """Those of the workspace and of the agent; of two with one name the agent's counts."""
    own = agent.folder / agent.spec.skills_dir
    shared, faults = load_skills(workspace / WORKSPACE_FOLDER)
    if own.parent == agent.folder and _is_absent(own):
        # As with most agents. What is not there leads nowhere, and following it looks at each folder on the way.
        return shared, faults
    try:
        if not any(followed(own).is_relative_to(followed(place)) for place in (agent.folder, workspace)):
            raise InvalidFile(str(own), "spec.skills_dir leads out of the workspace")
        theirs, more = load_skills(own)
    except InvalidFile as error:
        theirs, more = (), (str(error),)
    found = {skill.name: skill for skill in (*shared, *theirs)}
    return tuple(found[name] for name in sorted(found)), tuple(dict.fromkeys((*faults, *more)))


def _is_absent(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        pass  # Reading it tells why.
    return False


def load_skills(folder: Path) -> Skills:
    """The skills in a folder; a folder that is not there has none. A file that has not changed is not parsed again."""
    try:
        names = [name for name in names_in(folder) if os.path.lexists(folder / name / FILE_NAME)]
    except InvalidFile as error:
        return (), (str(error),)
    found: list[Skill] = []
    faults: list[str] = []
    if len(names) > MAX_SKILLS:
        faults.append(f"{folder}: has {len(names)} skills; the first {MAX_SKILLS} count")
    for name in names[:MAX_SKILLS]:
        skill = _known(folder, name, signature(folder / name / FILE_NAME))
        if isinstance(skill, Skill):
            found.append(skill)
        else:
            faults.append(skill)
    return tuple(sorted(found, key=lambda skill: skill.name)), tuple(faults)


@functools.lru_cache(1024)
def _known(folder: Path, name: str, _signature: tuple[int, ...]) -> Skill | str:
    try:
        return load_skill(folder, name)
    except InvalidFile as error:
        return str(error)


def load_skill(folder: Path, name: str) -> Skill:
    """The skill in `folder/name`. Raises InvalidFile."""
    home = inside(folder, folder / name)
    text = read_text_inside(home, folder / name / FILE_NAME, MAX_SKILL_BYTES)
    document, body = split_front_matter(text, str(folder / name / FILE_NAME), "name: and description:")
    front = validate(document, _FrontMatter)
    if front.name != name:
        document.fail(("name",), f"is '{front.name}', but the folder is '{name}'", "give both the same name")
    return Skill(
        name=name,
        folder=home,
        description=front.description,
        body=body,
        allowed_tools=_tools(document, front.allowed_tools),
    )


def _tools(document: YamlDocument, written: str | tuple[str, ...] | None) -> tuple[str, ...] | None:
    if written is None:
        return None
    found = tuple(each.strip() for each in written) if isinstance(written, tuple) else tuple(_TOOL.findall(written))
    rest = "".join(_TOOL.sub("", each) for each in ((written,) if isinstance(written, str) else found))
    if rest.strip(" \t\r\n,"):
        document.fail(("allowed-tools",), "has a parenthesis that is not closed", "write it as in: Read Bash(git *)")
    return tuple(dict.fromkeys(each for each in found if each))


# --- files of a skill -----------------------------------------------------------------------------------------------


def files_of(skill: Skill) -> tuple[str, ...]:
    """The paths of the skill's further files, relative to its folder, sorted; at most `MAX_LISTED_FILES`."""
    found: list[str] = []
    for path in _walk(skill.folder):
        if len(found) == MAX_LISTED_FILES:
            break
        if path != FILE_NAME and path.isprintable():
            found.append(path)
    return tuple(found)


def _walk(folder: Path, prefix: str = "", depth: int = 0) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir() and depth < MAX_DEPTH:
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", depth + 1)
        elif entry.is_file():
            yield prefix + entry.name


def read_file_of(skill: Skill, file: str) -> str:
    """The text of a file in the skill's folder, wherever links lead. Raises InvalidFile."""
    if not file or file.startswith(("/", "~")) or "\0" in file:
        raise InvalidFile(file.replace("\0", "\\0"), "is not a path in the skill's folder")
    return read_text_inside(skill.folder, skill.folder / file, MAX_FILE_BYTES)
