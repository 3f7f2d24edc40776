"""What a server does not load before it needs it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.house import write_agent

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
    write_agent(tmp_path / ".duragent" / "agents", rest="    name: gpt-5-mini", provider="openai")
    (tmp_path / "fake" / "litellm").mkdir(parents=True)
    (tmp_path / "fake" / "litellm" / "__init__.py").write_text(FAKE)
    environ = os.environ | {"OPENAI_API_KEY": "none", "PYTHONPATH": f"{tmp_path / 'fake'}:{Path.cwd()}"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / ".duragent")],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
        timeout=120,
    )
    assert ran.stdout.splitlines() == ["idle False 0", "asked True 1 model-not-configured"], ran.stderr
