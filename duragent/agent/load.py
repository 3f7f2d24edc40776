"""One agent, read from its folder: `agent.yaml`, its texts, and what they name. A fault anywhere is one InvalidFile."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from duragent.agent.always import Always, load_always
from duragent.agent.folder_files import inside, read_text_inside
from duragent.agent.includes import Includes
from duragent.agent.model_file import background_model, used_model, with_embedding, with_fields_of
from duragent.agent.spec import AgentFile, AgentSpec, Metadata, ModelFields
from duragent.errors import InvalidFile
from duragent.yaml.document import YamlDocument, read_yaml
from duragent.yaml.model import validate

FILE_NAME = "agent.yaml"
PROMPT_FILES = {"soul": "SOUL.md", "system_prompt": "SYSTEM_PROMPT.md", "instructions": "INSTRUCTIONS.md"}
MAX_PROMPT_BYTES = 256 * 1024

_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True)
class Agent:
    """An agent as its files were when they were read."""

    name: str
    """The name of its folder, which is also `metadata.name`."""
    folder: Path
    """The folder as it was given: a symbolic link is not followed."""
    metadata: Metadata
    """The `metadata` block of agent.yaml."""
    spec: AgentSpec
    """The `spec` block of agent.yaml."""
    soul: str
    """The text of the prompt with what it includes, and with its other `{{…}}`; "" when there is no such file."""
    system_prompt: str
    """As `soul`."""
    instructions: str
    """As `soul`."""
    fingerprint: str
    """16 hex digits over the name, the spec and the texts: with another one the agent may behave differently."""
    always: tuple[Always, ...] = ()
    """What its model reads again with every question."""
    home: str = ""
    """Its folder as seen from the workspace, such as `agents/ada`."""
    from_model_file: tuple[str, ...] = ()
    """The fields of `spec.model` that stand in the file that `spec.model.use` names."""
    included: tuple[Path, ...] = ()
    """The files that its texts include."""
    background_model: ModelFields | None = None
    """What the file says that `spec.memory.sleep.model` names; None when it names none."""


def load_agent(folder: Path, workspace: Path | None = None) -> Agent:
    """The agent in `folder`. Raises InvalidFile. `workspace` None: the folder above the one with all agents."""
    workspace = folder.absolute().parent.parent if workspace is None else workspace
    document = read_yaml(folder / FILE_NAME)
    taken: tuple[str, ...] = ()
    model = used_model(document, workspace)
    if model is not None:
        document, taken = with_fields_of(document, model)
    file = validate(with_embedding(document, workspace), AgentFile)
    name, folder_name = file.metadata.name, folder.absolute().name
    if name != folder_name:
        document.fail(
            ("metadata", "name"), f"is '{name}', but the folder is '{folder_name}'", "give both the same name"
        )
    includes = Includes(folder, workspace)
    prompts: dict[str, str] = {}
    for field in PROMPT_FILES:
        named = getattr(file.spec, field)
        text = _prompt(folder, document, field, named)
        prompts[field] = includes.expanded(folder / (PROMPT_FILES[field] if named is None else named), text)
    home = _home(folder, workspace)
    always = load_always(folder, home, model, includes)
    return Agent(
        name=name,
        folder=folder,
        metadata=file.metadata,
        spec=file.spec,
        fingerprint=_fingerprint(name, file.spec, prompts, always),
        always=always,
        home=home,
        from_model_file=taken,
        included=includes.files,
        background_model=background_model(document, file.spec, workspace),
        **prompts,
    )


def _home(folder: Path, workspace: Path) -> str:
    """The folder as seen from the workspace, else from the project, else the whole path."""
    here = folder.absolute()
    for around in (workspace.absolute(), workspace.absolute().parent):
        if here.is_relative_to(around):
            return here.relative_to(around).as_posix()
    return str(here)


def _prompt(folder: Path, document: YamlDocument, field: str, named: str | None) -> str:
    path = folder / (PROMPT_FILES[field] if named is None else named)
    if named is None:
        return read_text_inside(folder, path, MAX_PROMPT_BYTES) if os.path.lexists(path) else ""
    try:
        is_there = inside(folder, path).exists()
    except InvalidFile as error:
        document.fail(("spec", field), error.problem)
    except OSError as error:
        document.fail(("spec", field), f"cannot be read: {error.strerror}")
    if not is_there:
        document.fail(("spec", field), f"names '{named}', which does not exist in {folder}")
    return read_text_inside(folder, path, MAX_PROMPT_BYTES)


def _fingerprint(name: str, spec: AgentSpec, prompts: Mapping[str, str], always: Sequence[Always]) -> str:
    # Without defaults: a field that a later version adds does not change the agents that do not use it.
    content = [name, spec.model_dump(mode="json", exclude_defaults=True), dict(prompts)]
    if always:
        content.append([part.text for part in always])
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def variables(agent: Agent, now: datetime) -> dict[str, str]:
    """What a prompt's `{{…}}` stand for at the moment `now`. Date and time are in UTC."""
    utc = now.astimezone(UTC)
    return {
        "date": utc.strftime("%Y-%m-%d"),
        "time": utc.strftime("%H:%M UTC"),
        "agent.name": agent.name,
        "agent.home": str(agent.folder),
    }


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its `{{name}}` replaced; unknown names and what is not closed stay as they are."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)
