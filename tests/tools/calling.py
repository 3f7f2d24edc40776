"""Calling a tool as a session does: from a model's JSON to the result."""

import json
from pathlib import Path
from typing import Any

from duragent.testing.tool_context import context_in
from duragent.tools.base import AnyTool, ToolContext, ToolResult


async def call(tool: AnyTool, where: Path | ToolContext, **arguments: Any) -> ToolResult:
    context = context_in(where) if isinstance(where, Path) else where
    return await tool.run(tool.parse(json.dumps(arguments)), context)
