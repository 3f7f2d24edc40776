"""How good a search is, as figures without a clock: the same on every machine.

The law: a hit is a note whose id is in the question's evidence. No model and no judge has a part.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from duragent.memory.base import OWNER, Candidate, MemoryNote, RecallQuery
from duragent.memory.chunks import chunks_of
from duragent.memory.index import MemoryIndex, PlaceContent
from duragent.memory.languages import language
from duragent.memory.score import ScoreRules, block_of, estimated_tokens, judged
from tests.benchmarks.recall_baselines import TOP, Ranking
from tests.corpus.load import CorpusNote, CorpusQuestion, RecallSet


class CorpusSource:
    """Hands the notes of a corpus to an index; each conversation is a place, as a day's file is."""

    def __init__(self, notes: Sequence[CorpusNote]) -> None:
        self._places: dict[str, list[MemoryNote]] = defaultdict(list)
        for note in notes:
            own = self._places[note.conversation]
            own.append(MemoryNote(note.id, note.text, f"{note.conversation}.md", len(own) + 1, written_at=note.time))

    def marks(self) -> Mapping[str, str]:
        return dict.fromkeys(self._places, "1")

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        return PlaceContent("1", chunks_of(self._places[place]))


class OurSearch:
    """An index over a corpus, in a file."""

    def __init__(self, path: Path, notes: Sequence[CorpusNote], setting: str) -> None:
        self.index = MemoryIndex(path, language(setting))
        self.source = CorpusSource(notes)
        self.index.update([self.source])
        self._now = datetime.fromisoformat(notes[-1].time).astimezone(UTC) + timedelta(days=1)

    def ranking(self, question: str) -> list[str]:
        """The best by words and neighbours alone."""
        found = dict.fromkeys(hit.note.id for hit in self.index.search(question, (OWNER,)).hits)
        return list(found)[:TOP]

    def shown(self, question: str, rules: ScoreRules) -> list[Candidate]:
        """What a model would be shown, by all rules."""
        hits = self.index.search(question, (OWNER,)).hits
        return [each for each in judged(hits, RecallQuery(question, (OWNER,)), rules, self._now) if not each.left_out]

    def close(self) -> None:
        self.index.close()


@dataclass(frozen=True)
class Shares:
    """Of the questions of a kind, how much of their evidence was among the best."""

    by_question: Mapping[str, float]
    """By the id of the question."""
    kinds: Mapping[str, str]
    """Its kind, likewise."""

    @property
    def mean(self) -> float:
        """Over all questions."""
        return statistics.fmean(self.by_question.values())

    @property
    def by_kind(self) -> dict[str, float]:
        """The mean of each kind."""
        figures = defaultdict(list)
        for question, share in self.by_question.items():
            figures[self.kinds[question]].append(share)
        return {kind: statistics.fmean(shares) for kind, shares in figures.items()}

    def sentence(self) -> str:
        """Each kind with its figure."""
        return ", ".join(f"{kind} {share:.2f}" for kind, share in self.by_kind.items())

    def __add__(self, other: Self) -> "Shares":
        return Shares({**self.by_question, **other.by_question}, {**self.kinds, **other.kinds})


def recall_at_5(questions: Sequence[CorpusQuestion], ranking: Ranking) -> Shares:
    shares = {each.id: _share(each, ranking(each.text)) for each in questions}
    return Shares(shares, {each.id: each.kind for each in questions})


def _share(question: CorpusQuestion, found: Sequence[str]) -> float:
    return len(set(question.evidence).intersection(found)) / len(question.evidence)


@dataclass(frozen=True)
class GateFigures:
    """What the threshold does."""

    foreign: float
    """Of the foreign questions, how many get notes."""
    right: int
    """How many notes of evidence are shown to the other questions, in all."""
    recall: Shares
    """Of what is shown."""
    tokens: float
    """Mean length of the block of a question that has an answer."""
    questions: tuple[int, int]
    """How many were foreign, and how many have an answer."""

    def __add__(self, other: Self) -> "GateFigures":
        mine, theirs = self.questions, other.questions
        return GateFigures(
            foreign=_weighed((self.foreign, mine[0]), (other.foreign, theirs[0])),
            right=self.right + other.right,
            recall=self.recall + other.recall,
            tokens=_weighed((self.tokens, mine[1]), (other.tokens, theirs[1])),
            questions=(mine[0] + theirs[0], mine[1] + theirs[1]),
        )


def _weighed(*figures: tuple[float, int]) -> float:
    """The mean over all questions, from the means of parts."""
    return sum(mean * count for mean, count in figures) / max(sum(count for _, count in figures), 1)


def gate_figures(corpus: RecallSet, ours: OurSearch, rules: ScoreRules) -> GateFigures:
    foreign = [float(bool(ours.shown(question.text, rules))) for question in corpus.foreign]
    shown = {question.id: ours.shown(question.text, rules) for question in corpus.answered}
    ids = {question: [each.note.id for each in candidates] for question, candidates in shown.items()}
    right = sum(len(set(question.evidence).intersection(ids[question.id])) for question in corpus.answered)
    shares = {question.id: _share(question, ids[question.id]) for question in corpus.answered}
    return GateFigures(
        foreign=statistics.fmean(foreign),
        right=right,
        recall=Shares(shares, {question.id: question.kind for question in corpus.answered}),
        tokens=statistics.fmean(estimated_tokens(block_of(candidates)) for candidates in shown.values()),
        questions=(len(corpus.foreign), len(corpus.answered)),
    )


@dataclass(frozen=True)
class SetFigures:
    """One corpus with one setting of `spec.memory.language`."""

    ranked: Shares
    """By words and neighbours alone."""
    gated: GateFigures
    """With the default rules."""
    open: GateFigures
    """Without a threshold."""

    def __add__(self, other: Self) -> "SetFigures":
        return SetFigures(self.ranked + other.ranked, self.gated + other.gated, self.open + other.open)


def set_figures(path: Path, corpus: RecallSet, setting: str) -> SetFigures:
    with closing(OurSearch(path, corpus.notes, setting)) as ours:
        return SetFigures(
            recall_at_5(corpus.answered, ours.ranking),
            gate_figures(corpus, ours, ScoreRules()),
            gate_figures(corpus, ours, ScoreRules(threshold=0)),
        )
