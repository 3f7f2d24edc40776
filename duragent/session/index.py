"""The list of sessions: derived, rebuilt at any time, never the truth.

It is kept in memory and saved now and then as `.index.jsonl`. A saved row counts at the next start only if the log's
`mark` (inode, size, time) is still the one that it was saved with; otherwise that session is opened and folded again.
A session of which neither the saved index nor a snapshot knows anything is listed at once, too, with what its folder
says: its id and its times. It is `unread` then.
"""

import asyncio
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO

from pydantic import TypeAdapter, ValidationError

from duragent.clock import moment_of
from duragent.errors import InvalidRequest, Unavailable
from duragent.journal import snapshot
from duragent.journal.record import timestamp
from duragent.journal.state import SessionState
from duragent.stores.base import Listed, Store

PATIENCE_SECONDS = 1.0
"""The longest wait of a list for sessions that have not been read."""

SNAPSHOT_SECONDS = 5.0
"""The longest wait for one summary, which is a cache."""


@dataclass(frozen=True, slots=True)
class Row:
    """One session."""

    state: SessionState
    problem: str | None = None
    """Why it is read-only; None while it can be written."""
    mark: str = ""
    """The log's mark (inode, size, time) when the row was saved; "" of rows in memory."""
    old: bool = False
    """The log has changed since: this is what is known until it has been read. Such a row is not saved."""


@functools.cache
def _rows() -> TypeAdapter[Row]:
    # Made when the first row is read or saved: it takes a while.
    return TypeAdapter(Row)


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Which rows of the list. A session that is unread fits no agent and no status."""

    agent: str | None = None
    """The exact name; None: any."""
    status: str | None = None
    """`damaged` fits every session with a problem; None: any."""
    prefix: str | None = None
    """The beginning of an id, with or without `session_`; None: any."""
    match: str | None = None
    """Any part of an id, in upper or lower case; None: any id."""
    limit: int = 50
    """How many rows a page has at most."""
    cursor: str | None = None
    """What the page before gave; None: the first page."""


class Index:
    """Rows by session id."""

    def __init__(self, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.patience_seconds = patience_seconds
        """The longest wait of `wait_a_moment`."""
        self.rows: dict[str, Row] = {}
        self.unread: set[str] = set()
        """Sessions of which only the id and the times are known."""
        self.changed = False
        """Whether a row differs from what was saved."""
        self._places: dict[str, str] = {}
        """By session id: the time by which an unread session is sorted."""
        self._filled = asyncio.Event()
        """Set when every session is listed."""
        self._read = asyncio.Event()
        """Set when every session has been read, or is not waited for any longer."""

    async def fill(self, store: Store) -> list[str]:
        """Take the saved rows; returns the sessions that have to be read: the unread ones first, of them the newest."""
        rows = await asyncio.to_thread(load, await store.get_index())
        unknown: list[str] = []
        doubtful: list[str] = []
        for listed in await store.list_streams():
            name, row = listed.stream_id, rows.get(listed.stream_id)
            if row is None:
                unknown.append(name)
                row = _from_folder(listed)
                if name not in self.rows:
                    self.unread.add(name)
                    self._places[name] = row.state.updated_at
            elif row.mark != listed.mark or row.problem:
                doubtful.append(name)
                row = replace(row, old=True)
            # By the id that the row has anyway: one of the two equal texts need not be kept.
            self.rows.setdefault(row.state.session_id, row)
        self._filled.set()
        for name in unknown:
            if (row := await _from_snapshot(store, name)) and name in self.unread:
                self.rows[name] = row
                self.unread.discard(name)
        self._check_all_read()
        unread = sorted(self.unread, key=lambda name: self.rows[name].state.updated_at, reverse=True)
        return list(dict.fromkeys([*unread, *unknown, *doubtful]))

    def problems(self) -> dict[str, str]:
        """By session id, of those that have one."""
        return {name: row.problem for name, row in self.rows.items() if row.problem}

    def states(self) -> list[SessionState]:
        """Of the sessions that have been read and have no problem."""
        return [row.state for name, row in self.rows.items() if not row.problem and name not in self.unread]

    async def wait_a_moment(self) -> None:
        """Wait until every session is listed, and at most `patience_seconds` until every one has been read."""
        await self._filled.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.patience_seconds):
                await self._read.wait()

    def settle(self) -> None:
        """End every wait for sessions that have not been read."""
        self._filled.set()
        self._all_read()

    def fail(self, session_id: str, problem: str) -> None:
        """A session that is unread cannot be read now; `problem` says why."""
        if session_id in self.unread:
            self.rows[session_id] = replace(self.rows[session_id], problem=problem)
            self.unread.discard(session_id)
            self._check_all_read()

    def _check_all_read(self) -> None:
        if self._filled.is_set() and not self.unread:
            self._all_read()

    def _all_read(self) -> None:
        self._read.set()
        self._places.clear()

    async def save(self, store: Store, writing: Callable[[], Set[str]]) -> None:
        """Keep the rows for the next start, if any has changed. `writing` are sessions whose log may be ahead of it."""
        if not self.changed:
            return
        listed = await store.list_streams()
        # Of a log that is being written the mark may be newer than the row.
        unsure = writing()
        marks = [(stream.stream_id, stream.mark) for stream in listed if stream.stream_id not in unsure]
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
        self.unread.discard(state.session_id)
        self._check_all_read()

    def drop(self, session_id: str) -> None:
        self.changed = self.rows.pop(session_id, None) is not None or self.changed
        self.unread.discard(session_id)
        self._check_all_read()

    def page(self, query: SessionQuery) -> tuple[list[SessionState], str | None]:
        """The newest first, by their last change, and the cursor of the next page. Raises InvalidRequest."""
        narrow = query.agent is not None or query.status is not None
        left_out = self.unread if narrow else frozenset[str]()
        fitting = (row for name, row in self.rows.items() if name not in left_out and _fits(row, query))
        keys = sorted((self._key(row) for row in fitting), reverse=True)
        if query.cursor is not None:
            before = _from_cursor(query.cursor)
            keys = [key for key in keys if key < before]
        page = keys[: query.limit]
        cursor = f"{page[-1][0]}~{page[-1][1]}" if len(keys) > len(page) else None
        return [self.rows[session_id].state for _, session_id in page], cursor

    def _key(self, row: Row) -> tuple[str, str]:
        """Its place in the list. Until all are read, none moves down because it was read: pages would have it twice."""
        session_id = row.state.session_id
        return max(row.state.updated_at, self._places.get(session_id, "")), session_id


def dump(rows: Mapping[str, Row], marks: Iterable[tuple[str, str]]) -> bytes:
    """The rows whose sessions have a mark. The marks must be taken before this call: they must not be newer."""
    lines = []
    for session_id, mark in marks:
        if (row := rows.get(session_id)) is not None and not row.old:
            # What a field is by default need not be read again by every start, nor kept for each session.
            fields = _rows().dump_python(row, exclude={"old"}, exclude_defaults=True) | {"mark": mark}
            lines.append(json.dumps(fields, separators=(",", ":")))
    return "".join(f"{line}\n" for line in lines).encode()


def _from_folder(listed: Listed) -> Row:
    """What costs nothing to know: when it was made, by its id, and when its log was written last."""
    written = _moment(listed.changed_at)
    made = moment_of(listed.stream_id) or written
    state = SessionState(listed.stream_id, created_at=timestamp(made), updated_at=timestamp(max(made, written)))
    return Row(state, old=True)


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


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
            row = _rows().validate_json(line)
        except ValidationError:
            continue
        rows[row.state.session_id] = row
    return rows


def _fits(row: Row, query: SessionQuery) -> bool:
    statuses = (None, row.state.status, "damaged") if row.problem else (None, row.state.status)
    session_id = row.state.session_id
    return (
        query.agent in (None, row.state.agent)
        and query.status in statuses
        and (query.prefix is None or session_id.startswith((query.prefix, f"session_{query.prefix}")))
        and (query.match is None or query.match.casefold() in session_id.casefold())
    )


def _from_cursor(cursor: str) -> tuple[str, str]:
    updated_at, separator, session_id = cursor.partition("~")
    if not separator:
        raise InvalidRequest("the cursor is not one that this server gave", [("cursor", "is malformed")])
    return updated_at, session_id
