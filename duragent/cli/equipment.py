"""What an agent has besides its own file, read from the disk alone: tools, directives, skills, policy."""

from dataclasses import dataclass
from pathlib import Path

from duragent.agent.context_files import ContextFiles, load_context_files, working_folder
from duragent.agent.load import Agent
from duragent.policy.files import load_policy
from duragent.tools.base import Places
from duragent.tools.toolset import Toolset, gather


@dataclass(frozen=True, slots=True)
class Equipment:
    """As a turn would find it now. `policy_faults` are sentences; with one of them the agent may do nothing.

    `folder` is where it works, which may not be there.
    """

    folder: Path
    tools: Toolset
    around: ContextFiles
    policy_faults: tuple[str, ...]

    @property
    def faults(self) -> tuple[str, ...]:
        """All that is wrong, what weighs most first."""
        return tuple(dict.fromkeys((*self.policy_faults, *self.tools.faults, *self.around.faults)))


def equip(agent: Agent, workspace: Path, project: Path) -> Equipment:
    """The agent's equipment. `project` is the folder that holds the workspace. Blocks on the disk, runs nothing."""
    workspace, agent_folder = workspace.resolve(), agent.folder.resolve()
    folder = working_folder(agent, project)
    return Equipment(
        folder,
        gather(agent, Places(folder, workspace, agent_folder)),
        load_context_files(agent, workspace, folder),
        tuple(fault for _, fault in load_policy(workspace, agent.folder).faults),
    )
