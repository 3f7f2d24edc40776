"""Recall: whether a question finds the notes that answer it, what a foreign question gets, and what it costs.

The law: recall@5 counts evidence ids; no model judges anything. Settings are those of an agent that sets nothing but
its language. `--locomo PATH` adds the same figures for LoCoMo's conversations.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

from duragent.errors import BadInput
from tests.benchmarks import recall_speed
from tests.benchmarks.locomo import locomo_sets
from tests.benchmarks.measure import Bench, Goal, Result, Row
from tests.benchmarks.recall_baselines import all_words, honest, same_words
from tests.benchmarks.recall_figures import SetFigures, Shares, recall_at_5, set_figures
from tests.corpus.load import LANGUAGES, RecallSet, recall_set

SETTINGS = {"en": ("en", "none"), "de": ("de", "en", "none"), "fi": ("fi", "en", "none"), "ja": ("cjk", "en")}
"""What `spec.memory.language` is tried with, for each language of the corpus; the first is meant for it."""

_BETTER = Goal("ratio", "least", 1.15)
_FOREIGN = Goal("ours", "most", 0.35)
_KEPT = Goal("ours", "least", 0.88)


@dataclass(frozen=True)
class Compared:
    """One language with one setting, beside its baselines."""

    name: str
    """Such as `de with en`."""
    against: str
    """The name of the better baseline."""
    naive: Shares
    """All words of the question in one column."""
    honest: Shares
    """The better baseline."""
    one_column: Shares
    """Our words without neighbours."""
    ours: SetFigures
    """What the index finds, and what is shown of it."""


async def rows(bench: Bench) -> AsyncIterator[Result]:
    own: list[Compared] = []
    for lang in LANGUAGES:
        corpus = recall_set(lang)
        for setting in SETTINGS[lang][: bench.effort.of(9, 1)]:
            found = _tried(bench.folder, [corpus], setting, f"{lang} with {setting}")
            if found is not None:
                meant = setting == SETTINGS[lang][0]
                own += [found] if meant else []
                for result in _quality(found, goals=False) if meant else _short(found):
                    yield result
    if own:
        for result in _quality(_together(own), goals=True):
            yield result
    if bench.locomo is not None:
        found = _tried(bench.folder, locomo_sets(bench.locomo), "en", "LoCoMo")
        for result in _quality(found, goals=True) if found else ():
            yield result
    async for result in recall_speed.rows(bench):
        yield result


def _tried(folder: Path, corpora: Sequence[RecallSet], setting: str, name: str) -> Compared | None:
    """None for a language whose stemmer is not installed."""
    try:
        each = [_compared(folder, corpus, setting, f"{name}-{number}") for number, corpus in enumerate(corpora)]
    except BadInput:
        return None
    return replace(_together(each), name=name)


def _compared(folder: Path, corpus: RecallSet, setting: str, name: str) -> Compared:
    against, better = honest(corpus)
    ours = set_figures(folder / f"{name}.sqlite", corpus, setting)
    naive = recall_at_5(corpus.answered, all_words(corpus))
    one_column = recall_at_5(corpus.answered, same_words(corpus, setting))
    return Compared(name, against, naive, recall_at_5(corpus.answered, better), one_column, ours)


def _together(parts: Sequence[Compared]) -> Compared:
    name, against = f"{len(parts)} languages", " or ".join(sorted({part.against for part in parts}))
    return Compared(
        name,
        against,
        reduce(add, [part.naive for part in parts]),
        reduce(add, [part.honest for part in parts]),
        reduce(add, [part.one_column for part in parts]),
        reduce(add, [part.ours for part in parts]),
    )


def _short(found: Compared) -> Iterator[Result]:
    row = Row("recall", f"recall@5, {found.name}", found.against, "share")
    yield _result(row, found.honest.mean, found.ours.ranked.mean)


def _quality(found: Compared, *, goals: bool) -> Iterator[Result]:
    name, ranked, gated, every = found.name, found.ours.ranked, found.ours.gated, found.ours.open
    row = Row("recall", f"recall@5 of the baseline, {name}", "FTS5 unicode61, all words", "share")
    if found.naive.mean:
        yield _result(row, found.naive.mean, found.honest.mean)
    row = Row("recall", f"recall@5, {name}", found.against, "share", _BETTER, ranked.sentence())
    yield _result(row, found.honest.mean, ranked.mean)
    row = Row("recall", f"recall@5, {name}", "one column, the same words", "share")
    yield _result(row, found.one_column.mean, ranked.mean)
    row = Row("recall", f"recall@5 of what is shown, {name}", found.against, "share", note="age and threshold count")
    yield _result(row, found.honest.mean, gated.recall.mean)
    foreign, kept = (_FOREIGN, _KEPT) if goals else (None, None)
    row = Row("recall", f"foreign questions that get notes, {name}", "no threshold", "share", foreign)
    yield _result(row, every.foreign, gated.foreign)
    row = Row("recall", f"right hits that are kept, {name}", "no threshold", "share", kept)
    yield _result(row, 1.0, gated.right / every.right)
    row = Row("recall", f"tokens of the block, {name}", "no threshold", "tokens")
    yield _result(row, every.tokens, gated.tokens)


def _result(row: Row, baseline: float, ours: float) -> Result:
    return Result(row, (baseline,), (ours,))
