"""The agents as `duragent doctor` sees them: what each one lacks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.doctor.finding import Diagnosis, Status
from duragent.errors import InvalidFile

if TYPE_CHECKING:
    from duragent.agent.load import Agent
    from duragent.config import Config
    from duragent.sandboxes.choose import Fact

_AboutAgent = tuple[Status, str, str]
"""A diagnosis of one agent, without its name: status, text and hint."""


def agents(config: "Config", facts: "Mapping[str, Fact]") -> Iterator[Diagnosis]:
    """What is wrong with the agents, or that all is well. `facts`: of the sandboxes, by name."""
    from duragent.agent.catalog import Catalog

    try:
        catalog = Catalog.open(config.agents_dir, config.workspace)
    except InvalidFile as error:
        yield Diagnosis("agents", "problem", str(error))
        return
    yield from _keys(config)
    for name, reason in catalog.broken.items():
        hint = f"correct the file; `duragent agent check {name}` says when it is good"
        yield Diagnosis("agents", "problem", f"{name} cannot be used: {reason}", hint)
    if not catalog.agents and not catalog.broken:
        yield Diagnosis("agents", "warning", f"none in {config.agents_dir}", "`duragent agent create NAME` makes one")
    # What several agents have in common, such as a broken file of the workspace, is one line.
    names_by_diagnosis: dict[_AboutAgent, list[str]] = {}
    for agent in catalog.agents.values():
        for diagnosis in _about(agent, config, facts):
            names_by_diagnosis.setdefault(diagnosis, []).append(agent.name)
    for (status, text, hint), names in names_by_diagnosis.items():
        yield Diagnosis("agents", status, f"{', '.join(names)}: {text}", hint)
    yield from _open_memories(list(catalog.agents.values()), config, facts)


def _open_memories(found: "Sequence[Agent]", config: "Config", facts: "Mapping[str, Fact]") -> Iterator[Diagnosis]:
    """Agents whose commands can do what a person does with their notes."""
    settings, bubblewrap = config.sandbox, facts.get("bubblewrap")
    confined = settings.wanted != "trust"
    if settings.wanted == "auto" and settings.fallback == "trust":
        confined = bubblewrap is None or bubblewrap.works
    names = [
        agent.name
        for agent in found
        if agent.spec.memory is not None
        and not (confined or agent.spec.sandbox.require)
        and any(tool.name == "bash" or tool.type == "cli" for tool in agent.spec.tools)
    ]
    if names:
        text = "no sandbox keeps commands away from the notes: what one changes waits until you have saved the file"
        only = "and only policy.yaml keeps it from `duragent memory review`"
        yield Diagnosis("agents", "note", f"{', '.join(names)}: {text}, {only}")


def _keys(config: "Config") -> Iterator[Diagnosis]:
    for fault in config.keys(os.environ).faults:
        yield Diagnosis("agents", "problem", fault, "`duragent keys list` shows which keys are used")
    path = config.env_file
    if path is not None and path.is_file() and path.stat().st_mode & 0o077:
        yield Diagnosis("agents", "warning", f"{path} holds keys, and other users may read it", f"chmod 600 {path}")


def _about(agent: "Agent", config: "Config", facts: "Mapping[str, Fact]") -> list[_AboutAgent]:
    from duragent.agent.spec import inactive
    from duragent.equipment import equip
    from duragent.models.provider_names import unknown_provider
    from duragent.models.providers import way_of_asking, wrong_adapter
    from duragent.turn.model_choice import choice_of

    model, has = agent.spec.model, equip(agent, config.workspace, config.base)
    shows = "`duragent agent check` shows all faults"
    diagnoses: list[_AboutAgent] = []
    for fault in has.policy_faults:
        diagnoses.append(("problem", f"its policy is broken, so that all its tools are denied: {fault}", shows))
    diagnoses += [("problem", f"a tool is missing: {fault}", shows) for fault in has.loaded.tools.faults]
    diagnoses += [("warning", f"left out: {fault}", shows) for fault in has.loaded.sections.faults]
    diagnoses += _about_key(agent, config)
    if wrong := unknown_provider(model.provider):
        diagnoses.append(("problem", wrong, "correct spec.model.provider"))
    elif wrong := wrong_adapter(choice_of(model)):
        diagnoses.append(("problem", wrong, "correct spec.model"))
    if waiting := inactive(agent.spec):
        diagnoses.append(
            ("warning", f"not active in this version: {', '.join(waiting)}", "what they ask for is not done")
        )
    if not os.path.isdir(has.folder):
        diagnoses.append(("problem", f"its working directory {has.folder} is not there", f"mkdir -p {has.folder}"))
    diagnoses += _about_memory(agent)
    needed = facts.get(agent.spec.sandbox.require or "")
    if needed is not None and not needed.works:
        diagnoses.append(("problem", f"it runs no command without {needed.name}: {needed.why}", needed.hint))
    way = way_of_asking(choice_of(model))
    used = f" of models/{model.use}.yaml" if model.use else ""
    asked = f"{model.provider}/{model.name}{f' {way}' if way else ''}{used}"
    return diagnoses or [("ok", f"{asked}, {len(has.loaded.tools.tools)} tools", "")]


def _about_memory(agent: "Agent") -> list[_AboutAgent]:
    if agent.spec.memory is None:
        return []
    from duragent.memory.index_schema import has_fts5
    from duragent.memory.waiting import waiting_notes

    found: list[_AboutAgent] = []
    if waiting := waiting_notes(agent.folder):
        hint = f"`duragent memory review -a {agent.name}`; after 30 days they are dropped"
        found.append(("warning", view.waiting_notes(waiting), hint))
    if not has_fts5():
        limits = "its notes are searched slowly, and only the newest: this Python's SQLite has no FTS5"
        found.append(("warning", limits, "a Python with a newer SQLite"))
    return found


def _about_key(agent: "Agent", config: "Config") -> list[_AboutAgent]:
    from duragent.client.address import read_address
    from duragent.errors import ModelNotConfigured
    from duragent.models.base import ModelChoice
    from duragent.models.providers import find_key

    model = agent.spec.model
    if model.provider == "demo":
        return []
    try:
        find_key(ModelChoice(model.provider, model.name, model.base_url), config.keys(os.environ))
    except ModelNotConfigured as error:
        hint = f"duragent keys set {model.provider}"
        if read_address(config.workspace) is None:
            return [("problem", str(error), hint)]
        return [("warning", f"{error} (not set here; the running server may have it in its environment)", hint)]
    return []
