"""`duragent policy list` and `revoke`: what a person has allowed, of agents for ever and of sessions until they end."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Connection, Where, connect, find_session
from duragent.cli.loop import run
from duragent.errors import InvalidRequest, NothingToDo, ServerUnreachable

if TYPE_CHECKING:
    from duragent.wire import SessionInfo

NOTHING = "Nothing is allowed besides what people wrote."
_PAGE = 200
_ONE_AGENT = typer.Option("--agent", "-a", metavar="NAME", help="Only what this agent may always do.")
_ONE_SESSION = typer.Option("--session", metavar="ID", help="Only what this session may do until it ends.")


@dataclass(frozen=True)
class Allowance:
    """Something that a person has allowed besides single calls."""

    pattern: str
    agent: str
    session_id: str = ""
    """"" for what holds for ever."""

    place: str = ""
    """The file and its line; "" of a session."""


@options.at_server
def list_allowances(
    agent: Annotated[str | None, _ONE_AGENT] = None,
    session: Annotated[str | None, _ONE_SESSION] = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """List what was answered with "always", and what sessions may do until they end.

    The files of agents are read here. Of sessions a server tells, when one runs.
    """
    found = run(_found(where, agent, session, start=session is not None))
    if json:
        view.print_json([asdict(each) for each in found])
        return
    rows = [(each.pattern, each.agent, view.session_cell(each.session_id), each.place) for each in found]
    view.print_table(("PATTERN", "AGENT", "SESSION", "FILE"), rows, NOTHING)


@options.at_server
def revoke(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="As `duragent policy list` shows it.")],
    agent: Annotated[str | None, _ONE_AGENT] = None,
    session: Annotated[str | None, _ONE_SESSION] = None,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Ask again about what was allowed: of agents and sessions alike, unless one of them is named."""
    run(_revoke(where, pattern, (agent, session), as_name or view.person()))


async def _revoke(where: Where, pattern: str, named: tuple[str | None, str | None], by: str) -> None:
    from duragent.policy.files import revoke as revoke_in

    found = [each for each in await _found(where, *named, start=True) if each.pattern == pattern]
    if not found:
        raise NothingToDo(f"nobody allowed '{view.one_line(pattern, 80)}'; `duragent policy list` shows what there is")
    async with connect(where) as connection:
        for each in found:
            if each.session_id:
                await connection.client.revoke(each.session_id, [pattern], by)
                of = f"session {view.short_id(each.session_id)}"
            else:
                revoke_in(_agents_dir(connection) / each.agent, [pattern])
                of = f"agent {each.agent}"
            typer.echo(f"{of} asks again about {view.one_line(pattern)}")


async def _found(where: Where, agent: str | None, session: str | None, *, start: bool) -> list[Allowance]:
    if agent is not None and session is not None:
        raise InvalidRequest("--agent and --session: give only one of them")
    async with connect(where, start=start) as connection:
        always = _always(connection, agent) if session is None else []
        if agent is not None:
            return always
        try:
            infos = [await find_session(connection.client, session)] if session else await _sessions(connection)
            return [
                *always,
                *(Allowance(pattern, info.agent, info.session_id) for info in infos for pattern in info.allowed),
            ]
        except ServerUnreachable:
            if start or where.server is not None:
                raise
            view.note("No server runs: what sessions may do until they end is not shown.")
            return always


async def _sessions(connection: Connection) -> "list[SessionInfo]":
    client = connection.client
    found: list[SessionInfo] = []
    cursor: str | None = None
    while True:
        listed = await client.sessions(limit=_PAGE, cursor=cursor)
        # What one allows that was not read yet is not in the list.
        found += [await client.session(info.session_id) if info.unread else info for info in listed.sessions]
        cursor = listed.next_cursor
        if cursor is None:
            return found


def _agents_dir(connection: Connection) -> Path:
    if connection.config is None:
        raise InvalidRequest("the agents' files are on another machine: name a session with --session")
    return connection.config.agents_dir


def _always(connection: Connection, agent: str | None) -> list[Allowance]:
    """What the agents' own files say, as far as duragent wrote them. A file with a fault is a note."""
    from duragent.policy.files import LOCAL_NAME, load_tier

    if connection.config is None:
        return []
    found: list[Allowance] = []
    for folder in sorted(path for path in connection.config.agents_dir.glob("*") if path.is_dir()):
        if agent not in (None, folder.name) or (tier := load_tier(folder / LOCAL_NAME, folder.name)) is None:
            continue
        if tier.fault is not None:
            view.note(tier.fault)
        of_agent = f"{folder.name}/{LOCAL_NAME}"
        found += [Allowance(rule.pattern, folder.name, "", f"{of_agent}:{rule.line}") for rule in tier.allow or ()]
    return found
