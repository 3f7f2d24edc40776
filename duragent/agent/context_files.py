"""What the files around an agent say at this moment; read for every turn, changed by whoever edits them."""

import os
from dataclasses import dataclass
from pathlib import Path

from duragent.agent.directives import Directive, Project, load_directives, load_project
from duragent.agent.load import Agent
from duragent.agent.skills import Skill, skills_of


@dataclass(frozen=True, slots=True)
class ContextFiles:
    """`faults` are sentences for people about files that are left out."""

    directives: tuple[Directive, ...] = ()
    skills: tuple[Skill, ...] = ()
    project: Project | None = None
    faults: tuple[str, ...] = ()


def working_folder(agent: Agent, project: Path) -> Path:
    """Where the agent works, which may not be there. `project` is the folder that holds the workspace."""
    # Not `Path.resolve`, which raises when links lead in a circle.
    return Path(os.path.realpath(project / (agent.spec.working_directory or ".")))


def load_context_files(agent: Agent, workspace: Path, working_folder: Path) -> ContextFiles:
    """All of it. Blocks on the disk: on the event loop, call it in a thread."""
    directives, directive_faults = load_directives(workspace, agent.folder)
    skills, skill_faults = skills_of(agent, workspace)
    project, project_faults = load_project(working_folder)
    return ContextFiles(directives, skills, project, (*directive_faults, *skill_faults, *project_faults))
