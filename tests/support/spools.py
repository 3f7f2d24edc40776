"""What the tests of commands share: a spool, commands, and a server process that can be killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from duragent.process import process_table, runner
from duragent.process.base import Finished
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command
from tests.support.bounds import LIMIT_SECONDS

SESSION, CALL = "session_01k", "call_01k"

_SERVER = """
import asyncio, json, sys
from pathlib import Path
from duragent.process.spool import Spool
from duragent.sandboxes.base import Command

async def main(root, folder, timeout, *argv):
    spool = await Spool.open(Path(root))
    print(spool.id, flush=True)
    command = Command(tuple(argv), Path(folder), {"PATH": "/usr/bin:/bin"})
    show = lambda text: print(json.dumps(text), flush=True)
    await spool.commands("session_01k", "call_01k", show).run(command, timeout_seconds=float(timeout))

asyncio.run(main(*sys.argv[1:]))
"""


def sh(script: str, folder: Path, **env: str) -> Command:
    return Command(("sh", "-c", script), folder, {"PATH": "/usr/bin:/bin", **env})


async def opened(tmp_path: Path) -> Spool:
    (tmp_path / "run").mkdir(exist_ok=True)
    return await Spool.open(tmp_path / "run" / "spool")


async def run(tmp_path: Path, command: Command, timeout_seconds: float = 20.0) -> Finished:
    spool = await opened(tmp_path)
    return await spool.commands(SESSION, CALL).run(command, timeout_seconds=timeout_seconds)


def call_folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "spool" / f"{SESSION}.{CALL}"


def claim_of(tmp_path: Path) -> dict[str, int]:
    """Who runs the call's command; empty when it is not claimed yet."""
    try:
        found: dict[str, int] = json.loads((call_folder(tmp_path) / runner.CLAIM).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def living_in(folder: Path) -> list[int]:
    """The processes whose working directory this is."""
    found = []
    for each in process_table.processes():
        try:
            here = os.readlink(f"/proc/{each.pid}/cwd")
        except OSError:
            continue
        if not each.dead and here == os.fspath(folder):
            found.append(each.pid)
    return found


def start_server(tmp_path: Path, *argv: str, timeout: float = 30.0, crash: str = "") -> subprocess.Popen[bytes]:
    """A server process that runs one command; its first line is the spool's id."""
    (tmp_path / "run").mkdir(exist_ok=True)
    where = (os.fspath(tmp_path / "run" / "spool"), os.fspath(tmp_path), str(timeout))
    env = {**os.environ, "DURAGENT_CRASHPOINT": crash}
    return subprocess.Popen([sys.executable, "-c", _SERVER, *where, *argv], stdout=subprocess.PIPE, env=env)


def kill(process: subprocess.Popen[bytes]) -> str:
    """kill -9, and what it had printed."""
    process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=LIMIT_SECONDS)[0].decode()
