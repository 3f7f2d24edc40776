"""What a tool may read of sessions: its own outputs, and what other sessions of the same agent say."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from duragent.errors import Damaged, SessionNotFound
from duragent.journal.events import Attachment, MessageReceived, ModelReplied, ToolFinished
from duragent.journal.line import first_seq, lines_with_attachments
from duragent.journal.record import Record
from duragent.journal.source import source_and_door
from duragent.journal.state import SessionState

if TYPE_CHECKING:
    from duragent.tools.base import AnyTool, ResultFile, Sibling, ToolOwner
    from duragent.tools.toolset import Factories

LOOK_BACK_RECORDS = 5_000
"""How far back an output is looked for, and the messages of a sibling."""


class ReadableSessions(Protocol):
    """All sessions, only to read; `Sessions` in a server."""

    async def state(self, session_id: str) -> SessionState:
        """Raises SessionNotFound."""
        ...

    async def list(self, *, agent: str | None = None, limit: int = 50) -> tuple["Sequence[SessionState]", str | None]:
        """The last changed first, and from where the list goes on."""
        ...

    async def read_back(self, session_id: str, before: int | None, limit: int) -> bytes:
        """The newest stored lines with seq < `before` (None: of all). Raises SessionNotFound."""
        ...

    async def records(self, session_id: str, lines: bytes) -> "Sequence[Record]":
        """The records of stored lines, oldest first."""
        ...

    async def blob(self, session_id: str, name: str) -> bytes:
        """Raises SessionNotFound; Damaged when it is absent, or not what its name says."""
        ...


def session_tools(sessions: Callable[[], ReadableSessions]) -> "Factories":
    """The factories of the tools that read sessions. `sessions` is called when a tool is made."""

    def reader(owner: "ToolOwner") -> SessionReader:
        return SessionReader(sessions(), owner.session_id, owner.agent.name, _readable(sessions(), owner))

    def session(owner: "ToolOwner") -> "AnyTool":
        from duragent.tools.session import SessionTool

        return SessionTool(reader(owner))

    def read_output(owner: "ToolOwner") -> "AnyTool":
        from duragent.tools.read_output import ReadOutput

        return ReadOutput(reader(owner))

    def read_file(owner: "ToolOwner") -> "AnyTool":
        from duragent.tools.read_file import ReadFile

        return ReadFile(reader(owner))

    return {"session": session, "read_output": read_output, "read_file": read_file}


Readable = Callable[[Sequence[SessionState]], Awaitable[Sequence[SessionState]]]
"""Those of other sessions that a session may read."""


def _readable(sessions: ReadableSessions, owner: "ToolOwner") -> Readable | None:
    """None: all of them, because neither notes nor owners are set apart for this agent."""
    spec = owner.agent.spec
    if not owner.session_id or (spec.memory is None and spec.access is None):
        return None
    from duragent.session.seen_session import SeenSession

    return SeenSession(sessions, owner.session_id, owner.agent).readable


class SessionReader:
    """For the tools of one session of `agent`. See `tools.base.SessionsPort`."""

    def __init__(
        self, sessions: ReadableSessions, session_id: str, agent: str, readable: Readable | None = None
    ) -> None:
        """`readable`: which other sessions of the agent may be read; None: all of them."""
        self._sessions, self._session_id, self._agent = sessions, session_id, agent
        self._readable = readable

    async def siblings(self, limit: int) -> "Sequence[Sibling]":
        from duragent.tools.base import Sibling

        states, _ = await self._sessions.list(agent=self._agent, limit=limit + 1)
        if self._readable is not None:
            states = await self._readable(states)
        return [
            Sibling(
                state.session_id,
                state.status,
                state.updated_at,
                state.title or state.topic,
                source_and_door(state.source, state.door),
            )
            for state in states
            if state.session_id != self._session_id
        ][:limit]

    async def read(self, session_id: str, limit: int) -> Sequence[tuple[str, str]]:
        own = session_id == self._session_id
        if not own:
            state = await self._sessions.state(session_id)
            if state.agent != self._agent or (self._readable is not None and not await self._readable([state])):
                raise SessionNotFound(session_id)
        messages: list[tuple[str, str]] = []
        before, seen = None, 0
        while len(messages) < limit and seen < LOOK_BACK_RECORDS:
            records = await self._back(session_id, before, 200)
            if not records:
                break
            before, seen = records[0].seq, seen + len(records)
            messages = [message for record in records if (message := _message(record))] + messages
        return messages[-limit:]

    async def output(self, call: str) -> bytes | None:
        before: int | None = None
        seen = 0
        while seen < LOOK_BACK_RECORDS:
            records = await self._back(self._session_id, before, 500)
            if not records:
                return None
            before, seen = records[0].seq, seen + len(records)
            for record in records:
                event = record.event
                if isinstance(event, ToolFinished) and event.call == call:
                    return await self._whole(event)
        return None

    async def attached(self, name: str) -> "ResultFile | None":
        hash_part, _, named = name.rpartition("/")
        before: int | None = None
        while lines := await self._sessions.read_back(self._session_id, before, 1000):
            before = first_seq(lines)
            for record in reversed(await self._sessions.records(self._session_id, lines_with_attachments(lines))):
                event = record.event
                files = event.attachments if isinstance(event, MessageReceived | ToolFinished) else ()
                for file in reversed(files):
                    if file.name == named and file.sha256.startswith(hash_part):
                        return await self._file(file)
        return None

    async def _file(self, file: Attachment) -> "ResultFile | None":
        from duragent.tools.base import ResultFile

        try:
            return ResultFile(file.name, await self._sessions.blob(self._session_id, file.sha256))
        except Damaged:
            return None

    async def _back(self, session_id: str, before: int | None, limit: int) -> Sequence[Record]:
        """Oldest first: the newest with seq < `before` (None: of all)."""
        return await self._sessions.records(session_id, await self._sessions.read_back(session_id, before, limit))

    async def _whole(self, event: ToolFinished) -> bytes | None:
        if not event.output_sha256:
            return event.content.encode("utf-8", "replace")
        try:
            return await self._sessions.blob(self._session_id, event.output_sha256)
        except Damaged:
            return None


def _message(record: Record) -> tuple[str, str] | None:
    """(role, text) of a record that has a message of the conversation."""
    match record.event:
        case MessageReceived() as event:
            return "user", event.text
        case ModelReplied() as event if event.text:
            return "assistant", event.text
        case _:
            return None
