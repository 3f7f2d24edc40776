"""Why a question got the notes that it got: the figures from the log, the words computed again. Pure.

The law: what was shown and each figure of it is what the log says. Only the words come from the notes as they are now;
those of a note that is gone, or was said in a session, come from the block that the model was shown.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from duragent.agent.memory_spec import MemorySpec
from duragent.errors import BadInput
from duragent.journal.events import MemoryRecalled, MessageReceived, ModelCalled, RecalledItem, TurnStarted
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.memory.base import MemoryNote
from duragent.memory.chunks import FAR, chunks_of
from duragent.memory.index_schema import has_fts5, said
from duragent.memory.languages import Language, language
from duragent.memory.score import ScoreRules, age_weight
from duragent.memory.terms import Terms
from duragent.memory.words import READ_CHARS, AskedWord, asked_words, tokens_of

EVENT_TYPES = ("message_received", "turn_started", "model_called", "memory_recalled")
"""The events that `searches_in` reads; records of other types may be left out."""
_UNKNOWN = MemoryNote("", "", "", 0)
_LINE = re.compile(r"- (?:\u2605 )?\([^)]*\) (?P<text>.*) \[(?P<ref>[^\[\]]+)\]")


@dataclass(frozen=True, slots=True)
class PastSearch:
    """A search of the past."""

    seq: int
    """The record that has it."""
    recalled: MemoryRecalled
    """What it gave."""
    question: str
    """What was searched for."""


@dataclass(frozen=True, slots=True)
class ExplainedNote:
    """A note that was looked at, and why it was shown or not."""

    ref: str
    """Its id."""
    scope: str
    """To whom it belongs."""
    trust: str
    """Who vouches for it."""
    score_milli: int
    """Relevance, age and importance together, of 1,000."""
    coverage_milli: int
    """How much of the question's weight stands in it or beside it, of 1,000."""
    age_hours: int
    """How old it was."""
    age_milli: int
    """What its age leaves of it by the settings of now, of 1,000."""
    importance_milli: int
    """Of 1,000."""
    left_out: str
    """Why it was not shown; "" when it was."""
    own: tuple[str, ...] = ()
    """Words of the question that stand in it."""
    near: tuple[str, ...] = ()
    """Words of the question that stand only in its neighbours."""
    file: str = ""
    """Where it stands now; "" when it is gone, or was said in a session."""
    line: int = 0
    """Its first line there."""


@dataclass(frozen=True, slots=True)
class ExplainedRecall:
    """A search with everything that decided it."""

    seq: int
    """The record that has it."""
    turn: str
    """The turn that it belongs to."""
    question: str
    """What was searched for."""
    silent: str
    """Why nothing was shown; "" when something was."""
    took_ms: int
    """How long it took."""
    notes: int
    """How many notes the index had."""
    index_rev: str
    """Names the index's schema, language and weights."""
    embedder: str
    """What found by meaning; "" when only words did."""
    threshold_milli: int
    """The least coverage, by the settings of now."""
    items: tuple[ExplainedNote, ...]
    """The best first."""


def searches_in(records: Iterable[Record]) -> list[PastSearch]:
    """The searches among records that follow each other, the oldest first.

    The question of one is whole when the records reach back to the search before it, or to the session's beginning.
    """
    found: list[PastSearch] = []
    messages: list[tuple[int, str]] = []
    after = 0
    for record in records:
        match event := record.event:
            case MessageReceived() if is_person(event.source):
                messages.append((record.seq, event.text))
            case TurnStarted():
                after = max(after, event.trigger - 1)
            case ModelCalled():
                after = max(after, event.input_seq)
            case MemoryRecalled():
                asked = [text for seq, text in messages if after < seq <= event.upto_seq]
                # The newest message counts most where a question is cut.
                found.append(PastSearch(record.seq, event, "\n".join(reversed(asked))[:READ_CHARS]))
                after = max(after, event.upto_seq)
                messages = [each for each in messages if each[0] > after]
            case _:
                pass
    return found


def search_at(searches: Sequence[PastSearch], seq: int | None) -> PastSearch | None:
    """The search that a person means by a record: itself, that of a message, else the newest before it."""
    if seq is None:
        return searches[-1] if searches else None
    asked = [each for each in searches if seq in (each.seq, each.recalled.upto_seq)]
    before = [each for each in searches if each.seq < seq]
    return next(iter([*asked, *reversed(before)]), None)


def explained(search: PastSearch, notes: Sequence[MemoryNote], spec: MemorySpec) -> ExplainedRecall:
    """A search in words; `notes` are those of the agent and of all agents, file by file, as they are now."""
    recalled = search.recalled
    words = _QuestionWords(search.question, spec.language)
    places = {**_shown(recalled.text), **_places(notes)}
    try:
        items = tuple(_explained(item, places, words, ScoreRules.of(spec)) for item in recalled.items)
    finally:
        words.close()
    return ExplainedRecall(
        seq=search.seq,
        turn=recalled.turn,
        question=search.question,
        silent=recalled.silent,
        took_ms=recalled.took_ms,
        notes=recalled.notes,
        index_rev=recalled.index_rev,
        embedder=recalled.embedder,
        threshold_milli=round(spec.threshold * 1000),
        items=items,
    )


def _explained(
    item: RecalledItem, places: Mapping[str, "_Place"], words: "_QuestionWords", rules: ScoreRules
) -> ExplainedNote:
    place = places.get(item.ref)
    note = place.note if place else _UNKNOWN
    own = words.of(place.own) if place else frozenset[str]()
    near = words.of(place.beside) - own if place else frozenset[str]()
    return ExplainedNote(
        ref=item.ref,
        scope=item.scope,
        trust=item.trust,
        score_milli=item.score_milli,
        coverage_milli=item.coverage_milli,
        age_hours=item.age_hours,
        age_milli=round(age_weight(item.age_hours, rules) * 1000) if note.decays else 1000,
        importance_milli=item.importance_milli,
        left_out=item.left_out,
        own=words.in_order(own),
        near=words.in_order(near),
        file=note.file,
        line=note.line,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    note: MemoryNote
    own: str
    beside: str


def _shown(block: str) -> dict[str, _Place]:
    """What stands in the block of each note; where it stood is not known from there."""
    lines = [found for line in block.split("\n") if (found := _LINE.fullmatch(line))]
    return {line["ref"]: _Place(_UNKNOWN, line["text"], "") for line in lines}


def _places(notes: Sequence[MemoryNote]) -> dict[str, _Place]:
    """Each note with its own text and that of its neighbours, as they are indexed."""
    files: dict[str, list[MemoryNote]] = {}
    for note in notes:
        files.setdefault(note.file, []).append(note)
    found: dict[str, _Place] = {}
    for held in files.values():
        pieces = [piece.note for piece in chunks_of(held)]
        for note in held:
            at = [number for number, piece in enumerate(pieces) if piece.id == note.id]
            if at:
                beside = (*pieces[max(0, at[0] - FAR) : at[0]], *pieces[at[-1] + 1 : at[-1] + 1 + FAR])
                found[note.id] = _Place(note, said(note), "\n".join(map(said, beside)))
    return found


class _QuestionWords:
    """The words of a question, to be found in texts as an index finds them."""

    def __init__(self, question: str, name: str) -> None:
        self._language = _usable(name)
        self._asked = asked_words(question, self._language)
        self._terms = Terms(self._language.tokenizer) if has_fts5() else None

    def of(self, text: str) -> frozenset[str]:
        """The words, as written, that stand in a text."""
        there = frozenset(self._terms_of(tokens_of(text, self._language)).values())
        asked = self._terms_of({word.token for word in self._asked})
        return frozenset(word.shown for word in self._asked if asked[word.token] in there)

    def in_order(self, words: frozenset[str]) -> tuple[str, ...]:
        """As they stand in the question."""
        return tuple(word.shown for word in _once(self._asked) if word.shown in words)

    def close(self) -> None:
        if self._terms is not None:
            self._terms.close()

    def _terms_of(self, tokens: set[str]) -> dict[str, str]:
        return self._terms.of(tokens) if self._terms is not None else {token: token for token in tokens}


def _once(words: Iterable[AskedWord]) -> Iterable[AskedWord]:
    return {word.shown: word for word in words}.values()


def _usable(name: str) -> Language:
    """A language that is not installed here still has whole words."""
    try:
        return language(name)
    except BadInput:
        return language("none")
