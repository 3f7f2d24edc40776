"""The workspace's server as `duragent doctor` sees it: does it run, does it answer, which version is it?"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from duragent import __version__
from duragent.cli import view
from duragent.cli.doctor.finding import Diagnosis

if TYPE_CHECKING:
    from duragent.config import Config
    from duragent.errors import ServerUnreachable
    from duragent.wire import AgentSummary, Ready


def server(config: "Config") -> Iterator[Diagnosis]:
    """How the workspace's server is, by its address, its lock and its own answer."""
    from duragent.client.address import read_address, url_here, workspace_hash
    from duragent.errors import OlderServer, ServerUnreachable

    workspace = config.workspace
    address = read_address(workspace)
    if address is None:
        yield from _without_address(workspace)
        return
    who, url = f"the server (process {address.pid})", url_here(address.host, address.port)
    if address.workspace_hash != workspace_hash(workspace):
        hint = "`duragent serve` starts one for this workspace"
        yield Diagnosis("server", "warning", f"another workspace's server answers at {url}", hint)
        return
    try:
        ready, agents = _asked(config)
    except OlderServer as error:
        yield Diagnosis("server", "warning", f"{who} is an older duragent ({error.version})", error.advice)
        return
    except ServerUnreachable as error:
        yield _silent(address.pid, address.started_at, error)
        return
    started = view.ago(address.started_at)
    yield Diagnosis("server", "ok", f"{who}, started {started}, answers at {url} on /livez and /readyz")
    if holder := lock_holder(workspace / ".lock"):
        yield Diagnosis("server", "ok", f"the workspace is held by {holder}")
    if address.version != __version__:
        text = f"the server is version {address.version}, this program {__version__}"
        yield Diagnosis("server", "warning", text, "`duragent serve stop`: the next command starts the new version")
    if ready.problem:
        yield Diagnosis("server", "problem", f"the server is not well: {ready.problem}", "`duragent serve status`")
    for agent in agents:
        if agent.memory_trouble:
            text = f"the memory of agent {view.one_line(agent.name)}: {view.one_line(agent.memory_trouble)}"
            yield Diagnosis("server", "warning", text, "its turns go on; the server tries again by itself")


def _asked(config: "Config") -> "tuple[Ready, list[AgentSummary]]":
    """What `/readyz` says, when `/livez` answers too, and the agents. Raises ServerUnreachable, OlderServer."""
    import asyncio

    from duragent.client.address import TokenSource, always
    from duragent.client.client import Client
    from duragent.client.find import find_server
    from duragent.errors import DuragentError, ServerUnreachable

    tokens = TokenSource(config.server.api_token, config.server.admin_token)

    async def ask() -> "tuple[Ready, list[AgentSummary]]":
        endpoint = await find_server(config.workspace, tokens)
        async with Client(always(endpoint), patience_seconds=0) as client:
            await client.alive()
            ready = await client.ready()
            try:
                return ready, (await client.agents()).agents
            except ServerUnreachable:
                raise
            except DuragentError:
                # It answers, and does not say: a token is wrong, perhaps.
                return ready, []

    return asyncio.run(ask())


def _silent(pid: int, started_at: str, error: "ServerUnreachable") -> Diagnosis:
    from duragent.client.server_process import is_gone

    if is_gone(pid, started_at):
        text = f"the server (process {pid}) ended in the middle of its work; nothing that it wrote is lost"
        return Diagnosis("server", "warning", text, "`duragent serve` goes on; so does any command that needs a server")
    text = f"the server (process {pid}) runs, and does not answer at {error.url}: {error.reason}"
    hint = f"its log is logs/server.log in the workspace; `kill {pid}` ends it, and the next one goes on"
    return Diagnosis("server", "problem", text, hint)


def _without_address(workspace: Path) -> Iterator[Diagnosis]:
    """No server says where it is: none runs, or one is just starting or stopping."""
    holder = lock_holder(workspace / ".lock")
    if holder is None:
        yield Diagnosis("server", "ok", "none runs; a command that needs one starts it")
    else:
        hint = "it may be starting or stopping: look again in a moment"
        yield Diagnosis("server", "warning", f"the workspace is held by {holder}, which does not say where it is", hint)


def lock_holder(path: Path) -> str | None:
    """The process that holds the workspace, as it wrote it down; None when the workspace is free."""
    import fcntl

    from duragent.system.safe_read import open_file

    try:
        descriptor = open_file(path)
    except OSError:
        return None
    try:
        note = os.read(descriptor, 500).decode(errors="replace").strip()
        # An empty note means that it was let go of. The lock is only tried where a note was left, and only for a
        # moment, because a server that starts in that moment would find it taken.
        if not note:
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return view.one_line(note)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return None
