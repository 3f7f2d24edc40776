"""Tools that are folders: `tools/<name>/run*`, in the agent's folder and then in the workspace's.

The law of this file: looking runs nothing and follows no link out of the `tools` folder, and the same files give the
same tools in the same order. What cannot be used becomes a fault, and does not take the others along.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from duragent.agent.folder_files import inside
from duragent.errors import InvalidFile
from duragent.tools.programs.program import Program, argv_of, description_in
from duragent.tools.programs.schema import load_schema
from duragent.tools.programs.tool import ProgramTool
from duragent.yaml.document import unreadable
from duragent.yaml.validation_words import cut

TOOLS_FOLDER = "tools"
README = "README.md"
SCHEMA = "schema.json"
MAX_FOLDERS = 256
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NAME_RULE = "must be 1 to 64 letters a-z or A-Z, digits, - or _"

_LEFT_BY_EDITORS = ("~", ".bak", ".orig", ".swp", ".tmp", ".pyc")


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found."""

    tools: tuple[ProgramTool, ...] = ()
    """Sorted by name, the agent's own first."""
    scanned: tuple[Path, ...] = ()
    """The folders that exist and were looked into."""
    faults: tuple[str, ...] = ()
    """Sentences about what cannot be used."""


def discover(agent_folder: Path, workspace: Path, *, trusted: bool = True) -> Discovered:
    """The tools of both folders: sorted by name, the agent's first; of two with one name the first.

    Blocks on the disk. With `trusted` False no tool is given, whatever lies there: what came with a workspace must not
    run before a person has said so.
    """
    roots = [root for root in dict.fromkeys((agent_folder, workspace)) if os.path.isdir(root / TOOLS_FOLDER)]
    if not trusted:
        return Discovered(
            faults=tuple(f"{root / TOOLS_FOLDER}: left out until this workspace is trusted" for root in roots)
        )
    found: dict[str, ProgramTool | None] = {}
    faults: list[str] = []
    for folder in (folder for root in roots for folder in _folders(root, faults)):
        if folder.name in found:
            continue
        try:
            if run := _run_file(folder):
                found[folder.name] = _tool(folder, run, folder.parent)
        except InvalidFile as error:
            # A tool that is broken keeps its name: another one must not take its place unseen.
            found[folder.name] = None
            faults.append(str(error))
    tools = tuple(tool for tool in found.values() if tool is not None)
    return Discovered(tools, tuple(root / TOOLS_FOLDER for root in roots), tuple(faults))


def _folders(root: Path, faults: list[str]) -> list[Path]:
    """The folders that may be tools, sorted by name."""
    tools = root / TOOLS_FOLDER
    try:
        inside(root, tools)
        with os.scandir(tools) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir())
    except InvalidFile as error:
        faults.append(str(error))
        return []
    except OSError as error:
        faults.append(str(unreadable(tools, error)))
        return []
    if len(names) > MAX_FOLDERS:
        faults.append(
            f"{tools}: has more than {MAX_FOLDERS} folders; those after '{names[MAX_FOLDERS - 1]}' are left out"
        )
    return [tools / name for name in names[:MAX_FOLDERS]]


def _run_file(folder: Path) -> Path | None:
    """The folder's `run` or `run.*`, None when it has none. Raises InvalidFile."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if _is_run(entry))
    except OSError as error:
        raise unreadable(folder, error) from error
    if len(names) > 1:
        raise InvalidFile(str(folder), f"has several programs, {cut(', '.join(names))}", hint="keep one of them")
    return folder / names[0] if names else None


def _is_run(entry: "os.DirEntry[str]") -> bool:
    named = entry.name == "run" or entry.name.startswith("run.")
    if not named or entry.name.endswith(_LEFT_BY_EDITORS):
        return False
    # A link that leads nowhere counts: it becomes a fault.
    return entry.is_symlink() or entry.is_file()


def _tool(folder: Path, run: Path, root: Path) -> ProgramTool:
    """Raises InvalidFile."""
    if not NAME.fullmatch(folder.name):
        raise InvalidFile(ascii(str(folder))[1:-1], f"cannot be the name of a tool: it {NAME_RULE}")
    inside(root, run)
    readme = folder / README
    described = description_in(readme, root) if os.path.lexists(readme) else ""
    schema = load_schema(folder / SCHEMA, root)
    return ProgramTool(Program(folder.name, argv_of(run), folder, described, schema))
