import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool, schema_bytes
from duragent.tools.base import AnyTool, ToolContext
from duragent.tools.edit_file import EditFile
from duragent.tools.list_files import ListFiles
from duragent.tools.read_file import ReadFile
from duragent.tools.search_files import SearchFiles
from duragent.tools.settings import WebSettings
from duragent.tools.think import Think
from duragent.tools.web.tool import WebTool
from duragent.tools.write_file import WriteFile

GOOD: dict[Callable[[], AnyTool], list[dict[str, object]]] = {
    ReadFile: [{"path": "a.txt"}, {"path": "a.txt", "offset": 2, "limit": 7}, {"path": "none"}, {"path": "a\0b"}],
    WriteFile: [{"path": "new/b.txt", "content": "Grüße\n"}, {"path": "a.txt", "content": ""}],
    EditFile: [
        {"path": "a.txt", "old_text": "one", "new_text": "1"},
        {"path": "a.txt", "old_text": "two", "new_text": "", "replace_all": True},
    ],
    ListFiles: [{}, {"path": ".", "glob": "*.txt", "recursive": True, "limit": 3}, {"glob": "\0"}],
    SearchFiles: [{"pattern": "one|two"}, {"pattern": "(", "path": "a.txt"}, {"pattern": "a\0b"}],
    Think: [{"thought": "first the tests"}, {"thought": ""}],
    lambda: WebTool(WebSettings()): [
        {"action": "search", "query": "durable sessions", "count": 3},
        {"action": "fetch", "url": "http://127.0.0.1/a?b=c", "max_chars": 100},
    ],
}


@pytest.mark.parametrize("make_tool", GOOD, ids=lambda make: make().name)
async def test_tool_keeps_the_contract(make_tool: Callable[[], AnyTool], tmp_path: Path) -> None:
    def make_context() -> ToolContext:
        (tmp_path / "a.txt").write_text("one\ntwo\n")
        return context_in(tmp_path)

    await check_tool(make_tool, good=[json.dumps(each) for each in GOOD[make_tool]], make_context=make_context)


def test_schemas_are_the_same_bytes_in_every_process() -> None:
    names = (
        "edit_file.EditFile list_files.ListFiles read_file.ReadFile search_files.SearchFiles web.tool.WebTool".split()
    )
    told = [_told_in_a_process(names, seed) for seed in ("1", "2")]

    assert told[0] == told[1]
    assert schema_bytes(ReadFile()).decode() in told[0]


def _told_in_a_process(names: list[str], seed: str) -> str:
    program = (
        "import importlib, sys\n"
        "from duragent.testing.tool_contract import schema_bytes\n"
        "for name in sys.argv[1:]:\n"
        "    module, _, kind = name.rpartition('.')\n"
        "    tool = getattr(importlib.import_module(f'duragent.tools.{module}'), kind)\n"
        "    sys.stdout.buffer.write(schema_bytes(tool(None) if kind == 'WebTool' else tool()) + b'\\n')\n"
        "assert 'httpx' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", program, *names], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout
