"""The corpus is whole: its ids exist, its counts are as its README says, and nothing stands in it twice."""

from collections import Counter
from datetime import datetime
from itertools import groupby

import pytest

from tests.corpus.load import KINDS, LANGUAGES, RECALL, RecallSet, recall_set

SETS = {lang: recall_set(lang) for lang in LANGUAGES}
each_language = pytest.mark.parametrize("corpus", SETS.values(), ids=LANGUAGES)


@each_language
def test_counts_are_as_the_readme_says(corpus: RecallSet) -> None:
    assert [note.id for note in corpus.notes] == [f"{corpus.lang}-{number:03}" for number in range(1, 151)]
    assert [each.id for each in corpus.questions] == [f"{corpus.lang}-q{number:02}" for number in range(1, 91)]
    assert Counter(each.kind for each in corpus.questions) == {**dict.fromkeys(KINDS, 15), "foreign": 30}
    assert {note.lang for note in corpus.notes} | {each.lang for each in corpus.questions} == {corpus.lang}


@each_language
def test_evidence_exists_and_foreign_questions_have_none(corpus: RecallSet) -> None:
    known = {note.id for note in corpus.notes}
    for question in corpus.questions:
        assert (question.kind == "foreign") == (not question.evidence), question
        assert len(set(question.evidence)) == len(question.evidence), question
        assert known.issuperset(question.evidence), question


@each_language
def test_conversations_follow_each_other_in_time(corpus: RecallSet) -> None:
    times = [datetime.fromisoformat(note.time) for note in corpus.notes]
    assert times == sorted(set(times))
    runs = [name for name, _ in groupby(note.conversation for note in corpus.notes)]
    assert len(runs) == len(set(runs))
    assert all(note.time.startswith(note.conversation[:10]) for note in corpus.notes)
    assert 60 <= (times[-1] - times[0]).days <= 300


def test_no_text_stands_there_twice() -> None:
    notes = Counter(" ".join(note.text.lower().split()) for corpus in SETS.values() for note in corpus.notes)
    questions = Counter(each.text.lower() for corpus in SETS.values() for each in corpus.questions)
    assert [text for text, times in (notes + questions).items() if times > 1] == []


@each_language
def test_no_question_is_a_piece_of_its_evidence(corpus: RecallSet) -> None:
    texts = {note.id: note.text.lower() for note in corpus.notes}
    asked = [(each.text.lower().rstrip("?\uff1f"), each.evidence) for each in corpus.answered]
    assert not [text for text, evidence in asked if any(text in texts[one] for one in evidence)]


def test_licence_and_files_are_all_that_is_there() -> None:
    files = {f"{lang}-{what}.jsonl" for lang in LANGUAGES for what in ("notes", "questions")}
    assert {path.name for path in RECALL.iterdir()} == {"LICENSE", "README.md", *files}
    assert "CC0-1.0" in (RECALL / "LICENSE").read_text()
