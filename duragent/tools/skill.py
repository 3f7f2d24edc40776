"""The tool with which a model loads a skill, or a file of it."""

import asyncio

from pydantic import Field

from duragent.agent.skills import Skill as LoadedSkill
from duragent.agent.skills import files_of, read_file_of, skills_of
from duragent.errors import InvalidFile
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed


class SkillTool(Tool["SkillTool.Arguments"]):
    """Load a skill: instructions for one kind of task, from the list of available skills.

    Give only its name to get its instructions and the paths of its further files; give one of these paths as `file` to
    read that file. While a skill is loaded, only the tools that it allows may be used, until your turn ends.
    """

    name = "skill"
    effect = "pure"
    outside = False
    runs_unasked = True
    main = "name"

    class Arguments(ToolArguments):
        name: str = Field(description="The skill's name, as it stands in the list.")
        file: str | None = Field(default=None, description="A file of the skill, relative to its folder.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await asyncio.to_thread(_load, arguments, context)


def _load(arguments: SkillTool.Arguments, context: ToolContext) -> ToolResult:
    skills, _ = skills_of(context.agent, context.places.workspace)
    skill = next((each for each in skills if each.name == arguments.name), None)
    if skill is None:
        there = ", ".join(each.name for each in skills) or "none"
        return failed(f"there is no skill '{arguments.name[:64]}'; there are: {there}")
    if arguments.file is None:
        return ToolResult(_instructions(skill), details={"skill": skill.name})
    try:
        text = read_file_of(skill, arguments.file)
    except InvalidFile as error:
        files = ", ".join(files_of(skill)) or "none"
        return failed(f"{arguments.file[:200]}: {error.problem}; the skill's files are: {files}")
    return ToolResult(text or "[empty file]", details={"skill": skill.name, "file": arguments.file})


def _instructions(skill: LoadedSkill) -> str:
    parts = [skill.body or "[this skill has no instructions besides its description]"]
    if files := files_of(skill):
        parts.append("Further files of this skill, for `file`:\n" + "\n".join(f"- {path}" for path in files))
    if skill.allowed_tools is not None:
        allowed = ", ".join(skill.allowed_tools) or "none"
        parts.append(f"Tools that may be used while this skill is active: {allowed}")
    return "\n\n".join(parts)
