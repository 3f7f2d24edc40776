"""A command in the sandbox has the network and stands between two workspaces: it decides nothing for people."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duragent.client.find import find_server
from duragent.wire import SendMessage
from tests.promises import probe
from tests.support.hands import Hands, make_hands
from tests.support.house import write_agent
from tests.support.machine import needs_bubblewrap
from tests.support.real_server import RealServer, make_workspace

TOOLS = "  tools: [{type: builtin, name: bash}]"
ONLINE = f"{TOOLS}\n  sandbox: {{network: true}}"
SECRET = "what was said to the other one"


@pytest.fixture
def two() -> Iterator[tuple[RealServer, Hands]]:
    """A workspace in whose project everything of the other one lies, and the private folder too."""
    # A short path, because sockets lie below.
    with tempfile.TemporaryDirectory(prefix="da-") as folder:
        yield from _two(Path(folder).resolve())


def _two(tmp_path: Path) -> Iterator[tuple[RealServer, Hands]]:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "xdg/run"), "XDG_STATE_HOME": str(tmp_path / "xdg/state")}
    for folder in environ.values():
        Path(folder).mkdir(mode=0o700, parents=True)
    outer = make_workspace(tmp_path, ONLINE, config={"sandbox": {"mode": "bubblewrap"}})
    write_agent(outer.workspace / "agents", "offline", TOOLS)
    (outer.workspace / "policy.yaml").write_text("mode: ask\nallow: ['bash:python3 *']\n")
    (tmp_path / "inner").mkdir()
    inner = make_hands(tmp_path / "inner")
    for server in (outer, inner.server):
        server.environ.update(environ)
        server.start()
        # The other one is started as cron does it: its private folder is in the other place.
        environ = environ | {"XDG_RUNTIME_DIR": ""}
    yield outer, inner
    outer.stop()
    inner.server.stop()


async def attacks(outer: RealServer, inner: Hands, session: str, call: str) -> dict[str, Any]:
    urls, posts, paths, sockets = [], [], [], []
    for server in (outer, inner.server):
        endpoint = await find_server(server.workspace, server.tokens)
        assert endpoint.socket is not None
        urls += [f"{endpoint.url}{path}" for path in ("/readyz", "/api/v1/sessions", "/api/v1/approvals")]
        approve = f"{endpoint.url}/api/v1/sessions/{session}/approve"
        posts += [(approve, {"call_id": call, "decision": "allow_once"})]
        private = endpoint.socket.parent
        found = [private.parent, private, private / "token", private / "key", private.parent / "known"]
        found += [server.workspace / "run", server.workspace / "run/server.json", server.sessions_dir]
        found += list(server.sessions_dir.glob("*/events.jsonl"))
        paths += [str(path) for path in found]
        sockets += [str(endpoint.socket)]
    return {"urls": urls, "posts": posts, "paths": paths, "sockets": sockets}


async def ran(outer: RealServer, agent: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """What `probe.py` could do as a command of this agent."""
    project = outer.workspace.parent
    (project / "probe.py").write_text(Path(probe.__file__).read_text())
    (project / "wanted.json").write_text(json.dumps(wanted))
    async with outer.client() as client:
        session = (await client.create_session(agent)).session_id
        await client.ask(session, SendMessage(content="run `python3 probe.py wanted.json`"))
    [line] = [
        line
        for event in Hands(outer, project).results(session)
        for line in event.content.splitlines()
        if line.startswith("RESULT ")
    ]
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


@needs_bubblewrap
async def test_a_command_reaches_at_most_the_ports_and_decides_and_reads_nothing(
    two: tuple[RealServer, Hands],
) -> None:
    outer, inner = two
    async with inner.server.client() as client:
        other = (await client.create_session("assistant")).session_id
        await client.ask(other, SendMessage(content=SECRET))
        session = await inner.say(client, "./ask once")
        asked = await inner.asked(client)
        wanted = await attacks(outer, inner, session, asked.call_id)
        for agent, urls, posts in (
            ("assistant", [200, 401, 401] * 2, [401, 401]),
            ("offline", ["unreachable"] * 6, ["unreachable"] * 2),
        ):
            done = await ran(outer, agent, wanted)
            assert (done["urls"], done["posts"]) == (urls, posts)
            assert (set(done["paths"]), set(done["sockets"])) == ({""}, {""})
        assert [each.call_id for each in (await client.approvals()).approvals] == [asked.call_id]
    assert not inner.count()
    # The same when the other server is stopped: its conversations are still there.
    log = inner.server.sessions_dir / other / "events.jsonl"
    assert SECRET in log.read_text()
    inner.server.terminate()
    done = await ran(outer, "assistant", {"urls": [], "posts": [], "sockets": [], "paths": [str(log)]})
    assert done["paths"] == [""]
