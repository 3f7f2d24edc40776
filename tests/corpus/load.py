"""Reads the notes and questions of `tests/corpus/recall`; its README says what they are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECALL = Path(__file__).parent / "recall"
LANGUAGES = ("en", "de", "fi", "ja")
KINDS = ("same", "inflected", "neighbour", "other", "foreign")


@dataclass(frozen=True, slots=True)
class CorpusNote:
    """What was said, as it is remembered."""

    id: str
    """Such as `en-017`."""
    lang: str
    """One of `LANGUAGES`."""
    conversation: str
    """Its day and topic. Neighbours are notes of the same one."""
    time: str
    """RFC 3339 in UTC."""
    text: str
    """One or two sentences."""


@dataclass(frozen=True, slots=True)
class CorpusQuestion:
    """What is asked, and which notes answer it."""

    id: str
    """Such as `en-q17`."""
    lang: str
    """One of `LANGUAGES`."""
    kind: str
    """How it meets its evidence: one of `KINDS`."""
    evidence: tuple[str, ...]
    """Ids of notes; none for a foreign question."""
    text: str
    """The question."""


@dataclass(frozen=True, slots=True)
class RecallSet:
    """Notes that are searched together, and the questions to them."""

    lang: str
    """The language of all of it."""
    notes: Sequence[CorpusNote]
    """In their order."""
    questions: Sequence[CorpusQuestion]
    """Those with evidence first."""

    @property
    def answered(self) -> list[CorpusQuestion]:
        """The questions that some note answers."""
        return [question for question in self.questions if question.evidence]

    @property
    def foreign(self) -> list[CorpusQuestion]:
        """The questions that no note answers."""
        return [question for question in self.questions if not question.evidence]


def recall_set(lang: str) -> RecallSet:
    """One language of our own corpus."""
    questions = [{**row, "evidence": tuple(row["evidence"])} for row in _rows(f"{lang}-questions.jsonl")]
    notes = [CorpusNote(**row) for row in _rows(f"{lang}-notes.jsonl")]
    return RecallSet(lang, notes, [CorpusQuestion(**row) for row in questions])


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECALL / name).read_text(encoding="utf-8").splitlines()]
