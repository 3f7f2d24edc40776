"""The list of sessions: derived, rebuilt at any time, never the truth.

It is kept in memory and saved now and then as `.index.jsonl`. A saved row counts at the next start only if the log's
`mark` (inode, size, time) is still the one that it was saved with; otherwise that session is opened and folded again.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter, ValidationError

from duragent.errors import InvalidRequest
from duragent.journal.state import SessionState
from duragent.stores.base import Store

_STATE: TypeAdapter[SessionState] = TypeAdapter(SessionState)


@dataclass(frozen=True, slots=True)
class Row:
    """One session. `problem` says why it is read-only; `mark` is the log's when the row was saved."""

    state: SessionState
    problem: str | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows: an exact agent, a status (`damaged` too), the beginning of an id (with or without `session_`)."""

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
        """Take the saved rows that are certain; returns the sessions that have to be looked at."""
        rows = await asyncio.to_thread(load, await store.get_index())
        doubtful = []
        for listed in await store.list_sessions():
            row = rows.get(listed.session_id)
            if row is None or row.mark != listed.mark or row.problem:
                doubtful.append(listed.session_id)
            elif listed.session_id not in self.rows:
                self.rows[listed.session_id] = row
        return doubtful

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
        if (row := rows.get(session_id)) is not None:
            fields = {"mark": mark, "problem": row.problem, "state": asdict(row.state)}
            lines.append(json.dumps(fields, separators=(",", ":")))
    return "".join(f"{line}\n" for line in lines).encode()


def load(data: bytes) -> dict[str, Row]:
    """The rows of a saved index, by session id; what cannot be read is left out."""
    rows = {}
    for line in data.splitlines():
        try:
            fields = json.loads(line)
            row = Row(_STATE.validate_python(fields["state"]), fields["problem"], fields["mark"])
        except (ValueError, KeyError, TypeError, ValidationError):
            continue
        rows[row.state.session_id] = row
    return rows


def _key(row: Row) -> tuple[str, str]:
    return row.state.updated_at, row.state.session_id


def _fits(row: Row, query: Query) -> bool:
    status = "damaged" if row.problem else row.state.status
    session_id = row.state.session_id
    return (
        query.agent in (None, row.state.agent)
        and query.status in (None, status)
        and (query.prefix is None or session_id.startswith((query.prefix, f"session_{query.prefix}")))
    )


def _from_cursor(cursor: str) -> tuple[str, str]:
    updated_at, separator, session_id = cursor.partition("~")
    if not separator:
        raise InvalidRequest("the cursor is not one that this server gave", [("cursor", "is malformed")])
    return updated_at, session_id
