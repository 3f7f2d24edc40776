"""Reads LoCoMo for people who have its file, `locomo10.json`. Its licence was not seen, so it is not kept here.

The law: turns stand for notes, and a question counts when its category is 1 to 4 and its evidence names turns that
exist. Questions of the next conversation are the foreign ones of a conversation. No judge and no model has a part.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.corpus.load import CorpusNote, CorpusQuestion, RecallSet

_CATEGORIES = (1, 2, 3, 4)
_SESSION = re.compile(r"session_(\d+)")
_TURN = re.compile(r"D(\d+):(\d+)")


def locomo_sets(path: Path) -> list[RecallSet]:
    """Its conversations, each searched by itself."""
    samples = json.loads(path.read_text(encoding="utf-8"))
    notes = [list(_notes(sample["sample_id"], sample["conversation"])) for sample in samples]
    asked = [list(_questions(sample, {note.id for note in own})) for sample, own in zip(samples, notes, strict=True)]
    return [RecallSet("en", own, [*asked[at], *_foreign(asked[(at + 1) % len(asked)])]) for at, own in enumerate(notes)]


def _notes(sample: str, conversation: Mapping[str, Any]) -> Iterator[CorpusNote]:
    sessions = sorted(int(found[1]) for key in conversation if (found := _SESSION.fullmatch(key)))
    for number in sessions:
        began = _moment(conversation[f"session_{number}_date_time"])
        for at, turn in enumerate(conversation[f"session_{number}"]):
            time = (began + timedelta(seconds=30 * at)).strftime("%Y-%m-%dT%H:%M:%SZ")
            text = f"{turn['speaker']}: {turn['text']}"
            yield CorpusNote(f"{sample}/{turn['dia_id']}", "en", f"{sample}/{number:02}", time, text)


def _moment(text: str) -> datetime:
    """Such as `1:56 pm on 8 May, 2023`."""
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)


def _questions(sample: Mapping[str, Any], known: set[str]) -> Iterator[CorpusQuestion]:
    for number, question in enumerate(sample["qa"]):
        named = (f"{sample['sample_id']}/D{int(a)}:{int(b)}" for a, b in _TURN.findall(" ".join(question["evidence"])))
        evidence = tuple(dict.fromkeys(turn for turn in named if turn in known))
        if question["category"] in _CATEGORIES and evidence:
            kind = f"category {question['category']}"
            yield CorpusQuestion(f"{sample['sample_id']}/q{number}", "en", kind, evidence, question["question"])


def _foreign(questions: Sequence[CorpusQuestion]) -> Iterator[CorpusQuestion]:
    for question in questions:
        yield CorpusQuestion(f"{question.id}/foreign", "en", "foreign", (), question.text)
