"""The words of this room: notes, who may read them, and what a session sees of an agent's memory.

The law: notes are Markdown that people read and edit; an index over them is a cache; what a model was shown of them
stands in the session's log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from duragent.agent.load import Agent

Trust = Literal["owner", "agent", "unreviewed"]
"""Who vouches for a note. `owner`: its words are a person's, or stand in a file that a person wrote. `agent`: a model
wrote it while nothing from outside was in its window. `unreviewed`: no model is shown it until a person has seen it."""

Silent = Literal["", "below_threshold", "nothing", "late", "off"]
"""Why nothing was recalled: no note passed the threshold, none has a word of the question, the search took too long,
or the agent does not search by itself; "" when notes were recalled."""

ScopeKind = Literal["owner", "world", "person", "chat"]


@dataclass(frozen=True, slots=True)
class Scope:
    """To whom a note belongs."""

    kind: ScopeKind = "owner"
    """`owner`: the agent's own notes. `world`: shared by all agents. `person`, `chat`: one sender's or one chat's."""
    id: str = ""
    """Of a person or a chat, such as `telegram-4711`; "" for the others."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


OWNER = Scope("owner")
WORLD = Scope("world")


@dataclass(frozen=True, slots=True)
class Cause:
    """What made an agent write a note."""

    session_id: str
    """The session in which the call was made."""
    seq: int
    """The record with the call."""
    call: str = ""
    """The call's id."""


@dataclass(frozen=True, slots=True)
class MemoryNote:
    """One note as it stands in a file."""

    id: str
    """`m_` and 8 letters or digits: from its comment, or for a note without one from its file and text."""
    text: str
    """Without its heading and comment."""
    file: str
    """Relative to the memory folder of its agent (`daily/2026-11-21.md`), or `world/<topic>.md`."""
    line: int
    """Its first line in that file, from 1."""
    scope: Scope = OWNER
    """To whom it belongs."""
    trust: Trust = "owner"
    """Who vouches for it, as far as the file alone can say; see `mind` for what the log says of it."""
    written_at: str = ""
    """RFC 3339 in UTC; "" when neither the file's name nor its heading tells."""
    importance_milli: int = 500
    """0 to 1,000; 500 for notes that do not say it."""
    source: str = ""
    """`SESSION#SEQ` of the call that wrote it; "" for a person's note."""
    decays: bool = True
    """Whether it counts less as it gets older; notes of MEMORY.md, world, people and chats do not."""
    heading: str = ""
    """The heading that it stands under, without the time of a dated one."""
    replaces: str = ""
    """The id of a note that it took the place of; "" for none."""
    proposes: str = ""
    """Of a note that waits for review: the file whose whole text it wants to be; "" for a note like others."""


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note to be written."""

    text: str
    """At most 8 KiB."""
    scope: Scope = OWNER
    """To whom it will belong."""
    importance_milli: int = 500
    """0 to 1,000."""
    trust: Trust = "agent"
    """Decided by code from whose words it has; see `trust`."""
    cause: Cause | None = None
    """The call that writes it; None for a person."""
    replaces: str = ""
    """The id of a note that it takes the place of; "" for none."""
    proposes: str = ""
    """The file whose whole text it wants to be, which a person decides; "" for a note like others."""


@dataclass(frozen=True, slots=True)
class RecallQuery:
    """What is to be found for a question to the model."""

    text: str
    """The person's message."""
    reads: tuple[Scope, ...]
    """The scopes that the session may read."""
    visible: frozenset[str] = frozenset()
    """Notes that the model's window shows already, by id."""
    limit: int = 5
    """How many notes at most."""
    budget_tokens: int = 600
    """How long they may be together, by our estimate."""
    session_id: str = ""
    """The session that asks: what was said in it stands in its own window."""
    boundary: int = 0
    """Up to this record it does not: summaries stand there, and what was said may be found."""
    only_said: bool = False
    """Only what was said in sessions is found, and no notes."""
    is_message: bool = False
    """A person's message, and no search. The same question from another session answers nothing and is left out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A note that was looked at for a question."""

    note: MemoryNote
    """The note."""
    score_milli: int
    """Relevance, age and importance together, of 1,000."""
    coverage_milli: int
    """How much of the question's weight stands in it or in its neighbours, of 1,000."""
    relevance_milli: int
    """1,000 for the best."""
    age_hours: int
    """Since it was written; 0 when that is not known."""
    own: tuple[str, ...]
    """Words of the question that stand in it."""
    near: tuple[str, ...]
    """Words of the question that stand only in its neighbours."""
    left_out: str = ""
    """Why it is not shown: `below_threshold`, `visible`, `copy`, `budget`, `limit`, `unimportant`, `question`; "" when
    it is."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a search for a question gave."""

    text: str
    """The block for the model, to the byte; "" when nothing is shown."""
    candidates: Sequence[Candidate]
    """What was looked at, the best first; those that are shown have no `left_out`."""
    silent: Silent = ""
    """Why nothing is shown; "" when something is."""
    took_ms: int = 0
    """How long the search took."""
    index_rev: str = ""
    """Names the index's schema, language, weights and embedder."""
    notes: int = 0
    """How many notes the index had."""
    embedder: str = ""
    """`provider/model@dimensions`; "" without one."""


class Memory(Protocol):
    """What a session sees of its agent's memory."""

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        """Search for a question. Never raises; a search that takes longer is `late`."""
        ...


# --- what the tool `memory` works with ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """What a session's model sees while it writes a note, by who said it."""

    owners: tuple[str, ...] = ()
    """The owner's messages."""
    outside: tuple[str, ...] = ()
    """Results of tools that bring texts from elsewhere, and messages of others."""
    touched: bool = False
    """Something from outside is there that has no text, such as a picture."""
    recalled: tuple[tuple[str, str], ...] = ()
    """The notes that this turn was shown: id and text."""
    seq: int = 0
    """The record with the call."""


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note, or a whole file, that was written."""

    path: str
    """The file, by its name in the memory."""
    note: str = ""
    """The note's id; "" for a whole file."""
    theirs: str = ""
    """The file that keeps what a person saved in the moment of the write; "" when nothing was."""
    unread: bool = False
    """Whether the file had a text that this session had not read."""


class MemoryPort(Protocol):
    """What the tool `memory` may do with an agent's memory, in one session.

    Every write is durable when it returns, and may be repeated: the call makes the note's id. They raise MemoryChanged,
    MemoryFull, InvalidFile, and errors of the store.
    """

    async def window(self) -> Window:
        """What the session's model sees now."""
        ...

    async def reads(self) -> tuple[Scope, ...]:
        """The scopes that the session may read; see `scope`."""
        ...

    async def writes(self) -> tuple[Scope, ...]:
        """The scopes that it may write, the first one for new notes."""
        ...

    async def recall_text(self, days: int) -> str:
        """All of some days, as far as the session may read it; see `legacy_text`."""
        ...

    async def search(self, query: str, limit: int) -> "Sequence[MemoryNote]":
        """Notes that the session may read, the best first."""
        ...

    async def note(self, note: str) -> "MemoryNote | None":
        """The note of that id, when the session may read it."""
        ...

    async def remember(self, new: NewNote, call: str) -> WrittenNote:
        """Write a note, or do nothing when this call has written it already."""
        ...

    async def reinforce(self, note: str, call: str) -> None:
        """The session made this note again: it counts more, and as new. A repeated call counts once."""
        ...

    async def long_term(self) -> str:
        """MEMORY.md now; its SHA-256 is what the next `reflect` of this session compares with."""
        ...

    async def reflect(self, content: str, call: str) -> WrittenNote:
        """Replace MEMORY.md. Raises MemoryChanged when it is not what this session read last."""
        ...

    async def update_world(self, topic: str, content: str, call: str) -> WrittenNote:
        """Replace a topic that all agents share; one that this session has not read, too.

        Raises MemoryChanged when it is not what this session read last.
        """
        ...

    async def propose(self, file: str, new: NewNote, call: str) -> WrittenNote:
        """Let a whole text for MEMORY.md or a topic wait for a person."""
        ...

    async def forget(self, note: str, call: str) -> WrittenNote:
        """Remove a note."""
        ...

    async def forgotten(self, note: str, call: str) -> WrittenNote | None:
        """What `forget` did for this very call before a crash; None when it was not made before."""
        ...


class Memories(Protocol):
    """The memories of all agents."""

    def of(self, agent: Agent) -> Memory | None:
        """The agent's; None when it has none. It is opened when it is first asked."""
        ...
