"""`duragent session prune`: delete what is not needed any more, never what is being used."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.prompts import need_yes
from duragent.cli.session_picker import called
from duragent.errors import InvalidRequest, NotFound, NotNow, ProblemResponse, SessionDeleted

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import SessionInfo

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONG_AGO = timedelta(hours=1)
"""A session without a word that is younger may be about to get one."""


def _age(text: str) -> timedelta:
    """`30d` and the like."""
    found = re.fullmatch(r"(\d{1,5})([mhdw])", text.strip().casefold())
    if not found:
        raise typer.BadParameter(f"'{text}' is no time such as 12h, 30d or 8w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True)
class PruneRule:
    """Which sessions go."""

    older: timedelta | None = None
    """Those that were not used for so long; None: those in which nothing was ever said."""

    agent: str | None = None
    """Only those of this agent; None: of any."""

    def fits(self, session: "SessionInfo", now: datetime) -> bool:
        """What works, waits for a person, is damaged or has not been read yet stays, whatever its age."""
        used = view.parse_time(session.updated_at)
        if session.unread or session.damage or session.status not in ("active", "completed") or used is None:
            return False
        unused = session.messages == 0 and session.turns == 0 and session.parent is None
        old = now - used >= (self.older if self.older is not None else _LONG_AGO)
        return old and (self.older is not None or unused) and self.agent in (None, session.agent)


@options.at_server
def prune(
    older: Annotated[
        timedelta | None,
        typer.Option(
            "--older-than",
            metavar="TIME",
            parser=_age,
            help="Sessions not used for so long (12h, 30d, 8w); else those in which nothing was ever said.",
        ),
    ] = None,
    agent: options.AgentOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say which they are.")] = False,
    *,
    where: Where,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete sessions that are not needed any more, for good; what works or waits for you stays."""
    if not (yes or dry_run or sys.stdin.isatty()):
        raise InvalidRequest("deleting is for good, and nobody can be asked without a terminal: --yes or --dry-run")
    run(_prune(where, PruneRule(older, agent), dry_run=dry_run, yes=yes))


async def _prune(where: Where, rule: PruneRule, *, dry_run: bool, yes: bool) -> None:
    async with connect(where) as connection:
        found, unread = await _fitting(connection.client, rule)
        view.say_unread(unread)
        ids = view.short_ids([session.session_id for session in found])
        shown = ids if view.on_terminal() else [session.session_id for session in found]
        for name, session in zip(shown, found, strict=True):
            typer.echo(f"{name}\t{view.when(session.updated_at)}\t{called(session)}")
        if not found or dry_run:
            view.note(
                f"{view.many(len(found), 'session')} would be deleted." if found else "There is nothing to delete."
            )
            return
        if not yes:
            need_yes(f"Delete {view.many(len(found), 'session')} for good?", err=True)
        deleted = [session for session in found if await _deleted(connection.client, session)]
    kept = len(found) - len(deleted)
    rest = f" {view.many(kept, 'session')} went on in the meantime and stayed." if kept else ""
    view.note(f"Deleted {view.many(len(deleted), 'session')}.{rest}")


async def _fitting(client: "Client", rule: PruneRule) -> "tuple[Sequence[SessionInfo], int]":
    """The sessions that the rule fits, and how many are not read yet."""
    from duragent.cli.chat.beginning import is_unused

    now = datetime.now(UTC)
    by_id: dict[str, SessionInfo] = {}
    cursor: str | None = None
    while True:
        page = await client.sessions(agent=rule.agent, limit=200, cursor=cursor)
        by_id |= {session.session_id: session for session in page.sessions if rule.fits(session, now)}
        cursor = page.next_cursor
        if cursor is None:
            break
    if rule.older is None:
        by_id = {name: session for name, session in by_id.items() if is_unused(await client.events(name))}
    return list(by_id.values()), page.unread


async def _deleted(client: "Client", session: "SessionInfo") -> bool:
    """Whether it was deleted: not when it has gone on since it was listed, works, or is gone already."""
    try:
        await client.delete_session(session.session_id, head=session.head)
    except ProblemResponse as error:
        if error.problem not in (NotNow.code, NotFound.code, SessionDeleted.code):
            raise
        return False
    return True
