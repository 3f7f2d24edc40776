"""reload_tools: what it reports."""

import json
from pathlib import Path

from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.reload_tools import ReloadTools
from tests.tools.programs.folders import put


async def test_reload_tools_reports_what_is_there(agent: Path, workspace: Path) -> None:
    put(agent, "a/run")
    put(agent, "a/README.md", "Grüße")
    put(agent, "b/run", mode=0o644)
    tool, context = ReloadTools(), context_in(workspace, agent_folder=agent)
    result = await tool.run(tool.parse(""), context)
    assert json.loads(result.content) == {
        "discovered_tools": [{"name": "a", "description": "Grüße"}],
        "count": 1,
        "directories_scanned": [f"{agent}/tools"],
        "faults": [f"{agent}/tools/b/run: is not executable (chmod +x {agent}/tools/b/run)"],
    }
    assert (tool.changes_tools, tool.effect) == (True, "pure")
    untrusted = await ReloadTools(trusted=False).run(tool.parse(""), context)
    assert json.loads(untrusted.content)["discovered_tools"] == []


async def test_reload_tools_keeps_the_contract(tmp_path: Path) -> None:
    await check_tool(ReloadTools, good=["{}"], make_context=lambda: context_in(tmp_path))
