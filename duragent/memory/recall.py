"""Recall: the notes that fit a question, from the files as they are now. It never fails, and takes only its time.

The law: whatever goes wrong with an index, a turn goes on without memories, and says so as `late`.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from duragent.agent.memory_spec import MemorySpec
from duragent.clock import Clock
from duragent.errors import InvalidFile
from duragent.memory.base import MemoryNote, Recalled, RecallQuery, Silent
from duragent.memory.chunks import chunks_of
from duragent.memory.folder import MemoryFolder
from duragent.memory.index import ChunkSource, MemoryIndex, PlaceContent, SearchTooLate
from duragent.memory.index_schema import has_fts5
from duragent.memory.languages import language
from duragent.memory.plain_index import PlainIndex
from duragent.memory.said import place_of
from duragent.memory.score import ScoreRules, block_of, judged, silence
from duragent.memory.search import PiecesBehind

_PATIENCE_SECONDS = 30.0
"""How long a person's search may take."""


class QuestionVectors(Protocol):
    """Where the vector of a question comes from: an embedder with a cache."""

    label: str
    """`provider/model@dimensions`, the key of the notes' vectors."""

    async def of_question(self, text: str) -> Sequence[float] | None:
        """Its vector; None when the provider does not answer in time."""
        ...


@dataclass(frozen=True, slots=True)
class FolderNotes:
    """The files of a memory folder as a source of an index."""

    folder: MemoryFolder
    """An agent's, or the world's."""

    def marks(self) -> Mapping[str, str]:
        """Each file with its signature."""
        return {file: _mark(signature) for file, signature in self.folder.signatures().items()}

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        """The notes of a file; none of a file that cannot be read, which `MemoryFolder.read_all` tells of."""
        mark = _mark(self.folder.signature(place))
        try:
            notes = self.folder.notes_of(place)
        except (InvalidFile, OSError):
            return PlaceContent(mark, (), "unreadable")
        return PlaceContent(mark, chunks_of(notes), hashlib.sha256(repr(notes).encode("utf-8", "replace")).hexdigest())


def _mark(signature: tuple[int, ...]) -> str:
    return " ".join(map(str, signature))


@dataclass(slots=True)
class NoteRecall:
    """One agent's recall: a `Memory`."""

    path: Path
    """The index."""
    spec: MemorySpec
    """Its settings."""
    sources: Sequence[ChunkSource]
    """The agent's notes, the world's, and older sessions."""
    clock: Clock
    """For ages and deadlines."""
    vouched: Callable[[MemoryNote], MemoryNote] = lambda note: note
    """The note with the trust that it has by the mind's log."""
    vectors: QuestionVectors | None = None
    """None finds by words alone."""
    fault: str = ""
    """What went wrong in the newest search, for people; "" when nothing did."""
    lost_vectors: Callable[[], None] = lambda: None
    """Called on the event loop when a search found vectors of another length than the question's, and took them out."""
    _index: "MemoryIndex | PlainIndex | None" = field(default=None, repr=False)
    _running: set["asyncio.Task[Recalled]"] = field(default_factory=set, repr=False)

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        """Search for a question. Never raises; a search that takes longer is `late`."""
        if self.spec.recall == "off":
            return Recalled("", (), "off")
        return await self._within(query, deadline_seconds, ScoreRules.of(self.spec))

    async def search(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        """As `recall`, for a query that a model or a person wrote: a note with any of its words is found."""
        rules = replace(ScoreRules.of(self.spec), threshold=0.0, min_importance_milli=0)
        return await self._within(query, deadline_seconds, rules)

    async def _within(self, query: RecallQuery, deadline_seconds: float, rules: ScoreRules) -> Recalled:
        begun = self.clock.monotonic()
        task = asyncio.create_task(self._recall(query, rules, begun, deadline_seconds))
        # A search that is too late goes on alone: what it brings up to date serves the next one.
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task}, timeout=deadline_seconds)
        return task.result() if task.done() and not task.cancelled() else self._silent("late", begun)

    async def look_up(self, query: RecallQuery) -> Recalled:
        """As `recall` for a person's own search: also where models are shown nothing, and for as long as it takes."""
        return await self._recall(query, ScoreRules.of(self.spec), self.clock.monotonic(), _PATIENCE_SECONDS)

    async def check(self) -> list[str]:
        """What differs between the index and the notes, in sentences."""

        def work() -> list[str]:
            files = [source for source in self.sources if isinstance(source, FolderNotes)]
            others = {place for source in self.sources if source not in files for place in source.marks()}
            return self.index.check(files, others)

        return await asyncio.to_thread(work)

    async def rewrite(self, *, from_start: bool = False) -> None:
        """A new index, without a trace of what notes do not say any more. `from_start`: sessions are read again too."""
        await asyncio.to_thread(lambda: self.index.rewrite(self.sources, from_start=from_start))

    async def refresh(self) -> None:
        """Brings the index up to date, however long it takes. Raises what stands in the way."""
        await asyncio.to_thread(lambda: self.index.update(self.sources))

    @property
    def index(self) -> "MemoryIndex | PlainIndex":
        """The index; its language is checked when it is first used. Raises BadInput."""
        if self._index is None:
            made = MemoryIndex if has_fts5() else PlainIndex
            self._index = made(self.path, language(self.spec.language))
        return self._index

    def close(self) -> None:
        """Gives the index back."""
        if self._index is not None:
            self._index.close()

    async def _recall(self, query: RecallQuery, rules: ScoreRules, begun: float, deadline_seconds: float) -> Recalled:
        try:
            vector = await self.vectors.of_question(query.text) if self.vectors else None
            recalled, lost = await asyncio.to_thread(self._searched, query, rules, vector, begun + deadline_seconds)
            self.fault = ""
            if lost:
                self.lost_vectors()
        except SearchTooLate:
            return self._silent("late", begun)
        except Exception as error:  # a memory must not stop a turn; `doctor` shows the fault
            self.fault = f"{type(error).__name__}: {error}"
            return self._silent("late", begun)
        return recalled

    def _searched(
        self, query: RecallQuery, rules: ScoreRules, vector: Sequence[float] | None, until: float
    ) -> tuple[Recalled, bool]:
        """What is found, and whether vectors were taken out."""
        begun = self.clock.monotonic()

        def left() -> float:
            return max(0.0, until - self.clock.monotonic())

        index, now = self.index, self.clock.now()
        index.update(self.sources, wait=left())
        label = self.vectors.label if self.vectors and vector else ""
        meaning = (label, vector) if vector and label else None
        # The question may be indexed already or not yet: that is not to decide what is found.
        own = place_of(query.session_id) if query.session_id else ""
        found = index.search(
            query.text,
            query.reads,
            left,
            meaning,
            only_said=query.only_said,
            without=PiecesBehind(own, query.boundary),
        )
        lost = False
        if meaning and found.other_lengths and isinstance(index, MemoryIndex):
            lost = True
            index.drop_other_lengths(label, len(meaning[1]))
        hits = [replace(hit, note=self.vouched(hit.note)) for hit in found.hits]
        candidates = judged(hits, query, rules, now, found.superseded)
        silent = silence(candidates)
        text = block_of(candidates)
        return Recalled(text, candidates, silent, self._took(begun), index.rev, found.notes, label), lost

    def _silent(self, why: Silent, begun: float) -> Recalled:
        rev = self._index.rev if self._index is not None else ""
        return Recalled("", (), why, self._took(begun), rev)

    def _took(self, begun: float) -> int:
        return max(0, round((self.clock.monotonic() - begun) * 1000))
