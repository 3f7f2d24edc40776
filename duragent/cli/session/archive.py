"""`duragent session export|import`: a session as one file, and back."""

import asyncio
import contextlib
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from duragent.cli import options
from duragent.cli.connection import Where, connect, find_session
from duragent.cli.loop import run
from duragent.errors import DuragentError, InvalidRequest, NotFound, StoreFull
from duragent.system.os_errors import is_full

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import SessionInfo

_TAKEN = ": --force replaces it, --output FILE names another"
_PIECE_BYTES = 256 << 10


@options.at_server
def export(
    session_id: options.SessionArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help='A file or a folder; "-" is stdout. Else ID.zip here.'),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file that is there.")] = False,
    *,
    where: Where,
) -> None:
    """Write a session into one zip: its log byte for byte, and its blobs. `duragent session import` reads it."""
    if output == Path("-"):
        if sys.stdout.isatty():
            raise InvalidRequest("a zip is not for a terminal: --output FILE, or a pipe")
        run(_export_through(where, session_id, sys.stdout.buffer.write))
    elif output is not None and _is_no_file(output):
        _export_into(where, session_id, output)
    else:
        run(_export(where, session_id, output or Path(), force=force))


def _is_no_file(path: Path) -> bool:
    """Whether there is a device, a FIFO or the like, whatever links lead to it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _export_into(where: Where, prefix: str, path: Path) -> None:
    """Straight through: such a thing is written to, and never replaced."""
    try:
        # Outside of the event loop: opening a FIFO waits for its reader, and Ctrl-C ends that wait.
        with open(os.open(path, os.O_WRONLY | os.O_CLOEXEC), "wb") as file:
            session = run(_export_through(where, prefix, file.write))
    except OSError as error:
        raise _cannot_write(path, error) from error
    _say_exported(path, session)


async def _export_through(where: Where, prefix: str, write: Callable[[bytes], object]) -> "SessionInfo":
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        await connection.client.export(session.session_id, write)
        return session


async def _export(where: Where, prefix: str, path: Path, *, force: bool) -> None:
    async with connect(where) as connection:
        session = await find_session(connection.client, prefix)
        path = await export_to(connection.client, session, path, None if force else _TAKEN)
    _say_exported(path, session)


async def export_to(client: "Client", session: "SessionInfo", path: Path, taken: str | None) -> Path:
    """Write the session into that file, or into one of its name in that folder; where it is then.

    Raises InvalidRequest for a file that is there already, with `taken` as what to do; None replaces it.
    """
    with new_file(path, f"{session.session_id}.zip", taken) as (path, file):
        await client.export(session.session_id, file.write)
    return path


@contextlib.contextmanager
def new_file(path: Path, name: str, taken: str | None) -> Iterator[tuple[Path, IO[bytes]]]:
    """A file at `path`, or of that name in the folder there, which has all of it or is not there; and its path.

    Raises as `export_to`.
    """
    path, real = _named(path, name)
    new = real.with_name(f".{real.name}.new")
    try:
        _check_free(path, real, taken)
        with _new_file(new) as file:
            yield path, file
            file.flush()
            os.fsync(file.fileno())
        # Once more: it may have come meanwhile.
        _check_free(path, real, taken)
        new.replace(real)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink()


def _new_file(path: Path) -> IO[bytes]:
    """An empty file that only its owner can read: a session holds everything that was said."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # What an export that was killed has left.
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))


def _named(path: Path, name: str) -> tuple[Path, Path]:
    """The file as a person calls it, and where it is. A link stays one: what it leads to is written."""
    path = path / name if path.is_dir() else path
    return path, Path(os.path.realpath(path))


def _check_free(path: Path, real: Path, taken: str | None) -> None:
    """Raises InvalidRequest for what must not be replaced."""
    if real.exists() and (_is_no_file(real) or real.is_dir() or taken is not None):
        hint = taken if real.is_file() else ", and is no file"
        raise InvalidRequest(f"{path} is there already{hint}")


def _cannot_write(path: Path, error: OSError) -> DuragentError:
    return (StoreFull if is_full(error) else InvalidRequest)(f"{path} cannot be written: {error.strerror}")


def _say_exported(path: Path, session: "SessionInfo") -> None:
    typer.echo(f"{path}\t{session.head} records", err=_is_no_file(path))


@options.at_server
def import_session(
    file: Annotated[Path, typer.Argument(metavar="FILE", help='What `export` wrote; "-" is stdin.')],
    new_id: Annotated[bool, typer.Option("--new-id", help="Give the session a new id; else it keeps its own.")] = False,
    *,
    where: Where,
) -> None:
    """Take in a session that was exported. Every record is checked; nothing of a damaged file is taken.

    What was under way in it is not done again.
    """
    if file == Path("-"):
        run(_import(where, sys.stdin.buffer, new_id))
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        problem = "is a folder: name a file in it" if file.is_dir() else f"cannot be read: {error.strerror}"
        raise NotFound(f"{file} {problem}") from error
    with opened:
        run(_import(where, opened, new_id))


async def _import(where: Where, file: IO[bytes], new_id: bool) -> None:
    async with connect(where) as connection:
        start = _place_in(file)
        again = None if start is None else (lambda: _pieces(file, start))
        session = await connection.client.import_session(_pieces(file), new_id=new_id, again=again)
        known = [agent.name for agent in (await connection.client.agents()).agents]
    typer.echo(f"{session.session_id}\t{session.head} records")
    if session.agent not in known:
        typer.echo(f"There is no agent '{session.agent}' here yet: `duragent agent create {session.agent}`.", err=True)


def _place_in(file: IO[bytes]) -> int | None:
    """Where it stands; None when it cannot be read twice."""
    try:
        return file.tell() if file.seekable() else None
    except (OSError, ValueError):
        return None


async def _pieces(file: IO[bytes], start: int | None = None) -> AsyncIterator[bytes]:
    if start is not None:
        await asyncio.to_thread(file.seek, start)
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece
