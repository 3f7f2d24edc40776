"""What the files around an agent say now. They are read again for every turn, because people edit them meanwhile."""

import os
from dataclasses import dataclass
from pathlib import Path

from duragent.agent.directives import Directive, Project, load_directives, load_project
from duragent.agent.load import Agent
from duragent.agent.skills import Skill, skills_of


@dataclass(frozen=True, slots=True)
class ContextFiles:
    """Everything that people have written for this agent besides its own files."""

    directives: tuple[Directive, ...] = ()
    """Those of the workspace, then those of the agent."""
    skills: tuple[Skill, ...] = ()
    """Sorted by name; the agent's own skill replaces the workspace's of the same name."""
    project: Project | None = None
    """The AGENTS.md of the working folder; None when there is none."""
    faults: tuple[str, ...] = ()
    """Sentences for people about the files that are left out."""


def working_folder(agent: Agent, project: Path) -> Path:
    """Where the agent works, which may not be there. `project` is the folder that holds the workspace."""
    # Not `Path.resolve`, which raises when links lead in a circle.
    return Path(os.path.realpath(project / (agent.spec.working_directory or ".")))


def load_context_files(agent: Agent, workspace: Path, working_folder: Path) -> ContextFiles:
    """All of it. Blocks on the disk: on the event loop, call it in a thread."""
    directives, directive_faults = load_directives(workspace, agent.folder, remembers=agent.spec.memory is not None)
    skills, skill_faults = skills_of(agent, workspace)
    project, project_faults = load_project(working_folder)
    return ContextFiles(directives, skills, project, (*directive_faults, *skill_faults, *project_faults))
