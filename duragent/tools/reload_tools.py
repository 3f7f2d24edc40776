"""The tool `reload_tools`: an agent that has written a tool for itself gets it without a restart."""

import asyncio
import json

from duragent.journal.events import EffectClass
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.programs.discovery import discover


class ReloadTools(Tool["ReloadTools.Arguments"]):
    """Look again for tools in the `tools` folders; what is new can be called from the next step on.

    A tool is a folder `tools/<name>/` with a program `run`, `run.py` or `run.sh`, a README.md that says how to use it,
    and, if you want named arguments, a schema.json. Its arguments come as one JSON object on standard input.
    """

    name = "reload_tools"
    effect: EffectClass = "pure"
    runs_unasked = True
    changes_tools = True

    class Arguments(ToolArguments):
        pass

    def __init__(self, trusted: bool = True) -> None:
        self.trusted = trusted

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        places = context.places
        found = await asyncio.to_thread(discover, places.agent_folder, places.workspace, trusted=self.trusted)
        report = {
            "discovered_tools": [{"name": tool.name, "description": tool.description} for tool in found.tools],
            "count": len(found.tools),
            "directories_scanned": [str(folder) for folder in found.scanned],
            "faults": list(found.faults),
        }
        details = {"count": len(found.tools), "faults": len(found.faults)}
        return ToolResult(json.dumps(report, indent=2, ensure_ascii=False), details=details)
