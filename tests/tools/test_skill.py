"""The tool that loads skills."""

from dataclasses import replace
from pathlib import Path

import pytest

from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import ToolContext, ToolResult
from duragent.tools.skill import SkillTool


def write(folder: Path, front: str = "", body: str = "Do it well.") -> Path:
    home = folder / "skills" / "pdf"
    home.mkdir(parents=True)
    (home / "SKILL.md").write_text(f"---\nname: pdf\ndescription: Reads.\n{front}---\n{body}\n")
    return home


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    made = context_in(tmp_path)
    return replace(made, places=replace(made.places, workspace=tmp_path))


async def load(context: ToolContext, arguments: str) -> ToolResult:
    tool = SkillTool()
    return await tool.run(tool.parse(arguments), context)


async def test_skill_gives_its_body_its_files_and_its_tools(tmp_path: Path, context: ToolContext) -> None:
    home = write(tmp_path, "allowed-tools: Read\n")
    (home / "forms.md").write_text("forms")
    result = await load(context, '{"name":"pdf"}')
    assert result == ToolResult(
        "Do it well.\n\nFurther files of this skill, for `file`:\n- forms.md\n\n"
        "Tools that may be used while this skill is active: Read",
        details={"skill": "pdf"},
    )


async def test_file_of_a_skill_is_read(tmp_path: Path, context: ToolContext) -> None:
    (write(tmp_path) / "forms.md").write_text("forms")
    result = await load(context, '{"name":"pdf","file":"forms.md"}')
    assert result == ToolResult("forms", details={"skill": "pdf", "file": "forms.md"})


@pytest.mark.parametrize("file", ["../../secret", "/etc/passwd", "image.bin", "gone.md", "large.txt"])
async def test_what_is_no_text_file_of_the_skill_is_refused(tmp_path: Path, context: ToolContext, file: str) -> None:
    home = write(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (home / "image.bin").write_bytes(b"\x00\xff")
    (home / "large.txt").write_text("x" * 300_000)
    result = await load(context, f'{{"name":"pdf","file":"{file}"}}')
    assert result.outcome == "error"
    assert result.content.startswith(f"{file}: ")
    assert "secret" not in result.content.removeprefix(f"{file}: ")
    assert "the skill's files are: image.bin, large.txt" in result.content


async def test_unknown_skill_is_told_with_those_that_there_are(tmp_path: Path, context: ToolContext) -> None:
    assert (await load(context, '{"name":"x"}')).content == "there is no skill 'x'; there are: none"
    write(tmp_path)
    assert (await load(context, '{"name":"x"}')).content == "there is no skill 'x'; there are: pdf"


async def test_tool_keeps_the_promises_of_every_tool(tmp_path: Path, context: ToolContext) -> None:
    write(tmp_path)
    good = ['{"name":"pdf"}', '{"name":"x","file":"gone"}']
    await check_tool(SkillTool, good=good, make_context=lambda: context)


def test_policy_sees_name_and_file() -> None:
    tool = SkillTool()
    assert tool.invocation(tool.parse('{"name":"pdf","file":"a.md"}')).text == "skill pdf file=a.md"
