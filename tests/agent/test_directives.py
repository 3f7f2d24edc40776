"""What people add to an agent: directives, and a project's AGENTS.md."""

import os
from pathlib import Path

import pytest

from duragent.agent.directives import Directive, Project, load_directives, load_project


def test_directives_are_the_workspaces_then_the_agents_by_file_name(tmp_path: Path) -> None:
    workspace, agent = tmp_path / "w", tmp_path / "w" / "agents" / "ada"
    for folder, name, text in (
        (workspace, "b.md", "B"),
        (workspace, "a.md", "\ufeffA"),
        (agent, "a.md", "own A"),
        (agent, "blank.md", " \n"),
        (agent, "notes.txt", "no"),
        (agent, ".hidden.md", "no"),
    ):
        (folder / "directives").mkdir(parents=True, exist_ok=True)
        (folder / "directives" / name).write_text(text)
    assert load_directives(workspace, agent) == (
        (Directive("workspace/a", "A"), Directive("workspace/b", "B"), Directive("agent/a", "own A")),
        (),
    )


def test_directive_with_a_fault_is_left_out_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "directives"
    folder.mkdir()
    (tmp_path.parent / "outside.md").write_text("secret")
    (folder / "good.md").write_text("good")
    (folder / "latin.md").write_bytes(b"caf\xe9")
    (folder / "large.md").write_text("x" * 70_000)
    (folder / "out.md").symlink_to(tmp_path.parent / "outside.md")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "folder.md").mkdir()
    found, faults = load_directives(tmp_path, tmp_path / "none")
    assert [directive.text for directive in found] == ["good"]
    assert len(faults) == 5
    assert any("latin.md:1: is not UTF-8 text" in fault for fault in faults)


def test_directives_together_have_a_bound(tmp_path: Path) -> None:
    (tmp_path / "directives").mkdir()
    for number in range(6):
        (tmp_path / "directives" / f"{number}.md").write_text("x" * 60_000)
    found, faults = load_directives(tmp_path, tmp_path / "none")
    assert (len(found), len(faults)) == (4, 2)


def test_project_file_is_the_top_one_only(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "AGENTS.md").write_text("deep")
    assert load_project(tmp_path) == (None, ())
    (tmp_path / "AGENTS.md").write_text("top")
    assert load_project(tmp_path) == (Project("AGENTS.md", "top"), ())


def test_long_project_file_is_cut_with_a_notice(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("ü" * 40_000)
    project, faults = load_project(tmp_path)
    assert project is not None
    assert project.text == "ü" * 16_384 + "\n\n[AGENTS.md truncated: only its first 32 KiB are shown here]"
    assert faults == ()
    (tmp_path / "AGENTS.md").write_text("x" + "ü" * 40_000)
    assert load_project(tmp_path)[1] == ()


@pytest.mark.parametrize(
    ("content", "is_told"),
    [
        (b"caf\xe9", True),
        (b"caf\xe9\n", True),
        (b"x" * (32 * 1024 - 1) + "\u00fc".encode(), False),
        (b"x" * (32 * 1024 - 2) + b"\xe9" + b"x" * 9, True),
        ("\N{REPLACEMENT CHARACTER} is what we print".encode(), False),
        (b"\xef\xbb\xbfcaf\xc3\xa9", False),
    ],
)
def test_project_file_is_told_when_its_bytes_are_no_text(tmp_path: Path, content: bytes, is_told: bool) -> None:
    (tmp_path / "AGENTS.md").write_bytes(content)
    assert ["not UTF-8" in fault for fault in load_project(tmp_path)[1]] == ([True] if is_told else [])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts what is open by Linux's /proc")
def test_folder_in_place_of_a_file_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").mkdir()
    before = os.listdir("/proc/self/fd")
    assert load_project(tmp_path) == (None, (f"{tmp_path}/AGENTS.md: is a folder, not a file",))
    assert os.listdir("/proc/self/fd") == before


def test_project_file_that_is_no_text_or_leads_out_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "AGENTS.md").write_bytes(b"caf\xe9 au lait")
    project, faults = load_project(folder)
    assert project == Project("AGENTS.md", "caf au lait")
    assert "is not UTF-8 text throughout" in faults[0]
    (folder / "AGENTS.md").unlink()
    (folder / "AGENTS.md").symlink_to("/etc/passwd")
    project, faults = load_project(folder)
    assert project is None
    assert "leads out of" in faults[0]


def test_agent_that_remembers_has_a_directive_unless_a_file_takes_its_place(tmp_path: Path) -> None:
    workspace, agent = tmp_path / "workspace", tmp_path / "agent"
    (workspace / "directives").mkdir(parents=True)
    (workspace / "directives/tone.md").write_text("Be calm.")
    found, _ = load_directives(workspace, agent, remembers=True)
    assert [each.source for each in found] == ["built-in/memory", "workspace/tone"]
    assert "tool `memory`" in found[0].text
    (agent / "directives").mkdir(parents=True)
    for text in ("Never remember.", " \n"):
        (agent / "directives/memory.md").write_text(text)
        found, _ = load_directives(workspace, agent, remembers=True)
        assert [each.source for each in found] == ["workspace/tone", "agent/memory"][: 1 + bool(text.strip())]
