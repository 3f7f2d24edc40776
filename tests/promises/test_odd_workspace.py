"""Every file of a workspace is replaced by something that is no file, below a real server and before it starts.

The files are found by walking the workspace, so that a new file is tried too. One agent and its session are left alone:
they answer. SIGTERM ends the server. Logs have tests of their own: `test_odd_files.py`, here and for the stores.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from duragent.client.address import TokenSource
from duragent.client.client import Client
from duragent.config import load_config
from duragent.errors import DuragentError
from duragent.wire import SendMessage
from tests.promises.test_commands_outlive_the_server import LONG, is_alive
from tests.support.bounds import LIMIT_SECONDS
from tests.support.hands import TOOLS, Hands, make_hands
from tests.support.house import write_agent
from tests.support.odd_files import Odd, dangling_link, endless_device, folder, named_pipe, unix_socket
from tests.support.places import ROOT
from tests.support.real_server import RealServer, told
from tests.support.until import until

GRACE_SECONDS = 0.5
END_SECONDS = GRACE_SECONDS + 60.0
"""A server that hangs ends 5 s after the grace; the rest is for a machine that is busy."""
GOLDEN = ROOT / "tests" / "golden" / "v0.5-workspace" / "sessions"
ADOPTED, OLD = (f"session_01KHRW4M9Z0000000000000{name}" for name in ("ARCH", "L0ST"))
KINDS = (named_pipe, endless_device, dangling_link, folder, unix_socket)
NOT_THERE_NOW = ("run/spool/.id.new", "agents/assistant/.policy.local.yaml.new", "sessions/.index.jsonl")
KEPT = ("events.jsonl", "other", "assistant/agent.yaml", "assistant/SOUL.md")
"""Ends of the paths of files and folders that stay, so that the sessions' turns run and open the other files."""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Hands:
    """A workspace that was used, with every sort of file in it that outlives its server."""
    hands = make_hands(tmp_path_factory.mktemp("used"), server={"shutdown_grace_seconds": GRACE_SECONDS})
    hands.script("long", LONG)
    agents = hands.server.workspace / "agents"
    write_agent(agents, "other", TOOLS)
    add_parts(write_agent(agents, "broken", TOOLS))
    (agents / "assistant" / "policy.yaml").write_text("allow: ['bash:./do *']\n")
    for session in (ADOPTED, OLD):
        shutil.copytree(GOLDEN / session, hands.server.sessions_dir / session)
    asyncio.run(use_once(hands))
    return hands


def add_parts(agent: Path) -> None:
    parts = {
        "skills/cook/SKILL.md": "---\nname: cook\ndescription: Cooks.\n---\nCook well.\n",
        "directives/kind.md": "Be kind.\n",
        "tools/greet/run": "#!/bin/sh\n# Greets.\necho hello\n",
    }
    for name, text in parts.items():
        (agent / name).parent.mkdir(parents=True)
        (agent / name).write_text(text)
    (agent / "tools" / "greet" / "run").chmod(0o755)


async def use_once(hands: Hands) -> None:
    server = hands.server
    server.start()
    async with server.client() as client:
        torn = (await client.create_session("assistant")).session_id
        # Too long for a line, so that it is kept in a blob.
        await told(client, torn, "x" * 1_100_000)
        await told(client, ADOPTED, "repeat something")
        await hands.settle(client, [await hands.say(client, "./ask word")], lambda _: "allow_always")
        for agent in ("broken", "other"):
            await told(client, (await client.create_session(agent)).session_id, "repeat something")
        server.kill()
        with server.events_file(torn).open("ab") as file:
            file.write(b'{"seq":')
        server.start()
        await told(client, torn, "repeat something")
        assert await asyncio.to_thread(server.terminate) == 0


def copy_of(used: Hands, place: Path) -> Hands:
    shutil.copytree(used.folder, place)
    config = place / "duragent.yaml"
    tokens = TokenSource(load_config(config, {}).server.api_token)
    return Hands(RealServer(place / ".duragent", config=config, tokens=tokens), place)


def files_of(workspace: Path, untouched: str) -> list[Path]:
    """All that are replaced. The first ones are those that every session uses."""
    found = {path for path in workspace.rglob("*") if not path.is_dir()} | {workspace / name for name in NOT_THERE_NOW}
    return sorted(path for path in found if not is_kept(path.relative_to(workspace).as_posix(), untouched))


def is_kept(path: str, untouched: str) -> bool:
    return untouched in path or path.startswith("agents/other/") or path.endswith(KEPT)


def replace(paths: Iterable[Path], odds: tuple[Odd, ...]) -> None:
    """Each by one of the kinds in turn; what is odd already stays."""
    for number, path in enumerate(paths):
        if path.parent.is_dir() and (path.is_file() or not os.path.lexists(path)):
            path.unlink(missing_ok=True)
            odds[number % len(odds)](path)


async def look_at_all(server: RealServer, untouched: str) -> None:
    async with asyncio.timeout(LIMIT_SECONDS), Client(server.locate, patience_seconds=0.2) as client:
        sessions = [row.session_id for row in (await client.sessions()).sessions]
        assert len(sessions) == 7
        await asyncio.gather(*(use(client, each) for each in sessions if each != untouched))
        for look in (client.reload_agents(), client.agents(), client.approvals(), client.ready()):
            await look
        assert (await told(client, untouched, "repeat hi")).content == "hi"


async def use(client: Client, session: str) -> None:
    """What opens the session's files. It may be refused, and must not hang."""
    for call in (
        client.session(session),
        client.messages(session),
        client.export(session, lambda _: None),
        client.ask(session, SendMessage(content="repeat something")),
    ):
        with suppress(DuragentError):
            await call


async def end(server: RealServer) -> None:
    began = time.monotonic()
    assert await asyncio.to_thread(server.terminate) == 0
    assert time.monotonic() - began < END_SECONDS
    said = server.log.read_text()
    assert "Traceback" not in said
    assert "something still hangs" not in said


def doctor(server: RealServer) -> str:
    """What it says of the workspace; it may find fault."""
    command = [sys.executable, "-m", "duragent", "doctor", "--workspace", str(server.workspace)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    return done.stdout + done.stderr


campaign = pytest.mark.campaign


@pytest.mark.parametrize(
    "odds",
    [
        pytest.param((named_pipe,), id="named_pipe"),
        pytest.param(KINDS, id="a_mixture"),
        *(pytest.param((odd,), id=odd.__name__, marks=campaign) for odd in KINDS[1:]),
    ],
)
async def test_odd_files_stop_neither_the_other_sessions_nor_the_end(
    used: Hands, tmp_path: Path, odds: tuple[Odd, ...]
) -> None:
    hands = copy_of(used, tmp_path / "copy")
    server = hands.server
    try:
        server.start()
        async with server.client() as client:
            rows = (await client.sessions()).sessions
            [untouched] = [row.session_id for row in rows if row.agent == "other"]
            await told(client, untouched, "repeat hi")
            await hands.say(client, "./long word")
            await until(lambda: any(server.workspace.glob("run/spool/*/stdout.0")))
            [claim] = server.workspace.glob("run/spool/*/runner.json")
            runner = json.loads(claim.read_text())["pid"]
        paths = files_of(server.workspace, untouched)
        replace(paths, odds)
        await look_at_all(server, untouched)
        await end(server)
        replace(paths, odds)
        assert "Traceback" not in doctor(server)
        server.start()
        await look_at_all(server, untouched)
        await end(server)
        (hands.folder / "go").touch()
        await until(lambda: not is_alive(runner))
    finally:
        (hands.folder / "go").touch()
        server.stop()
