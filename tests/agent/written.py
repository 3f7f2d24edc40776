"""Agents and skills, written as files and read back."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from duragent.agent.load import Agent, load_agent
from duragent.agent.spec import AgentFile, AgentSpec
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import validate

HEAD = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: a}\n"
MODEL = "  model: {provider: openai, name: m}\n"
FRONT = "---\nname: {name}\ndescription: {description}\n---\n"


def write_skill(folder: Path, name: str, text: str | None = None, description: str = "Does it.") -> Path:
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "SKILL.md").write_text(text if text is not None else FRONT.format(name=name, description=description))
    return home


def agent_in(workspace: Path, rest: str = "") -> Agent:
    folder = workspace / "agents" / "ada"
    folder.mkdir(parents=True)
    head = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: ada}\nspec:\n  model: {provider: demo}\n"
    (folder / "agent.yaml").write_text(head + rest)
    return load_agent(folder)


def spec_of(text: str = "", model: str = MODEL) -> AgentSpec:
    return validate(parse_yaml(f"{HEAD}spec:\n{model}{text}", "agent.yaml"), AgentFile).spec


def plain(value: BaseModel | None) -> dict[str, Any]:
    assert value is not None
    return value.model_dump()
