"""A real workbench for a session in a test: real files, real commands without a sandbox."""

from pathlib import Path

from duragent.equipment import section_sources
from duragent.process.spool import Spool
from duragent.sandboxes.settings import SandboxSettings
from duragent.turn.workbench import Workbench


def workbench_in(workspace: Path) -> Workbench:
    """The workbench of this workspace; the project that the agents work in is the folder `project` inside of it."""
    project = workspace / "project"
    project.mkdir(parents=True, exist_ok=True)
    (workspace / "run" / "spool").mkdir(parents=True, exist_ok=True)
    return Workbench(
        workspace=workspace.resolve(),
        project=project.resolve(),
        closed=(workspace.resolve() / "run",),
        frozen=(workspace.resolve() / "policy.yaml",),
        spool=Spool(workspace.resolve() / "run" / "spool", "spool_test"),
        sandbox=SandboxSettings(mode="trust"),
        sources=section_sources(workspace.resolve()),
    )
