"""The tool `think`."""

from pydantic import Field

from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult


class Think(Tool["Think.Arguments"]):
    """Write down a thought before you go on. It changes nothing and tells nothing new."""

    name = "think"
    effect = "pure"
    outside = False
    runs_unasked = True
    main = "thought"

    class Arguments(ToolArguments):
        thought: str = Field(description="The thought.")

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return ToolResult("noted")
