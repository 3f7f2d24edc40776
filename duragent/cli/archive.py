"""`duragent session export|import`: a session as one file, and back."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Annotated

import typer

from duragent.cli import options
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.errors import InvalidRequest, NotFound

_PIECE_BYTES = 256 << 10


def export(
    session_id: options.SessionArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help='Where to; "-" is stdout. Else ID.zip here.')
    ] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
    server: options.Server = None,
    token_file: options.TokenFile = None,
) -> None:
    """Write a session into one zip: its log byte for byte, and its blobs. `duragent session import` reads it."""
    if output == Path("-") and sys.stdout.isatty():
        raise InvalidRequest("a zip is not for a terminal: --output FILE, or a pipe")
    run(_export(Where(config, workspace, server, token_file), session_id, output))


async def _export(where: Where, prefix: str, output: Path | None) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        if output == Path("-"):
            await connection.client.export(session.session_id, sys.stdout.buffer.write)
            return
        path, name = output or Path(), f"{session.session_id}.zip"
        path = path / name if path.is_dir() else path
        new = path.with_name(f".{path.name}.new")
        try:
            with new.open("wb") as file:
                await connection.client.export(session.session_id, file.write)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be written: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink()
    typer.echo(f"{path}\t{session.head} records")


def import_session(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='What `export` wrote; "-" is stdin.')],
    new_id: Annotated[bool, typer.Option("--new-id", help="Give the session a new id; else it keeps its own.")] = False,
    config: options.Config = None,
    workspace: options.Workspace = None,
    server: options.Server = None,
    token_file: options.TokenFile = None,
) -> None:
    """Take in a session that was exported. Every record is checked; nothing of a damaged file is taken.

    What was under way in it is not done again.
    """
    where = Where(config, workspace, server, token_file)
    if file == Path("-"):
        run(_import(where, sys.stdin.buffer, new_id))
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}") from error
    with opened:
        run(_import(where, opened, new_id))


async def _import(where: Where, file: IO[bytes], new_id: bool) -> None:
    async with connect(where) as connection:
        session = await connection.client.import_session(_pieces(file), new_id=new_id)
        known = [agent.name for agent in (await connection.client.agents()).agents]
    typer.echo(f"{session.session_id}\t{session.head} records")
    if session.agent not in known:
        typer.echo(f"There is no agent '{session.agent}' here yet: `duragent agent create {session.agent}`.", err=True)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
