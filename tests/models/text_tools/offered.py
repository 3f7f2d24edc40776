"""The tools that the tests of the parser offer."""

from duragent.models.messages import ToolSchema

BASH = ToolSchema(
    name="bash",
    description="Run a command.",
    parameters={"type": "object", "properties": {"command": {"type": "string"}, "count": {"type": "integer"}}},
)
LS = ToolSchema(name="ls", description="List files.", parameters={"type": "object", "properties": {}})
TOOLS = (BASH, LS)
