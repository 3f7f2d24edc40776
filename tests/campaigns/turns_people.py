"""Those who use a session in the turn simulator: they post twice, repeat what got no answer, answer what is asked.

A person outlives the processes, remembers each answer that it was given, and notes when the same request is answered
in another way.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from duragent.bus import Block, OutputDelta
from duragent.errors import AlreadyDecided, CallChanged, IdempotencyMismatch, NothingToDo, Stopping
from duragent.journal.inputs import Cancel, Decision, Input, Message, Pause, Resume
from duragent.journal.question import Question
from duragent.journal.state import SessionState
from duragent.session.session import Receipt
from duragent.session.sessions import NewSession, Sessions
from tests.campaigns.turns_plan import Happening
from tests.campaigns.turns_world import World, session_id, session_key

Given = tuple[int, str | None]
"""What a receipt says: the record, and the message's id."""

MOST_TRIES = 12
"""How often a person writes that the turn should go on."""


@dataclass
class Person:
    """Uses the session `number` of a world. `lines` is what it has watched, over all processes."""

    world: World
    number: int
    given: dict[str, Given] = field(default_factory=dict)
    posted: dict[str, set[str]] = field(default_factory=dict)
    """By key, for each message that was ever sent: which had been answered before."""
    due: list[Message | Cancel] = field(default_factory=list)
    """What was sent and not answered, in order."""
    chosen: dict[tuple[str, int], Decision] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    shown: dict[tuple[str, int, int], str] = field(default_factory=dict)
    """By turn, step and attempt: what has been seen of an answer."""
    tries: int = 0

    def __post_init__(self) -> None:
        self._sessions = cast(Sessions, None)
        self._posting: set[asyncio.Future[None]] = set()
        self._news = asyncio.Event()
        self._is_there = False
        self._todo = [each for each in self.world.plan.happenings if each.session == self.number]
        self.due = [Message(text=self._text("go"), idempotency_key="m-first")]

    @property
    def id(self) -> str:
        return session_id(self.number)

    # --- one life ---------------------------------------------------------------------------------------------------

    async def attend(self, sessions: Sessions) -> None:
        """Use the session until it is at rest and there is nothing more to say. Never returns when it stops."""
        self._sessions, self._posting, self._news, self._is_there = sessions, set(), asyncio.Event(), False
        try:
            await self._attend()
        except Stopping:
            await asyncio.Event().wait()

    async def _attend(self) -> None:
        state, _ = await self._sessions.create(NewSession("assistant", idempotency_key=session_key(self.number)))
        if state.session_id != self.id:
            self._fault(f"the same key made the session {state.session_id}")
        self._is_there = True
        watching = asyncio.ensure_future(self._watch())
        try:
            self._start(self._again())
            while not await self._look(await self._sessions.state(self.id)):
                await self._news.wait()
                self._news.clear()
                if not self._is_there:
                    raise Stopping
                for _ in range(self.world.chance.choice((0, 1, 3))):
                    await asyncio.sleep(0)
        finally:
            watching.cancel()

    async def _look(self, state: SessionState) -> bool:
        """Do what there is to do now; True when there is nothing left."""
        if self._posting:
            return False
        if state.asks is not None:
            self._start(self._decide(state))
        elif state.paused:
            self._start(self._go_on())
        elif state.turn is None and not state.waiting:
            if self.due:
                self._start(self._again())
            elif self._last_failed() and self.tries < MOST_TRIES:
                self.tries += 1
                self._start(self._send(self._message(f"again-{self.tries}")))
            elif self._todo:
                self.happens(self._todo[0])
            else:
                return len(self.lines) >= state.seq
        return False

    def happens(self, happening: Happening) -> None:
        """Do what the plan says, at once, in the middle of whatever happens."""
        if happening in self._todo and self._is_there:
            self._todo.remove(happening)
            name = f"{happening.deed}-{happening.at}"
            posts: dict[str, Callable[[], Input]] = {
                "message": lambda: self._message(name),
                "cancel": lambda: Cancel(idempotency_key=f"c-{name}"),
                "pause": lambda: Pause(reason="wait"),
                "resume": lambda: Resume(reason="go on"),
            }
            self._start(self._send(posts[happening.deed]()))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._posting.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        self._posting.discard(task)
        self._news.set()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Stopping):
            self._is_there = False
        elif error is not None:
            self._fault(f"{type(error).__name__}: {error}")

    def _fault(self, text: str) -> None:
        self.world.faults.append(f"session {self.number}: {text}")

    def _last_failed(self) -> bool:
        ended = [event for event in self.world.events(self.id) if event.type == "turn_ended"]
        return bool(ended) and getattr(ended[-1], "outcome", "") == "failed"

    # --- posting ----------------------------------------------------------------------------------------------------

    def _message(self, name: str) -> Message:
        return Message(text=self._text(name), idempotency_key=f"m-{name}")

    def _text(self, name: str) -> str:
        return f"{self.number} {name}" + " words" * 200 * self.world.plan.remembers

    async def _again(self) -> None:
        """Send what got no answer, in the same order; and some of what got one."""
        for posted in list(self.due):
            await self._send(posted)
        for key in list(self.given):
            if key.startswith("m-") and self.world.chance.random() < 0.3:
                await self._send(self._message("go" if key == "m-first" else key[2:]), key=key)
        for decision in list(self.chosen.values()):
            if self.world.chance.random() < 0.3:
                self._note_decisions([taken] if (taken := await self._post_decision(decision)) else [])

    async def _send(self, posted: Input, key: str = "") -> None:
        """Send it once or, where a key makes that the same, several times at once; all get the same answer."""
        if isinstance(posted, Pause | Resume):
            await self._sessions.post(self.id, posted)
            return
        assert isinstance(posted, Message | Cancel)
        posted = posted.model_copy(update={"idempotency_key": key or posted.idempotency_key})
        key = posted.idempotency_key or ""
        self.posted.setdefault(key, set(self.given))
        if key not in self.given and posted not in self.due:
            self.due.append(posted)
        times = self.world.chance.choice((1, 1, 2, 3))
        receipts = await asyncio.gather(*(self._sessions.post(self.id, posted) for _ in range(times)))
        self._take(key, receipts)
        self.due = [each for each in self.due if each != posted]
        if isinstance(posted, Message) and self.world.chance.random() < 0.3:
            await self._send_changed(posted)

    def _take(self, key: str, receipts: list[Receipt]) -> None:
        answers = {(receipt.seq, receipt.message_id) for receipt in receipts if receipt.seq}
        if not answers:
            # Nothing was to be changed, so there is nothing to remember.
            return
        fresh = sum(not receipt.duplicate for receipt in receipts if receipt.seq)
        known = {self.given[key]} if key in self.given else set()
        if len(answers | known) > 1 or fresh > 1 - len(known):
            self._fault(f"{key} was answered as {sorted(map(str, answers | known))}, {fresh} times as new")
        self.given[key] = answers.pop()

    async def _send_changed(self, posted: Message) -> None:
        try:
            await self._sessions.post(self.id, posted.model_copy(update={"text": "something else"}))
        except IdempotencyMismatch:
            return
        self._fault(f"{posted.idempotency_key} was taken with another text")

    async def _go_on(self) -> None:
        """After a pause a person says that it goes on, in words or with a button."""
        if self.world.chance.random() < 0.5 and self.tries < MOST_TRIES:
            self.tries += 1
            await self._send(self._message(f"go-on-{self.tries}"))
        else:
            await self._sessions.post(self.id, Resume())

    # --- deciding ---------------------------------------------------------------------------------------------------

    async def _decide(self, state: SessionState) -> None:
        question = await self._sessions.question(self.id)
        if question is None:
            return
        if self.world.plan.unanswered and question.kind == "approval":
            await self._say_yes_too_late(question)
            return
        await self.world.clock.sleep(self.world.chance.choice((0, 0, 0, 3, 50)))
        if self.world.chance.random() < 0.2:
            await self._decide_about_another_call(question)
        decision = self.chosen.setdefault((question.call, question.seq), self._choose(question))
        rivals = [decision] * self.world.chance.choice((1, 1, 2))
        if self.world.chance.random() < 0.2:
            other = "deny" if question.kind == "approval" else "failed"
            rivals.append(Decision(call=question.call, decision=cast(Any, other), by="another person"))
        taken = await asyncio.gather(*(self._post_decision(each) for each in rivals))
        self._note_decisions([each for each in taken if each is not None])

    def _choose(self, question: Question) -> Decision:
        yes = ("allow_once", "allow_once", "allow_once", "allow_always", "deny")
        return Decision(
            call=question.call,
            decision=cast(Any, self.world.chance.choice(yes if question.kind == "approval" else _LOST)),
            by="a person",
            arguments_sha256=question.arguments_sha256 or None,
            invocation=self.world.chance.choice((None, question.invocation)),
            idempotency_key=f"d-{question.call}-{question.seq}",
        )

    async def _post_decision(self, decision: Decision) -> tuple[Decision, Receipt] | None:
        try:
            return decision, await self._sessions.post(self.id, decision)
        except (AlreadyDecided, NothingToDo):
            return None  # Another person decided, or cancelled.

    def _note_decisions(self, taken: list[tuple[Decision, Receipt]]) -> None:
        fresh = [decision for decision, receipt in taken if not receipt.duplicate]
        if len(fresh) > 1:
            self._fault(f"{fresh[0].call} was decided twice: {[each.decision for each in fresh]}")
        self.world.answers += [each.decision for each in fresh]
        for decision, receipt in taken:
            if decision.idempotency_key:
                self._take(decision.idempotency_key, [receipt])

    async def _decide_about_another_call(self, question: Question) -> None:
        """A yes to what is not what waits decides nothing."""
        seen = {"arguments_sha256": "0" * 64} if question.arguments_sha256 else {"invocation": "another"}
        yes = "allow_once" if question.kind == "approval" else "retry"
        posted = Decision.model_validate({"call": question.call, "decision": yes, "by": "a liar", **seen})
        try:
            await self._sessions.post(self.id, posted)
        except (CallChanged, NothingToDo, AlreadyDecided):
            return
        self._fault("a yes to another call was taken")

    async def _say_yes_too_late(self, question: Question) -> None:
        """When the time for an answer is over no yes counts, and no person has to say no."""
        over = datetime.fromisoformat(question.expires_at or "") - self.world.clock.now()
        await self.world.clock.sleep(over.total_seconds() + 0.5)
        yes = Decision(call=question.call, decision="allow_once", by="somebody late")
        if await self._post_decision(yes):
            self._fault(f"a yes to {question.call} was taken when it had expired")
        await self.world.clock.sleep(31)

    # --- watching ---------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        async with self._sessions.watch(self.id, len(self.lines)) as items:
            async for item in items:
                if isinstance(item, Block):
                    self._see(item)
                elif isinstance(item, OutputDelta) and item.kind == "text":
                    self._hear(item)
        self._news.set()

    def _see(self, block: Block) -> None:
        stored = self.world.store.streams[self.id].lines
        first = len(self.lines)
        if block.first_seq != first + 1:
            self._fault(f"a watcher that has seen {first} is told of {block.first_seq}")
        self.lines += block.lines.splitlines(keepends=True)
        if stored[first : len(self.lines)] != self.lines[first:]:
            self._fault(f"a watcher was told of {block.first_seq} to {block.last_seq} before they were durable")
        self._news.set()

    def _hear(self, delta: OutputDelta) -> None:
        key = (delta.turn, delta.step, delta.attempt)
        self.shown[key] = self.shown.get(key, "")[: delta.offset] + delta.text


_LOST = ("retry", "done", "failed")
