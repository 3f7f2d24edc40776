"""Repair of a stream that is no session, such as an agent's mind: by the server, or in the files while none runs."""

import asyncio
import os
import secrets
import socket
import sys
from pathlib import Path

import typer

from duragent.cli import view
from duragent.cli.connection import Where, connect
from duragent.cli.logs import STREAM_PREFIX, STREAMS, open_streams
from duragent.cli.place import need_config
from duragent.cli.prompts import need_yes
from duragent.errors import Damaged, InvalidRequest, NotDamaged, ProblemResponse, WorkspaceLocked

NOT_FOUND = 404


def must_agree(what: str) -> None:
    """Ask whether a repair may begin. Raises InvalidRequest without a terminal, and when the answer is no."""
    if not sys.stdin.isatty():
        problem = f"records leave the {what}, and nobody can be asked without a terminal: --yes is needed"
        raise InvalidRequest(problem)
    need_yes("Go on behind the last good record? The rest is kept beside the log.")


async def repair_stream(where: Where, name: str, yes: bool) -> None:
    """Let it go on behind its last good record.

    Raises NotFound, NotDamaged, ProblemResponse; WorkspaceLocked where a server runs that knows of no such memory.
    """
    from duragent.stores.files.locks import WorkspaceLock

    if where.server:
        if not yes:
            must_agree("stream")
        _tell(name, await _by_server(where, name))
        return
    config = need_config(where.config, where.workspace)
    reader = open_streams(config.workspace)
    damage = reader.check(name).damage
    if damage is None:
        raise NotDamaged(name, "mind")
    typer.echo(view.one_line(str(damage)), err=True)
    if not yes:
        must_agree("stream")
    lock = WorkspaceLock(config.workspace / ".lock")
    try:
        lock.acquire(f"process {os.getpid()}, repairing {name}")
    except WorkspaceLocked as locked:
        records = await _by_server(where, name, locked)
    else:
        try:
            await _mend(config.workspace / STREAMS, name, damage)
        finally:
            lock.release()
        records = reader.check(name).records
    _tell(name, records)
    for kept in reader.repaired(name):
        typer.echo(f"Set aside: {kept}", err=True)


def _tell(name: str, records: int) -> None:
    typer.echo(f"{name} goes on behind its good records; it has {records} now.")


async def _by_server(where: Where, name: str, locked: WorkspaceLocked | None = None) -> int:
    """Have the server that runs mend it: how many records it has then."""
    async with connect(where, start=False) as connection:
        try:
            return (await connection.client.repair_memory(name.removeprefix(STREAM_PREFIX))).head
        except ProblemResponse as refused:
            if locked is not None and refused.status == NOT_FOUND:
                # The server has no agent with that memory, and keeps everybody else from it.
                raise locked from None
            raise


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
