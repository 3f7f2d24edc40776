"""What recall costs among 10,000 notes: to make the index, to ask it, and what the event loop feels of it.

The law: FTS5 itself, asked for the same words over the same columns, is what ours is held against.
"""

import asyncio
import itertools
import random
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from duragent.memory.base import OWNER
from duragent.memory.chunks import neighbours
from duragent.memory.languages import language
from duragent.memory.score import ScoreRules
from duragent.memory.words import match_of
from tests.benchmarks.measure import Bench, Goal, Result, Row, compare, percentile
from tests.benchmarks.recall_figures import OurSearch
from tests.corpus.load import CorpusNote, CorpusQuestion, recall_set

_SEED = 11
_A_PLACE = 20
_TICK_SECONDS = 0.001
_AS_LONG_SECONDS = 0.01
"""About as long as a question takes."""
_WEIGHTS = "1.0, 0.4, 0.3"


def made_notes(count: int) -> list[CorpusNote]:
    """Halves of the corpus's English notes, put together by chance, so that words are as common as they are there."""
    chance = random.Random(_SEED)
    halves = [half for note in recall_set("en").notes for half in _halves(note.text)]
    texts = (f"{chance.choice(halves)} {chance.choice(halves)} {chance.randrange(10_000)}" for _ in range(count))
    return [
        CorpusNote(f"n{at}", "en", f"2026-c{at // _A_PLACE:05}", "2026-02-01T08:00:00Z", text)
        for at, text in enumerate(texts)
    ]


def _halves(text: str) -> tuple[str, str]:
    words = text.split()
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


async def rows(bench: Bench) -> AsyncIterator[Result]:
    count, rounds = bench.effort.of(10_000, 200), bench.effort.of(5, 1)
    notes = made_notes(count)
    folder = bench.place("recall-speed")
    names = iter(range(1_000))

    async def bare() -> float:
        return _seconds(lambda: _bare(folder / f"bare-{next(names)}.sqlite", notes).close()) * 1000

    async def anew() -> float:
        return _seconds(lambda: OurSearch(folder / f"ours-{next(names)}.sqlite", notes, "en").close()) * 1000

    row = Row(
        "recall", f"an index of {count:,} notes, CPU time", "executemany into FTS5", "ms", Goal("ratio", "most", 1.5)
    )
    yield await compare(row, rounds, bare, anew)
    with closing(OurSearch(folder / "ours.sqlite", notes, "en")) as ours, closing(_bare(folder / "bare", notes)) as db:
        for result in _searches(count, ours, db, recall_set("en").questions):
            yield result
        row = Row("recall", "how long a question stalls the loop", "no question", "ms", Goal("added", "most", 5.0))
        asked = itertools.cycle(recall_set("en").questions)
        rules = ScoreRules()
        yield await compare(
            row,
            bench.effort.of(90, 2),
            lambda: _stall(partial(time.sleep, _AS_LONG_SECONDS)),
            lambda: _stall(partial(ours.shown, next(asked).text, rules)),
        )


def _searches(
    count: int, ours: OurSearch, db: sqlite3.Connection, questions: Sequence[CorpusQuestion]
) -> Sequence[Result]:
    """Each question in turn, bare and ours."""
    rules, bare_ms, our_ms = ScoreRules(), [], []
    matches = [match_of(ours.index.search(question.text, (OWNER,)).words) for question in questions]
    for question, match in zip(questions, matches, strict=True):
        bare_ms.append(_seconds(partial(_asked, db, match)) * 1000)
        our_ms.append(_seconds(partial(ours.shown, question.text, rules)) * 1000)
    what, against = f"a question among {count:,} notes", "FTS5 asked for the same words"
    slower = Row("recall", f"{what}, CPU time", against, "ms", Goal("ratio", "most", 2.0))
    half = Row("recall", f"{what}, CPU time p50", against, "ms", Goal("ours", "most", 12))
    slowest = Row("recall", f"{what}, CPU time p99", against, "ms", Goal("ours", "most", 60))
    return [
        Result(slower, (statistics.fmean(bare_ms),), (statistics.fmean(our_ms),)),
        Result(half, (percentile(bare_ms, 50),), (percentile(our_ms, 50),)),
        Result(slowest, (percentile(bare_ms, 99),), (percentile(our_ms, 99),)),
    ]


def _bare(path: Path, notes: Sequence[CorpusNote]) -> sqlite3.Connection:
    """FTS5 with the same three columns, and nothing else."""
    db = sqlite3.connect(path)
    db.execute(f"CREATE VIRTUAL TABLE note USING fts5(own, near, far, tokenize='{language('en').tokenizer}')")
    texts = [note.text for note in notes]
    places = [texts[at : at + _A_PLACE] for at in range(0, len(texts), _A_PLACE)]
    rows = [(text, *neighbours(place, at)) for place in places for at, text in enumerate(place)]
    db.executemany("INSERT INTO note VALUES (?, ?, ?)", rows)
    db.commit()
    return db


def _asked(db: sqlite3.Connection, match: str) -> None:
    if match:
        query = f"SELECT rowid, own FROM note WHERE note MATCH ? ORDER BY bm25(note, {_WEIGHTS}) LIMIT 50"
        db.execute(query, (match,)).fetchall()


async def _stall(work: Callable[[], object]) -> float:
    """The longest time, in ms, for which the loop did not come to a task that wanted to run each millisecond."""
    longest, working = 0.0, asyncio.ensure_future(asyncio.to_thread(work))
    while not working.done():
        began = time.perf_counter()
        await asyncio.sleep(_TICK_SECONDS)
        longest = max(longest, time.perf_counter() - began - _TICK_SECONDS)
    await working
    return longest * 1000


def _seconds(work: Callable[[], object]) -> float:
    """Of a core: what else the machine does has no part in it."""
    began = time.process_time()
    work()
    return time.process_time() - began
