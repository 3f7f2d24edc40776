"""The engine of one session: it runs turns, and what goes on beside them, as long as there is something to do.

Recovery needs nothing else: the engine of a session that was opened after a crash finds its next step in the state.
An idle engine has no task.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from duragent.bus import OutputDelta, Topic
from duragent.context.known_talk import KnownTalk
from duragent.errors import SessionDeleted, StoreError
from duragent.journal.events import Event
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.session.fold import SessionWriter
from duragent.session.log_reader import LogReader
from duragent.session.shown_records import ShownRecords
from duragent.stores.base import Claim
from duragent.turn.asides import Asides
from duragent.turn.history import HistoryNeed
from duragent.turn.host import FULL_STORE_PAUSE_SECONDS, Decide, InProgress, why_stop
from duragent.turn.ports import Ports
from duragent.turn.turn import Turn

_log = logging.getLogger(__name__)


class Engine:
    """Runs the turns of one session, and what goes on beside them; it is what they need of it: see `TurnHost`."""

    interrupt: asyncio.Event
    """Set when the step under way must stop; `why_stop` says why."""
    stopping: bool
    """No step is begun any more: the session is being closed."""

    def __init__(self, ports: Ports, writer: SessionWriter, reader: LogReader, topic: Topic) -> None:
        self._ports, self._writer, self._reader, self._topic = ports, writer, reader, topic
        self.interrupt = asyncio.Event()
        self.stopping = False
        self._outputs: list[InProgress] = []
        self._task: asyncio.Task[None] | None = None
        self._aside_task: asyncio.Task[None] | None = None
        self._pauses: set[asyncio.Future[None]] = set()
        self._last_warning = ""
        self._shown = ShownRecords(reader.read_records)
        self._turn = Turn(self, ports)
        self._asides = Asides(self, ports)

    # --- what a turn needs of its session ---------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        return self._writer.state

    @property
    def claim(self) -> Claim:
        return self._writer.claim

    @property
    def can_work(self) -> bool:
        return self._writer.problem is None and not self.stopping

    async def commit(self, decide: Decide, *, then: Decide | None = None, claim: bool = False) -> list[Record]:
        return await self._writer.commit(decide, then=then, claim=claim)

    async def newest(self, wanted: HistoryNeed) -> tuple[list[Record], bool]:
        return await self._reader.newest(wanted, self.state)

    @property
    def talk(self) -> KnownTalk:
        return self._reader.talk

    async def read_records(self, after: int, limit: int) -> list[Record]:
        if limit == 1:
            return await self._shown.at(after + 1, self.state.viewport.forgotten)
        return await self._reader.read_records(after, limit)

    async def blob(self, sha256: str) -> bytes:
        return await self._reader.blob(sha256)

    def begin_output(self, shown: InProgress) -> None:
        self._outputs.append(shown)

    def end_output(self, shown: InProgress) -> None:
        self._outputs.remove(shown)

    def publish(self, delta: OutputDelta) -> None:
        self._topic.publish(delta)

    async def wait_for_store(self, error: StoreError) -> None:
        if not self.can_work:
            return
        if str(error) != self._last_warning:
            # Once: a disk may be full for days, and hold very many sessions.
            _log.warning("%s; trying again every %g s", error, FULL_STORE_PAUSE_SECONDS)
            self._last_warning = str(error)
        pause = asyncio.ensure_future(self._ports.clock.sleep(FULL_STORE_PAUSE_SECONDS))
        self._pauses.add(pause)
        await asyncio.wait((pause,))
        self._pauses.discard(pause)

    # --- what the session needs of its engine -----------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether a turn is under way, or something beside it."""
        return any(not task.done() for task in self._tasks())

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for task in (self._task, self._aside_task) if task is not None]

    def outputs(self) -> Sequence[InProgress]:
        """The output in progress, for a new watcher.

        An answer whose end is in the log is left out: the log has it before the turn ends the output.
        """
        return [output for output in self._outputs if not output.over(self.state)]

    def begun(self, state: SessionState) -> Sequence[Event]:
        """See `Turn.begun`."""
        return self._turn.begun(state)

    def go_on(self) -> None:
        """Start to work if there is something to do that is not under way."""
        if (self._task is None or self._task.done()) and self._turn.next_step():
            self._task = self._ports.spawn(self._run(self._run_turn))
        if (self._aside_task is None or self._aside_task.done()) and self._asides.next():
            self._aside_task = self._ports.spawn(self._run(self._asides.run))

    async def _run_turn(self) -> None:
        await self._turn.run()
        self._reader.rest()

    async def _run(self, work: Callable[[], Awaitable[None]]) -> None:
        self._last_warning = ""
        try:
            await work()
        except StoreError as error:
            self._writer.fail(error)
        except SessionDeleted:
            # Its deletion is under way: `retire` follows.
            pass

    def interrupt_if_needed(self) -> None:
        """Interrupt what is under way when the newest records say that it must stop."""
        self._asides.look_again()
        if why_stop(self.state, self.stopping):
            self.interrupt.set()

    async def wait(self, grace_seconds: float) -> None:
        """Let what is under way end within the grace."""
        if self.running and grace_seconds > 0:
            await asyncio.wait(self._tasks(), timeout=grace_seconds)

    def halt(self) -> Sequence[asyncio.Task[None]]:
        """Begin no further step, and interrupt what is under way. Returns the tasks that then end."""
        self.stopping = True
        self.interrupt.set()
        self._asides.look_again()
        for pause in self._pauses:
            pause.cancel()
        return self._tasks()

    async def abandon(self) -> None:
        """The session goes for good: end the commands that it started."""
        await self._turn.abandon()
        await self._asides.abandon()
