"""Repair of a stream that is no session, such as an agent's mind: in the files, while no server runs."""

import asyncio
import os
import secrets
import socket
import sys
from pathlib import Path

import typer

from duragent.cli import view
from duragent.cli.connection import Where
from duragent.cli.logs import STREAMS, open_streams
from duragent.cli.place import need_config
from duragent.cli.prompts import need_yes
from duragent.errors import Damaged, InvalidRequest, NotDamaged


def must_agree(what: str) -> None:
    """Ask whether a repair may begin. Raises InvalidRequest without a terminal, and when the answer is no."""
    if not sys.stdin.isatty():
        problem = f"records leave the {what}, and nobody can be asked without a terminal: --yes is needed"
        raise InvalidRequest(problem)
    need_yes("Go on behind the last good record? The rest is kept beside the log.")


async def repair_stream(where: Where, name: str, yes: bool) -> None:
    """Let it go on behind its last good record. Raises WorkspaceLocked while a server runs, NotFound, NotDamaged."""
    from duragent.stores.files.locks import WorkspaceLock

    if where.server:
        raise InvalidRequest(f"'{name}' is repaired in its files: leave --server out")
    config = need_config(where.config, where.workspace)
    reader = open_streams(config.workspace)
    damage = reader.check(name).damage
    if damage is None:
        raise NotDamaged(name)
    typer.echo(view.one_line(str(damage)), err=True)
    if not yes:
        must_agree("stream")
    lock = WorkspaceLock(config.workspace / ".lock")
    lock.acquire(f"process {os.getpid()}, repairing {name}")
    try:
        await _mend(config.workspace / STREAMS, name, damage)
    finally:
        lock.release()
    records = reader.check(name).records
    typer.echo(f"{name} goes on behind its good records; it has {records} now.")
    for kept in reader.repaired(name):
        typer.echo(f"Set aside: {kept}", err=True)


async def _mend(folder: Path, name: str, damage: Damaged) -> None:
    from duragent.clock import SystemClock
    from duragent.mind.kind import MIND, MIND_FOLD
    from duragent.stores.files.store import FileStore
    from duragent.streams.repair import mend_stream
    from duragent.streams.stream_log import StreamPorts

    store = FileStore(folder, kind=MIND)
    try:
        node = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        ports = StreamPorts(store, SystemClock(), node, asyncio.ensure_future)
        claim = await store.claim(name)
        await mend_stream(ports, claim, MIND_FOLD, claim.damage or damage)
    finally:
        store.close()
