"""The vectors of an index: which are missing, storing them, and the pieces that are near a question.

The law: the outbox has no queue. What must be computed is what has no vector of the current label, so that nothing is
lost, and nothing is computed twice.
"""

import sqlite3
from collections.abc import Mapping, Sequence

from duragent.memory.bits import SmallVector, least_cosine, nearest_by_bits, nearest_by_bytes, small

_MEASURED = 500
_MEASURE = "SELECT bytes FROM vector WHERE label = ? ORDER BY sha LIMIT ?"


def missing(db: sqlite3.Connection, label: str, most: int) -> list[tuple[bytes, str]]:
    """Texts without a vector of this label, with their keys, the newest first; unreviewed ones are sent nowhere."""
    return db.execute(
        "SELECT chunk.sha, chunk.text FROM chunk LEFT JOIN vector ON vector.label = ? AND vector.sha = chunk.sha"
        " WHERE vector.sha IS NULL AND chunk.trust != 'unreviewed'"
        " GROUP BY chunk.sha ORDER BY max(chunk.id) DESC LIMIT ?",
        (label, most),
    ).fetchall()


def store(db: sqlite3.Connection, label: str, vectors: Mapping[bytes, SmallVector]) -> None:
    """Keeps vectors. Those of the label with another length go: the model behind its name has changed."""
    length = len(list(vectors.values())[-1].scaled) if vectors else 0
    rows = [(label, sha, each.bits, each.scaled) for sha, each in vectors.items() if len(each.scaled) == length]
    if rows:
        drop_other_lengths(db, label, length)
    db.executemany("INSERT OR REPLACE INTO vector VALUES (?, ?, ?, ?)", rows)
    least = least_cosine([row[0] for row in db.execute(_MEASURE, (label, _MEASURED))])
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"least_cosine {label}", repr(least)))


def drop_others(db: sqlite3.Connection, label: str) -> None:
    """Vectors of other labels, and of texts that are gone, go; unless this label has none."""
    if db.execute("SELECT 1 FROM vector WHERE label = ? LIMIT 1", (label,)).fetchone():
        db.execute("DELETE FROM vector WHERE label != ? OR sha NOT IN (SELECT sha FROM chunk)", (label,))


def drop_other_lengths(db: sqlite3.Connection, label: str, length: int) -> None:
    """Vectors of the label that cannot be compared with those of this length go."""
    db.execute("DELETE FROM vector WHERE label = ? AND length(bytes) != ?", (label, length))


def has_other_lengths(db: sqlite3.Connection, label: str, length: int) -> bool:
    """Whether vectors of the label cannot be compared with those of this length."""
    row = db.execute("SELECT 1 FROM vector WHERE label = ? AND length(bytes) != ? LIMIT 1", (label, length))
    return row.fetchone() is not None


def bits_of(db: sqlite3.Connection, label: str, length: int) -> list[tuple[int, int]]:
    """The bits of each piece that has a vector of this length, by its id."""
    query = "SELECT chunk.id, bits FROM chunk JOIN vector ON label = ? AND vector.sha = chunk.sha"
    found = db.execute(f"{query} WHERE length(bytes) = ?", (label, length))
    return [(int(chunk), int.from_bytes(bits)) for chunk, bits in found]


def near(
    db: sqlite3.Connection, label: str, vector: Sequence[float], bits: Sequence[tuple[int, int]]
) -> list[tuple[int, float, bool]]:
    """The pieces whose meaning is nearest to the question's, each with its cosine and whether that is enough for it to
    be shown."""
    asked = small(vector)
    row = db.execute("SELECT value FROM meta WHERE key = ?", (f"least_cosine {label}",)).fetchone()
    least = float(row[0]) if row else 1.0
    keys = nearest_by_bits(asked, bits)
    marks = ", ".join("?" * len(keys))
    rows = db.execute(
        "SELECT chunk.id, bytes FROM chunk JOIN vector ON label = ? AND vector.sha = chunk.sha"
        f" WHERE chunk.id IN ({marks})",
        (label, *keys),
    )
    return [(chunk, found, found >= least) for chunk, found in nearest_by_bytes(asked, rows)]
