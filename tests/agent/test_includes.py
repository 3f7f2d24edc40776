"""Texts of an agent include others, and only what people wrote for agents."""

from pathlib import Path

import pytest

from duragent.agent.includes import MAX_INCLUDED_BYTES, MOST_DEPTH, Includes
from duragent.agent.load import load_agent
from duragent.errors import InvalidFile
from tests.agent.written import agent_in


@pytest.fixture
def home(tmp_path: Path) -> Path:
    agent_in(tmp_path)
    (tmp_path / "shared").mkdir()
    return tmp_path / "agents" / "ada"


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def soul(home: Path) -> str:
    return load_agent(home).soul


def fault(home: Path) -> str:
    with pytest.raises(InvalidFile) as caught:
        load_agent(home)
    return str(caught.value).replace(f"{home.parent.parent}/", "")


def test_included_text_stands_in_the_place_of_the_words(home: Path) -> None:
    write(home, SOUL="Be kind.\n{{include:parts/tone.md}}\nEnd. {{ include: shared/units.md }} {{date}}\n")
    write(home, parts__tone="Speak plainly. {{include:more.md}}\n", parts__more="{{agent.name}}\n")
    write(home.parent.parent / "shared", units="{{include:deep/metres.md}}", deep__metres="metres\r\n")
    assert soul(home) == "Be kind.\nSpeak plainly. {{agent.name}}\nEnd. metres {{date}}\n"


def test_prompts_and_always_include(home: Path) -> None:
    write(home, SYSTEM_PROMPT="{{include:a.md}}1", INSTRUCTIONS="{{include:a.md}}2", always="{{include:a.md}}3", a="A")
    agent = load_agent(home)
    assert (agent.system_prompt, agent.instructions, agent.always[0].text) == ("A1", "A2", "A3")
    assert agent.included == ((home / "a.md").resolve(),)


def test_changed_file_makes_another_fingerprint(home: Path) -> None:
    write(home, SOUL="{{include:shared/units.md}}")
    write(home.parent.parent / "shared", units="metres")
    before = load_agent(home).fingerprint
    write(home.parent.parent / "shared", units="feet")
    assert load_agent(home).fingerprint != before


@pytest.mark.parametrize(
    ("soul", "other", "told"),
    [
        ("a\n{{include:other.md}}", "{{include:SOUL.md}}", "is included within itself: SOUL.md → other.md → SOUL.md"),
        ("{{include:SOUL.md}}", "", "agents/ada/SOUL.md:1: {{include:SOUL.md}} is included within itself"),
        ("a\n\nb {{include:no.md}}", "", "agents/ada/SOUL.md:3: {{include:no.md}} does not exist"),
        ("{{include:}}", "", "agents/ada/SOUL.md:1: {{include:}} names no file"),
        ("{{include:../bob/SOUL.md}}", "", "{{include:../bob/SOUL.md}} leads out of agents/ada and shared"),
        ("{{include:/etc/hostname}}", "", "{{include:/etc/hostname}} leads out of"),
        ("{{include:shared/../agents/bob/SOUL.md}}", "", "leads out of"),
        ("{{include:link.md}}", "", "{{include:link.md}} leads out of"),
        ("{{include:other.md}}", "x\n{{include:link.md}}", "agents/ada/other.md:2: {{include:link.md}} leads out of"),
        ("{{include:memory/MEMORY.md}}", "", "lies in `memory`, where the agent writes"),
        ("{{include:alias.md}}", "", "lies in `memory`, where the agent writes"),
        ("{{include:parts}}", "", "{{include:parts}} is a folder, not a file"),
    ],
)
def test_what_cannot_be_included_is_told_with_its_chain(home: Path, soul: str, other: str, told: str) -> None:
    write(home, SOUL=soul, other=other, memory__MEMORY="a note", parts__a="a")
    (home.parent / "bob").mkdir()
    write(home.parent / "bob", SOUL="bob's")
    (home / "link.md").symlink_to("../bob/SOUL.md")
    (home / "alias.md").symlink_to("memory/MEMORY.md")
    assert told in fault(home)


def test_depth_and_size_have_limits(home: Path) -> None:
    for number in range(MOST_DEPTH + 2):
        (home / f"{number}.md").write_text(f"{{{{include:{number + 1}.md}}}}")
    (home / f"{MOST_DEPTH}.md").write_text("deep")
    write(home, SOUL="{{include:1.md}}")
    assert soul(home) == "deep"
    write(home, SOUL="{{include:0.md}}")
    assert f"agents/ada/{MOST_DEPTH - 1}.md:1: {{{{include:{MOST_DEPTH}.md}}}} is nested more than 8" in fault(home)
    write(home, half="x" * (MAX_INCLUDED_BYTES // 2), SOUL="{{include:half.md}}\n{{include:half.md}}")
    assert len(soul(home)) == MAX_INCLUDED_BYTES + 1
    write(home, INSTRUCTIONS="{{include:0.md}}")
    assert "agents/ada/INSTRUCTIONS.md:1: {{include:0.md}} makes what this agent includes more than 256 KiB" in fault(
        home
    )


def test_files_that_multiply_are_stopped(home: Path) -> None:
    for number in range(1, 8):
        (home / f"{number}.md").write_text(f"{{{{include:{number + 1}.md}}}}\n" * 100)
    write(home, SOUL="{{include:1.md}}")
    (home / "8.md").write_text("x")
    assert "makes what this agent includes more than 256 KiB" in fault(home)


def test_text_of_included_files_is_read_as_it_is_and_nothing_else_is_expanded(home: Path) -> None:
    write(home, SOUL="${HOME} {{include:a.md}} {{include:", a="${PATH} {include:b.md}")
    assert soul(home) == "${HOME} ${PATH} {include:b.md} {{include:"
    includes = Includes(home, home.parent.parent)
    assert includes.expanded(home / "SOUL.md", "no words") == "no words"
    assert includes.files == ()
