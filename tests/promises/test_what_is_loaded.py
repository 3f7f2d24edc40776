"""What a server does not load before it needs it."""

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from duragent.client.address import read_announcement
from tests.support.house import write_agent
from tests.support.real_server import make_workspace

FAKE = """
import sys
sys.fake_litellm_was_loaded = True
raise ImportError("this one is for the test")
"""

PROGRAM = """
import asyncio, sys, threading
from pathlib import Path
from duragent.cli.place import config_of
from duragent.journal.inputs import Message
from duragent.runtime import Runtime
from duragent.session.sessions import NewSession

def loaded():
    return hasattr(sys, "fake_litellm_was_loaded"), [thread.name for thread in threading.enumerate()].count("litellm")

async def main():
    config = config_of(Path(sys.argv[1]))
    settings = config.server.model_copy(update={"port": 0})
    async with Runtime(config, settings, config.agents_dir).open() as runtime:
        state, _ = await runtime.sessions.create(NewSession("assistant", None, "http"))
        await runtime.sessions.list()
        await runtime._reload_agents()
        print("idle", *loaded())
        receipt = await runtime.sessions.post(state.session_id, Message(text="hello", source="http"))
        answered = await runtime.sessions.answer(state.session_id, receipt.seq)
        print("asked", *loaded(), answered.code)

asyncio.run(main())
"""


def test_litellm_is_loaded_at_the_first_question_and_not_before(tmp_path: Path) -> None:
    write_agent(tmp_path / ".duragent" / "agents", rest="    name: llama", provider="groq")
    (tmp_path / "fake" / "litellm").mkdir(parents=True)
    (tmp_path / "fake" / "litellm" / "__init__.py").write_text(FAKE)
    environ = os.environ | {"GROQ_API_KEY": "none", "PYTHONPATH": f"{tmp_path / 'fake'}:{Path.cwd()}"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / ".duragent")],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
        timeout=120,
    )
    assert ran.stdout.splitlines() == ["idle False 0", "asked True 1 model-not-configured"], ran.stderr


NOT_NEEDED = (
    "duragent.models.choose duragent.models.direct duragent.models.litellm duragent.models.text_tools "
    "duragent.embedders duragent.memory duragent.mind "
    "duragent.models.demo duragent.policy duragent.server.routes duragent.session.session duragent.tools.base "
    "duragent.tools.toolset duragent.transfer duragent.turn.turn duragent.wire.answers "
    "httpx jsonschema litellm mcp multiprocessing.pool PIL rich sqlite3 sse_starlette tree_sitter"
).split()
"""Rooms and libraries that no server needs before it has a session."""
MOST, MOST_OF_OURS = 640, 180
"""Modules at the first 200; some more than there are, because versions of libraries differ."""


@pytest.mark.parametrize("memory", ["", "\n  memory: {}"], ids=["without a memory", "with one"])
def test_a_server_has_loaded_few_modules_when_it_answers_first(tmp_path: Path, memory: str) -> None:
    server = make_workspace(tmp_path, rest=f"    name: gpt-5-mini{memory}", provider="openai")
    server.program = ("-X", "importtime", "-m", "duragent")
    try:
        server.start()
        told = read_announcement(server.workspace)
        assert told is not None
        with urllib.request.urlopen(f"http://127.0.0.1:{told.address.port}/livez") as answer:
            assert answer.read() == b"ok"
        loaded = re.findall(r"^import time:[ \d]+\|[ \d]+\| +([\w.]+)$", server.log.read_text(), re.M)
    finally:
        server.stop()
    assert [name for name in loaded if any(f"{name}.".startswith(f"{one}.") for one in NOT_NEEDED)] == []
    ours = [name for name in loaded if name.startswith("duragent")]
    assert (len(loaded) <= MOST, len(ours) <= MOST_OF_OURS) == (True, True), (len(loaded), len(ours))


@pytest.mark.parametrize(("arguments", "most", "most_of_ours"), [("--help", 230, 15), ("--version", 230, 15)])
def test_help_loads_few_modules(arguments: str, most: int, most_of_ours: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "duragent", arguments], capture_output=True, text=True, check=True
    )
    loaded = re.findall(r"^import time:[ \d]+\|[ \d]+\| +([\w.]+)$", ran.stderr, re.M)
    ours = [name for name in loaded if name.startswith("duragent")]
    assert (len(loaded) <= most, len(ours) <= most_of_ours) == (True, True), (len(loaded), len(ours))
