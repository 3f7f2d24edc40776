"""Skills, directives and a project's AGENTS.md, from real files."""

import os
from pathlib import Path

import pytest

from duragent.agent.skills import Skill, files_of, load_skills, read_file_of, skills_of
from duragent.errors import InvalidFile
from tests.agent.written import agent_in, write_skill


def test_skill_is_what_its_front_matter_says_and_other_keys_are_fine(tmp_path: Path) -> None:
    home = write_skill(
        tmp_path,
        "pdf-2",
        "\n# PDF\n---\nname: pdf-2\ndescription: |\n  Reads PDFs.\n  Slowly.\n"
        "allowed-tools: Read, Bash(git add *) Grep\nlicense: MIT\ncompatibility: needs poppler\n"
        "metadata:\n  version: 1.0\n  author: me\nmodel: opus\n---\n\nBody.\n---\nx\n",
    )
    assert load_skills(tmp_path) == (
        (
            Skill(
                name="pdf-2",
                folder=home,
                description="Reads PDFs.\nSlowly.",
                body="Body.\n---\nx",
                allowed_tools=("Read", "Bash(git add *)", "Grep"),
            ),
        ),
        (),
    )


@pytest.mark.parametrize(
    ("line", "tools"),
    [
        ("", None),
        ("allowed-tools:\n", None),
        ("allowed-tools: []\n", ()),
        ('allowed-tools: ""\n', ()),
        ("allowed-tools: [Read, 'Bash(git log *)']\n", ("Read", "Bash(git log *)")),
        ("allowed-tools: Read Read,Write\n", ("Read", "Write")),
    ],
)
def test_allowed_tools_are_a_list_or_words(tmp_path: Path, line: str, tools: tuple[str, ...] | None) -> None:
    write_skill(tmp_path, "s", f"---\nname: s\ndescription: d\n{line}---\n")
    found, faults = load_skills(tmp_path)
    assert (found[0].allowed_tools, faults) == (tools, ())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "SKILL.md:1: has no front matter"),
        ("# only a heading\ntext", "SKILL.md:1: has no front matter"),
        ("---\nname: s\ndescription: d\n", "SKILL.md:1: has front matter without an end"),
        ("---\nname: t\ndescription: d\n---\n", "SKILL.md:2: name: is 't', but the folder is 's'"),
        ("\n\n---\nname: S\ndescription: d\n---\n", "SKILL.md:4: name: must be 1 to 64 lower-case letters"),
        ("---\nname: s\n---\n", "SKILL.md:2: description: is missing"),
        ("---\nname: s\ndescription: ' '\n---\n", "SKILL.md:3: description: must have 1 to 1024 characters"),
        (f"---\nname: s\ndescription: {'x' * 1025}\n---\n", "SKILL.md:3: description: must have 1 to 1024 characters"),
        ("---\nname: s\ndescription: Use: it\n---\n", "SKILL.md:3: is not valid YAML"),
        (
            "---\nname: s\ndescription: d\nallowed-tools: Bash(git\n---\n",
            "SKILL.md:4: allowed-tools: has a parenthesis",
        ),
        ("---\nname: s\ndescription: d\nmetadata: &a {}\n---\n", "SKILL.md:4: anchors (&)"),
        ("---\nname: s\ndescription: d\n---\n\0", "SKILL.md: is not text"),
        ("---\nname: s\ndescription: d\n---\n" + "x" * 300_000, "SKILL.md: is larger than 256 KiB"),
    ],
)
def test_skill_with_a_fault_is_left_out_and_told_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    write_skill(tmp_path, "s", text)
    write_skill(tmp_path, "good")
    found, faults = load_skills(tmp_path)
    assert [skill.name for skill in found] == ["good"]
    assert len(faults) == 1
    assert faults[0].startswith(f"{tmp_path}/s/{fault}")


def test_skills_are_sorted_and_folders_without_skill_file_are_passed_over(tmp_path: Path) -> None:
    for name in ("b", "a-2", "a"):
        write_skill(tmp_path, name)
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("x")
    found, faults = load_skills(tmp_path)
    assert ([skill.name for skill in found], faults) == (["a", "a-2", "b"], ())
    assert load_skills(tmp_path / "gone") == ((), ())


def test_skill_is_read_again_when_its_file_has_changed(tmp_path: Path) -> None:
    write_skill(tmp_path, "s", description="old")
    assert load_skills(tmp_path)[0][0].description == "old"
    write_skill(tmp_path, "s", description="newer")
    assert load_skills(tmp_path)[0][0].description == "newer"


def test_agents_skill_wins_over_the_workspaces(tmp_path: Path) -> None:
    agent = agent_in(tmp_path)
    write_skill(tmp_path / "skills", "both", description="shared")
    write_skill(tmp_path / "skills", "shared")
    write_skill(agent.folder / "skills", "both", description="own")
    write_skill(agent.folder / "skills", "broken", "")
    found, faults = skills_of(agent, tmp_path)
    assert [(skill.name, skill.description) for skill in found] == [("both", "own"), ("shared", "Does it.")]
    assert len(faults) == 1


def test_skills_folder_may_be_elsewhere_in_the_workspace_and_nowhere_else(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    agent = agent_in(workspace, "  skills_dir: ../common\n")
    write_skill(workspace / "agents" / "common", "s")
    assert [skill.name for skill in skills_of(agent, workspace)[0]] == ["s"]
    outside = agent.__class__(**vars(agent) | {"spec": agent.spec.model_copy(update={"skills_dir": "../../.."})})
    write_skill(tmp_path, "s")
    found, faults = skills_of(outside, workspace)
    assert (found, len(faults)) == ((), 1)
    assert "leads out of the workspace" in faults[0]


def test_skill_folder_or_file_must_not_lead_out(tmp_path: Path) -> None:
    write_skill(tmp_path / "outside", "linked")
    skills = tmp_path / "skills"
    (skills / "file").mkdir(parents=True)
    (skills / "linked").symlink_to(tmp_path / "outside" / "linked")
    (skills / "file" / "SKILL.md").symlink_to(tmp_path / "outside" / "linked" / "SKILL.md")
    found, faults = load_skills(skills)
    assert found == ()
    assert ["leads out of" in fault for fault in faults] == [True, True]


def test_files_of_a_skill_are_listed_and_read(tmp_path: Path) -> None:
    home = write_skill(tmp_path, "s")
    (home / "scripts").mkdir()
    (home / "scripts" / "run.py").write_text("print('ü')")
    (home / "REFERENCE.md").write_text("ref")
    (home / ".hidden").write_text("x")
    (home / "link").symlink_to("/etc/passwd")
    skill = load_skills(tmp_path)[0][0]
    assert files_of(skill) == ("REFERENCE.md", "scripts/run.py")
    assert read_file_of(skill, "scripts/../scripts/run.py") == "print('ü')"


@pytest.mark.parametrize(
    "file", ["", "/etc/passwd", "../secret", "link", "dir/../../secret", "a\0b", "up/secret", "pipe"]
)
def test_files_outside_the_skill_are_not_read(tmp_path: Path, file: str) -> None:
    home = write_skill(tmp_path, "s")
    (tmp_path / "secret").write_text("secret")
    (home / "link").symlink_to("/etc/passwd")
    (home / "up").symlink_to("..")
    (home / "dir").mkdir()
    os.mkfifo(home / "pipe")
    with pytest.raises(InvalidFile):
        read_file_of(load_skills(tmp_path)[0][0], file)
