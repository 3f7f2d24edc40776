"""The list of sessions: derived, rebuilt at any time, never the truth.

It is kept in memory and saved now and then as `.index.jsonl`. A saved row counts at the next start only if the log's
`mark` (inode, size, time) is still the one that it was saved with; otherwise that session is opened and folded again.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from io import BytesIO

from pydantic import TypeAdapter, ValidationError

from duragent.errors import InvalidRequest, Unavailable
from duragent.journal import snapshot
from duragent.journal.state import SessionState
from duragent.stores.base import Store

SNAPSHOT_SECONDS = 5.0
"""So long the list waits for one summary, which is a cache."""


@dataclass(frozen=True, slots=True)
class Row:
    """One session. `problem` says why it is read-only; `mark` is the log's when the row was saved.

    `old`: the log has changed since; it is what is known until somebody has looked, and is not saved.
    """

    state: SessionState
    problem: str | None = None
    mark: str = ""
    old: bool = False


_ROW: TypeAdapter[Row] = TypeAdapter(Row)


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows: an exact agent, a status, the beginning of an id (with or without `session_`).

    The status `damaged` fits every session with a problem.
    """

    agent: str | None = None
    status: str | None = None
    prefix: str | None = None
    limit: int = 50
    cursor: str | None = None


class Index:
    """Rows by session id."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.changed = False

    async def fill(self, store: Store) -> list[str]:
        """Take the saved rows; returns the sessions that have to be looked at, the unknown ones first."""
        rows = await asyncio.to_thread(load, await store.get_index())
        unknown: list[str] = []
        doubtful: list[str] = []
        for listed in await store.list_sessions():
            name, row = listed.session_id, rows.get(listed.session_id)
            if row is None or row.mark != listed.mark or row.problem:
                row = replace(row, old=True) if row else await _from_snapshot(store, name)
                (doubtful if row else unknown).append(name)
            if row is not None:
                self.rows.setdefault(name, row)
        return [*unknown, *doubtful]

    async def save(self, store: Store, writing: Callable[[], Set[str]]) -> None:
        """Keep the rows for the next start, if any has changed. `writing` are sessions whose log may be ahead of it."""
        if not self.changed:
            return
        listed = await store.list_sessions()
        # Of a log that is being written the mark may be newer than the row.
        unsure = writing()
        marks = [(each.session_id, each.mark) for each in listed if each.session_id not in unsure]
        rows, self.changed = dict(self.rows), False
        try:
            await store.put_index(await asyncio.to_thread(dump, rows, marks))
        except BaseException:
            self.changed = True
            raise

    def put(self, state: SessionState, problem: str | None) -> None:
        # Keys are looked up in open sessions only.
        self.rows[state.session_id] = Row(replace(state, remembered=()), problem)
        self.changed = True

    def drop(self, session_id: str) -> None:
        self.changed = self.rows.pop(session_id, None) is not None or self.changed

    def page(self, query: Query) -> tuple[list[SessionState], str | None]:
        """The newest first, by their last change, and the cursor of the next page. Raises InvalidRequest."""
        found = sorted((_key(row) for row in self.rows.values() if _fits(row, query)), reverse=True)
        if query.cursor is not None:
            before = _from_cursor(query.cursor)
            found = [key for key in found if key < before]
        page = found[: query.limit]
        cursor = f"{page[-1][0]}~{page[-1][1]}" if len(found) > len(page) else None
        return [self.rows[session_id].state for _, session_id in page], cursor


def dump(rows: Mapping[str, Row], marks: Iterable[tuple[str, str]]) -> bytes:
    """The rows whose sessions have a mark. The marks must be taken before this call: they must not be newer."""
    lines = []
    for session_id, mark in marks:
        if (row := rows.get(session_id)) is not None and not row.old:
            fields = _ROW.dump_python(row, exclude={"old"}) | {"mark": mark}
            lines.append(json.dumps(fields, separators=(",", ":")))
    return "".join(f"{line}\n" for line in lines).encode()


async def _from_snapshot(store: Store, session_id: str) -> Row | None:
    try:
        data = await asyncio.wait_for(store.get_snapshot(session_id), SNAPSHOT_SECONDS)
    except (Unavailable, TimeoutError):
        # It is looked at as one that nothing is known of, and that says why it cannot be read.
        return None
    saved = snapshot.load(data, session_id) if data else None
    return Row(replace(saved.state, remembered=()), old=True) if saved else None


def load(data: bytes) -> dict[str, Row]:
    """The rows of a saved index, by session id; what cannot be read is left out."""
    rows = {}
    # Line by line, not all at once: there may be very many, and this is the start.
    for line in BytesIO(data):
        try:
            row = _ROW.validate_json(line)
        except ValidationError:
            continue
        rows[row.state.session_id] = row
    return rows


def _key(row: Row) -> tuple[str, str]:
    return row.state.updated_at, row.state.session_id


def _fits(row: Row, query: Query) -> bool:
    statuses = (None, row.state.status, "damaged") if row.problem else (None, row.state.status)
    session_id = row.state.session_id
    return (
        query.agent in (None, row.state.agent)
        and query.status in statuses
        and (query.prefix is None or session_id.startswith((query.prefix, f"session_{query.prefix}")))
    )


def _from_cursor(cursor: str) -> tuple[str, str]:
    updated_at, separator, session_id = cursor.partition("~")
    if not separator:
        raise InvalidRequest("the cursor is not one that this server gave", [("cursor", "is malformed")])
    return updated_at, session_id
