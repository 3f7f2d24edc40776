"""The contract of a tool notices one that breaks it."""

from pathlib import Path

import pytest

from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import AnyTool, ToolContext, ToolResult
from duragent.tools.think import Think


class Leaky(Think):
    """A tool that breaks what a test says."""

    broken = ""

    def invocation(self, arguments: Think.Arguments):  # type: ignore[no-untyped-def]  # it is broken on purpose
        shown = arguments.model_copy(update={"thought": "…"}) if self.broken == "hides" else arguments
        return super().invocation(shown)

    async def run(self, arguments: Think.Arguments, context: ToolContext) -> ToolResult:
        details = {"set": {1}} if self.broken == "details" else {}
        return ToolResult("x", "fine" if self.broken == "outcome" else "ok", details)  # type: ignore[arg-type]


@pytest.mark.parametrize(("broken", "said"), [("hides", "see"), ("details", "not JSON"), ("outcome", "fine")])
async def test_check_tool_finds_a_broken_promise(broken: str, said: str, tmp_path: Path) -> None:
    def make_tool() -> AnyTool:
        tool = Leaky()
        tool.broken = broken
        return tool

    with pytest.raises(AssertionError, match=said):
        await check_tool(make_tool, good=['{"thought": "hm"}'], make_context=lambda: context_in(tmp_path))
