"""The databases of hoblin's Anima: sessions, their events, and what its muses made of them.

The law: only what can be read without a guess is taken. Its memory is the log of its sessions, not notes; goals, pins
and snapshots point into that log and mean nothing without it.
"""

from collections.abc import Mapping

from duragent.transfer.memories.base import Brought, NotTaken
from duragent.transfer.memories.sqlite import Database

KIND = "database of Anima (hoblin)"
_EVENTS = frozenset(("session_id", "event_type", "payload", "timestamp"))
_OF_MUSES = ("goals", "snapshots", "pinned_messages", "goal_pinned_messages", "pending_messages")
_WHY = {
    "sessions": "a memory has no conversations",
    "events": "they are what was said in conversations, and no notes; keep the file, or read it with `sqlite3`",
    "messages": "they are what was said in conversations, and no notes; keep the file, or read it with `sqlite3`",
    "goals": "they belong to their conversation",
    "pinned_messages": "they point at messages of their conversation",
    "goal_pinned_messages": "they point at messages of their conversation",
    "snapshots": "they are summaries of a range of messages, which are not here",
    "pending_messages": "they wait for a program that does not run here",
}
_OF_RAILS = ("schema_migrations", "ar_internal_metadata")


def is_hoblin(tables: Mapping[str, frozenset[str]]) -> bool:
    """Whether a database with these tables is one of hoblin's Anima."""
    if "sessions" not in tables:
        return False
    return tables.get("events", frozenset()) >= _EVENTS or any(name in tables for name in _OF_MUSES)


def read_hoblin(database: Database) -> Brought:
    """What it has, and why none of it becomes notes."""
    tables = [name for name in database.columns() if name not in _OF_RAILS and not name.startswith("sqlite_")]
    return Brought(KIND, not_taken=tuple(_left(database, name) for name in tables))


def _left(database: Database, table: str) -> NotTaken:
    count = database.count(table)
    rows = "1 row" if count == 1 else f"{count:,} rows"
    return NotTaken(f"{table}, {rows}", _WHY.get(table, "it is no part of a memory"))
