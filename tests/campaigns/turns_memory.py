"""What an agent remembers in the turn simulator: a mind with its own log and real files, and searches in it.

Each write of the mind's log and of a file is a point, as those of the session's log are. What a search gives depends on
what the files have at that moment, and on chance: so a question that is made again after a crash is the same one only
when it comes from the log.
"""

import asyncio
import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.agent.load import Agent
from duragent.journal.events import (
    Event,
    HistorySummarised,
    MemoryRecalled,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    ToolFinished,
)
from duragent.journal.record import Record
from duragent.memory.base import Candidate, Cause, Memory, NewNote, Recalled, RecallQuery
from duragent.memory.folder import MemoryFolder, Saved
from duragent.mind.kind import MIND, stream_of
from duragent.mind.minds import MindPorts, Minds
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.session.sessions import Sessions
from duragent.session.stored_log import SessionsLog
from duragent.streams.stream_log import StreamPorts
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.turn.rebuild import rebuild_all
from tests.campaigns.turns_cast import Caller
from tests.campaigns.turns_world import DyingStore, World, session_id
from tests.support.logs import QuickDisk

if TYPE_CHECKING:
    from duragent.stores.base import Claim

AGENT = "assistant"
SETTINGS = "  session: {context: {max_history_tokens: 1000}}\n  memory: {}"
NOTE = "note"
_SAID = re.compile(r"(\d+) ([a-z]+(?:-[a-z]+)?(?:-\d+)?) words")


class MindStore(DyingStore):
    """The logs of minds, which outlive their processes too."""

    def __init__(self, world: World) -> None:
        super().__init__(world, MIND)

    async def drop_blob(self, claim: "Claim", sha256: str) -> None:
        await self._world.point()
        await super().drop_blob(claim, sha256)


@dataclass(slots=True)
class DyingFolder(MemoryFolder):
    """The files of a mind; behind a write its process may die before anybody knows of it."""

    world: World | None = None

    def write(self, file: str, text: str, before_sha256: str) -> Saved:
        assert self.world is not None
        if self.world.died.is_set():
            raise ProcessDied
        saved = MemoryFolder.write(self, file, text, before_sha256)
        if self.world.passes_point():
            raise ProcessDied
        return saved


class ProcessDied(Exception):
    """In a thread of a process that died."""


@dataclass
class FoundNotes:
    """What the memory of every agent gives: its notes of this moment, or nothing because it is late or broken."""

    world: World
    minds: Minds
    folder: MemoryFolder

    def of(self, agent: Agent) -> Memory:
        return self

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        await self.world.point()
        match self.world.chance.choice(("", "", "", "slow", "late", "broken")):
            case "slow":
                await self.world.clock.sleep(deadline_seconds / 2)
            case "late":
                await self.world.clock.sleep(deadline_seconds * 2)
            case "broken":
                raise ZeroDivisionError("a fault in an index")
        await self.world.point()
        notes = [note for note in self.folder.read_all().notes if note.id not in query.visible]
        text = "\n".join(f"- {note.text} [{note.id}]" for note in notes)
        hits = tuple(Candidate(note, 500, 580, 1_000, 1, ("words",), ()) for note in notes)
        return Recalled(f"[Relevant memories]\n{text}" if notes else "", hits, took_ms=1, notes=len(notes))


class NoteTool(Tool["NoteTool.Arguments"]):
    """Remember something."""

    name = NOTE
    effect = "idempotent"

    class Arguments(ToolArguments):
        number: int

    def __init__(self, world: World, minds: Minds) -> None:
        self._world, self._minds = world, minds

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        call = context.call
        await self._world.point()
        mind = await self._minds.of(AGENT)
        note, _ = await mind.remember(NewNote(text_of(call.call), cause=Cause(call.session_id, 1, call.call)))
        self._world.done(call.session_id, call.call, call.attempt)
        await self._world.point()
        return ToolResult(f"remembered as {note.id}")


def text_of(call: str) -> str:
    return f"the fact of {call}."


class RememberingCaller(Caller):
    """A model that is asked with summaries and notes around what was said, and that notes something in each turn."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        world = self._world
        world.requests += 1
        fault = dict(world.plan.faults).get(world.requests)
        said = [match.groups() for message in request.messages if (match := _SAID.match(message.content))]
        session = int(said[-1][0])
        events = world.events(session_id(session))
        world.faults += _faults_of(request, events, [name for _, name in said])
        await world.point()
        if fault in ("rate", "refuse", "foreign"):
            self.fail(fault)
        yield ModelDelta(text="w ")
        await world.point()
        if fault is not None:
            self.fail("break")
        replies = sum(isinstance(event, ModelReplied) for event in events)
        notes = not _asked_in_turn(events)
        calls = (ToolCall(id=f"m{replies}", name=NOTE, arguments=f'{{"number": {replies}}}'),) if notes else ()
        yield ModelReply(text="w and more", calls=calls, finish_reason="tool_calls" if calls else "stop")


def _asked_in_turn(events: Sequence[Event]) -> bool:
    begun = max(at for at, event in enumerate(events) if event.type == "turn_started")
    return any(isinstance(event, ModelReplied) for event in events[begun:])


def _faults_of(request: ModelRequest, events: Sequence[Event], said: list[str]) -> Iterator[str]:
    """What is wrong with a request that has left."""
    called = next((event for event in reversed(events) if isinstance(event, ModelCalled)), None)
    if called is None:
        yield "a question has left without model_called"
        return
    if hashlib.sha256(json.dumps(request.model_dump(), sort_keys=True).encode()).hexdigest() != called.request_sha256:
        yield "what has left is not what model_called names"
    spoken = [event.text for event in events[: called.input_seq] if isinstance(event, MessageReceived)]
    wanted = [match[2] for text in spoken if (match := _SAID.match(text))]
    if not said or wanted[-len(said) :] != said:
        yield f"the model was shown the messages {said} of {wanted}"


@dataclass
class KeptMemory:
    """What outlives the processes of a world, and what each of them makes of it."""

    world: World
    root: Path

    def __post_init__(self) -> None:
        self.store = MindStore(self.world)
        self.folder = DyingFolder(self.root, UTC, QuickDisk(), world=self.world)

    def minds(self, node: str) -> Minds:
        ports = StreamPorts(self.store, self.world.clock, node, asyncio.ensure_future)
        return Minds(MindPorts(lambda: ports, lambda _: self.folder))

    async def judged(self, sessions: Sessions, minds: Minds) -> list[str]:
        """What is wrong at the end, when nothing is under way any more."""
        found: list[str] = []
        mind = await minds.of(AGENT)
        notes = mind.folder.read_all().notes
        texts = Counter(note.text for note in notes)
        before = len(self.store.streams[stream_of(AGENT)].lines)
        await mind.reconcile()
        if len(self.store.streams[stream_of(AGENT)].lines) != before or mind.state.writing is not None:
            found.append("the files are not what the mind's log says")
        found += [f"{note.text} counts as {trust}" for note in notes if (trust := mind.trust_of(note)) != "agent"]
        found += [f"'{text}' stands {count} times in the files" for text, count in texts.items() if count > 1]
        for number in range(len(self.world.plan.scripts)):
            records = self.world.records(session_id(number))
            found += _of_notes([record.event for record in records], texts)
            found += _of_recalls(records)
            found += _of_summaries(records)
            found += await _of_questions(sessions, session_id(number), records)
        return found


def _of_notes(events: Sequence[Event], texts: Counter[str]) -> Iterator[str]:
    for event in events:
        if isinstance(event, ToolFinished) and event.outcome == "ok" and texts[text_of(event.call)] != 1:
            yield f"the note of {event.call} was told as written, and stands {texts[text_of(event.call)]} times"


def _of_recalls(records: Sequence[Record]) -> Iterator[str]:
    """Memory is asked once for what was said, and what it gave is written with the question."""
    upto, shown = 0, set[str]()
    for record, behind in zip(records, (*records[1:], None), strict=True):
        if isinstance(event := record.event, MemoryRecalled):
            if event.upto_seq <= upto:
                yield f"memory was asked again for record {event.upto_seq}"
            if behind is None or not isinstance(behind.event, ModelCalled):
                yield f"record {record.seq} has what memory gave, and no question is behind it"
            upto = event.upto_seq
            shown |= {item.ref for item in event.items}


def _of_summaries(records: Sequence[Record]) -> Iterator[str]:
    at = 0
    for record in records:
        event = record.event
        if isinstance(event, HistorySummarised) and event.level == 1:
            if event.first_seq != at + 1 or event.last_seq >= record.seq:
                yield f"a summary of records {event.first_seq} to {event.last_seq} came behind one up to {at}"
            at = event.last_seq


async def _of_questions(sessions: Sessions, session: str, records: Sequence[Record]) -> list[str]:
    log = SessionsLog(sessions, session)
    again = [each async for each in rebuild_all(log, session, AGENT, records[-1].seq)]
    return [f"the question of record {each.called_seq} cannot be made again" for each in again if not each.is_equal]


@contextmanager
def memory_folder() -> Iterator[Path]:
    """In memory where that can be."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        yield Path(name)
