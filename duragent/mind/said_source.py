"""What was said in an agent's sessions as a source of its index. What is to be indexed is read beforehand.

The law: a search never waits for a log. The source says only what stands ready; what the index lost (a file that was
deleted) is read again in the background. The cursor of a session stands in the index, beside what was read up to it.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from duragent.journal.events import Event, HistoryRedacted, MessageReceived
from duragent.journal.record import Record
from duragent.journal.source import is_person
from duragent.memory.base import OWNER, Scope
from duragent.memory.chunks import NoteChunk
from duragent.memory.index import PlaceContent
from duragent.memory.said import PREFIX, place_of, said_in
from duragent.memory.scope import access_of, visitor_of

DROPPED = "dropped"
"""The mark of a session that was deleted, until the index is written again: a crash may come in between."""
NOBODY = Scope("person", "")
"""Of a conversation that is not indexed, because it is not known who speaks in it."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a session was read, and what is known of it there; the mark of its place."""

    seq: int = 0
    """The last record that was read."""
    touched: bool = False
    """Whether it had seen something from outside by then."""
    scope: Scope = OWNER
    """Whose what is said there is."""

    @classmethod
    def of(cls, mark: str) -> "Cursor":
        """A mark of another form is the beginning."""
        seq, _, rest = mark.partition(" ")
        touched, _, scope = rest.partition(" ")
        kind, _, whose = scope.partition(":")
        if not seq.isdecimal() or kind not in ("owner", "person", "chat"):
            return cls()
        return cls(int(seq), touched == "1", Scope(kind, whose))  # type: ignore[arg-type]  # one of these three

    def __str__(self) -> str:
        return f"{self.seq} {self.touched:d} {self.scope}"


@dataclass(frozen=True, slots=True)
class Chat:
    """Where a session takes place."""

    gateway: str = ""
    """"" outside of chats."""
    chat_id: str | None = None
    """None outside of chats."""
    owners: tuple[str, ...] = ()
    """Who counts as the owner there."""


class KnownRedactions:
    """Those of sessions that were taken notice of."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def change(self, session_id: str, after: int, records: Sequence[Record]) -> bool:
        """Whether these say that records up to `after`, which were read, were redacted since. True once for each.

        The session is read again then, which leads to the same record.
        """
        late = [record.seq for record in records if _first_redacted(record.event) <= after]
        new = bool(late) and late[-1] > self._known.get(session_id, 0)
        if new:
            self._known[session_id] = late[-1]
        return new


def _first_redacted(event: Event) -> float:
    return min(event.seqs, default=inf) if isinstance(event, HistoryRedacted) else inf


class SaidSource:
    """A `ChunkSource`. `marks` and `content` are called in a thread, all else on the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: dict[str, str] = {}
        self._ready: dict[str, tuple[str, PlaceContent]] = {}
        self._lost: set[str] = set()
        self._forgets = 0

    # --- for the index ----------------------------------------------------------------------------------------------

    def marks(self) -> Mapping[str, str]:
        """The sessions that are indexed, or stand ready to be."""
        with self._lock:
            return dict(self._marks)

    def content(self, place: str, indexed_mark: str) -> PlaceContent:
        """What stands ready for what the index has; else nothing, and the session is read again."""
        with self._lock:
            if self._marks.get(place) == DROPPED:
                return PlaceContent(DROPPED, ())
            before, content = self._ready.pop(place, ("", None))
            if content is not None and before == indexed_mark:
                return content
            self._marks.pop(place, None)
            self._lost.add(place.removeprefix(PREFIX))
            return PlaceContent("", ())

    # --- for what feeds it ------------------------------------------------------------------------------------------

    def begin(self, indexed: Mapping[str, str]) -> bool:
        """What an index has of sessions, by place; whether it is to be written again because some were deleted."""
        with self._lock:
            self._marks = {place: mark for place, mark in indexed.items() if place.startswith(PREFIX)}
            return DROPPED in self._marks.values()

    def cursor(self, session_id: str) -> Cursor:
        """How far a session was read."""
        with self._lock:
            return Cursor.of(self._marks.get(place_of(session_id), ""))

    def sessions(self) -> list[str]:
        """Those of which something was read."""
        with self._lock:
            return [place.removeprefix(PREFIX) for place, mark in self._marks.items() if mark != DROPPED]

    def take_lost(self) -> list[str]:
        """The sessions that are to be read from their beginning."""
        with self._lock:
            lost, self._lost = sorted(self._lost), set()
            return lost

    @property
    def forgets(self) -> int:
        """How often something was forgotten; `take` gets the count from before the records were read."""
        with self._lock:
            return self._forgets

    def forget(self, session_id: str) -> None:
        """The next update of the index takes it out. Records of it that were read before are not taken any more."""
        with self._lock:
            self._forgets += 1
            self._marks.pop(place_of(session_id), None)
            self._ready.pop(place_of(session_id), None)

    def drop(self, session_id: str) -> bool:
        """It was deleted: the next update takes it out. Whether an index is to be written again because of it."""
        place = place_of(session_id)
        with self._lock:
            self._forgets += 1
            self._ready.pop(place, None)
            if place in self._marks:
                self._marks[place] = DROPPED
            return place in self._marks

    def end_dropped(self) -> list[str]:
        """A new index is about to be written, which knows nothing of these."""
        with self._lock:
            dropped = [place for place, mark in self._marks.items() if mark == DROPPED]
            for place in dropped:
                del self._marks[place]
            return dropped

    def begin_dropped(self, places: Iterable[str]) -> None:
        """It was not written."""
        with self._lock:
            self._marks |= {place: DROPPED for place in places if place not in self._marks}

    def take(self, session_id: str, records: Sequence[Record], chat: Chat, forgets: int) -> int:
        """Records behind the cursor; how many pieces they made. The index is to be updated before the next ones.

        Nothing is taken when something was forgotten since `forgets`: the records may say what was redacted meanwhile.
        """
        place = place_of(session_id)
        with self._lock:
            mark = self._marks.get(place, "")
        before = Cursor.of(mark)
        chunks, after = _pieces(session_id, records, before, chat)
        content = PlaceContent(str(after), chunks, appended=before.seq > 0)
        with self._lock:
            if self._forgets != forgets:
                return 0
            if self._marks.get(place, "") != mark or not records or records[0].seq != before.seq + 1:
                return 0  # the index lost it meanwhile: it is read again
            self._ready[place] = (mark, content)
            self._marks[place] = str(after)
        return len(chunks)


def _pieces(
    session_id: str, records: Sequence[Record], before: Cursor, chat: Chat
) -> tuple[tuple[NoteChunk, ...], Cursor]:
    found: list[NoteChunk] = []
    touched, scope = before.touched, before.scope
    for scope, run in _runs(records, before.scope, chat):
        said = said_in(session_id, run, scope, touched=touched)
        touched = said.touched
        if scope != NOBODY:
            found += said.chunks
    return tuple(found), Cursor(records[-1].seq if records else before.seq, touched, scope)


def _runs(records: Iterable[Record], scope: Scope, chat: Chat) -> Iterator[tuple[Scope, list[Record]]]:
    """The records in parts that belong to one person or chat: to whom the message before them does."""
    run: list[Record] = []
    for record in records:
        event = record.event
        if isinstance(event, MessageReceived) and is_person(event.source):
            now = scope_of(event, chat)
            if now != scope:
                if run:
                    yield scope, run
                scope, run = now, []
        run.append(record)
    if run:
        yield scope, run


def scope_of(message: MessageReceived, chat: Chat) -> Scope:
    """To whom belongs what is said with that message."""
    sender = message.sender.id if message.sender else None
    writes = access_of(visitor_of(message.source, chat.gateway, sender, chat.chat_id, chat.owners)).writes
    return writes[0] if writes else NOBODY
