"""The files around an agent, as they are at this moment."""

from pathlib import Path

import pytest

from duragent.agent.context_files import ContextFiles, load_context_files, working_folder
from duragent.agent.directives import Directive, Project
from tests.agent.written import agent_in, write_skill


def test_surroundings_are_all_of_it(tmp_path: Path) -> None:
    agent = agent_in(tmp_path)
    assert load_context_files(agent, tmp_path, tmp_path) == ContextFiles()
    (tmp_path / "directives").mkdir()
    (tmp_path / "directives" / "tone.md").write_text("Be kind.")
    (tmp_path / "AGENTS.md").write_text("Run make.")
    write_skill(tmp_path / "skills", "pdf")
    write_skill(tmp_path / "skills", "broken", "")
    found = load_context_files(agent, tmp_path, tmp_path)
    assert (found.directives, found.project) == (
        (Directive("workspace/tone", "Be kind."),),
        Project("AGENTS.md", "Run make."),
    )
    assert ([skill.name for skill in found.skills], len(found.faults)) == (["pdf"], 1)


@pytest.mark.parametrize("name", ["loop", "x" * 300, "gone"])
def test_surroundings_are_there_whatever_the_folders_that_the_agent_names_are(tmp_path: Path, name: str) -> None:
    workspace = tmp_path / ".duragent"
    agent = agent_in(workspace, f"  working_directory: {name}\n  skills_dir: {name}\n")
    for folder in (tmp_path, agent.folder):
        (folder / "loop").symlink_to("loop")
    folder = working_folder(agent, tmp_path)
    found = load_context_files(agent, workspace, folder)
    assert (folder, found.skills, found.project) == (tmp_path / name, (), None)
    assert len(found.faults) == (0 if name == "gone" else 1)
