"""One terminal on one session: what `chat` and `attach` have in common."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.utils import is_dumb_terminal

from duragent.cli import view
from duragent.cli.chat.beginning import Beginning
from duragent.cli.chat.commands import BY_NAME
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.commands.menu import menu, named
from duragent.cli.chat.conversation import Block, Conversation, MessageBlock, Note
from duragent.cli.chat.mentions import with_files
from duragent.cli.chat.news import news_of
from duragent.cli.chat.pastes import Entered
from duragent.cli.chat.progress import utc_now
from duragent.cli.chat.question import AnswerKey, above, decide
from duragent.cli.chat.render import write_block
from duragent.cli.chat.screen import Actions, Screen
from duragent.cli.connection import Connection
from duragent.cli.uploads import sent
from duragent.client.activity import Activity
from duragent.client.client import new_key
from duragent.client.watch import CaughtUp, Item
from duragent.config import TerminalSettings
from duragent.errors import DuragentError, ServerUnreachable
from duragent.wire import AgentSummary, Approval, SendMessage, SessionInfo

if TYPE_CHECKING:
    from duragent.agent.templates import Template

SHELL = "!"
"""A line that begins so is a command for a shell."""
TAIL_RECORDS = 200
QUEUE_MAX = 100
SECOND = 1.0

LEAVE_SECONDS = 5.0
"""The longest wait, when the person leaves, for messages that are on their way."""


@dataclass(frozen=True)
class Options:
    """What the person chose for all talks of this command."""

    sender_name: str | None = None
    """The name that messages and decisions carry; None: messages carry none, decisions the user's."""

    history: Path | None = None
    """The file of what was typed before; None keeps it in memory."""

    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    """How it looks and sounds."""


@dataclass
class Talk:
    """`run` returns when the person leaves, with the session to go to next; None: the person goes away."""

    connection: Connection
    """The client, and the server that it may have to start again."""

    began_with: SessionInfo
    """The session as it was when the talk began; a draft of one that is made with the first message."""

    options: Options

    agent: AgentSummary | None = None
    """The session's; None: it cannot be used."""

    first: Entered | None = None
    """What is said as soon as the talk begins."""

    next: SessionInfo | None = None
    """What `run` returns."""

    next_first: Entered | None = None
    """What is said there as soon as that talk begins."""

    _outbox: asyncio.Queue[tuple[str, Entered]] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    """Messages that are not sent yet, each with its Idempotency-Key."""

    def __post_init__(self) -> None:
        self.client = self.connection.client
        self.beginning = Beginning(self.client, self.began_with)
        self.conversation = Conversation(self.session.agent)
        self._tasks: asyncio.TaskGroup | None = None
        self._asked_seq: int | None = None
        """The record whose question was shown in full; None while what was before is still told."""
        self.listed: list[SessionInfo] = []
        """The sessions as they were listed last, by number."""
        self._accepted: set[str] = set()
        """Idempotency-Keys of the messages that are durable."""
        self._stop_next = False
        """Ctrl-C was pressed while a message was on its way."""
        self._told = asyncio.Event()
        """Something has come from the server."""
        self.conversation.progress.begin(self.session)
        if self.agent is not None:
            self.conversation.progress.know(self.agent)
        self._notes: asyncio.Queue[list[Block]] = asyncio.Queue(QUEUE_MAX)
        self._project = self.connection.config.base if self.connection.config is not None else None
        self._template_faults: tuple[str, ...] = ()
        actions = Actions(
            self._submit, self._interrupt, self._decide, menu=lambda: menu(self.templates), project=self._project
        )
        self.screen = _screen()(self.conversation, actions, self.options.history, self.options.terminal)

    @property
    def session(self) -> SessionInfo:
        """The session as it was when it was found or made; a draft before that."""
        return self.beginning.info

    @property
    def session_id(self) -> str:
        """Raises NotBegun while there is only a draft."""
        return self.beginning.session_id

    async def run(self) -> SessionInfo | None:
        if self.connection.local is not None:
            self.connection.local.said = lambda sentence: self.note(Note(sentence))
        try:
            async with asyncio.TaskGroup() as self._tasks:
                workers = [self._tasks.create_task(work()) for work in self._workers()]
                if self.first is not None and self.first.own:
                    self.screen.remember(self.first.shown)
                    # What a person has typed may be a command, too.
                    self._submit(self.first)
                elif self.first is not None:
                    self.say(self.first)
                await self.screen.run()
                await self._finish_sending()
                for worker in workers:
                    worker.cancel()
        except* DuragentError as group:
            # One is enough: it is what ended the talk (the session was deleted, the token is refused).
            raise _first(group) from None
        unsent = [text for key, text in self.conversation.waiting.items() if key not in self._accepted]
        for text in unsent:
            write_block(Note(f"Not sent: {view.one_line(text, 200)}", "warning"), 80)
        return self.next

    # --- the workers ------------------------------------------------------------------------------------------------

    def _workers(self) -> tuple[Callable[[], Coroutine[None, None, None]], ...]:
        return (self._watch, self._send, self._show_notes, self._warm, self._keep_time)

    async def _watch(self) -> None:
        session_id = await self.beginning.there()
        self.conversation.activity = Activity(session_id, self.session.agent)
        async with aclosing(self.client.watch(session_id, tail=TAIL_RECORDS)) as items:
            async for item in items:
                blocks = self.conversation.take(item, utc_now())
                if news := news_of(item, self.conversation):
                    self.screen.scrollback.send_code(self.screen.reports.notice(news))
                self._told.set()
                if self._stop_next and self.conversation.can_stop:
                    self._stop_next = False
                    self._interrupt()
                self.screen.show([*blocks, *self._asked_now(item)])

    async def _warm(self) -> None:
        """While the person reads and types, the server loads what the model needs. It can do without, only later."""
        with contextlib.suppress(DuragentError):
            self.conversation.progress.loading = True
            await self.client.warm(self.session.agent)
        self.conversation.progress.loading = False
        self.screen.refresh()

    async def _keep_time(self) -> None:
        """While the agent works, the line that says for how long goes on."""
        while True:
            await self._told.wait()
            self._told.clear()
            while self.conversation.busy:
                await asyncio.sleep(SECOND)
                self.screen.refresh()

    def _asked_now(self, item: Item) -> list[Block]:
        """All of what a new question is about: its box has room for the beginnings only."""
        if isinstance(item, CaughtUp):
            self._asked_seq = self._asked_seq or 0
        asked = self.conversation.question
        if asked is None or self._asked_seq in (None, asked.seq):
            return []
        self._asked_seq = asked.seq
        text = above(asked)
        return [Note(text)] if text else []

    async def _send(self) -> None:
        """Messages leave in the order in which they were typed, each until it is durable or refused."""
        while True:
            key, entered = await self._outbox.get()
            try:
                await self._until_durable(entered, key)
                self._accepted.add(key)
            except DuragentError as error:
                self.conversation.waiting.pop(key, None)
                self.note(MessageBlock(entered.shown), Note(f"Not accepted: {error}", "error"))
            self._outbox.task_done()

    async def _until_durable(self, entered: Entered, key: str) -> None:
        """Its files first: sent again they are the same, as the message is with its key."""
        while True:
            try:
                session_id = await self.beginning.begin()
                attachments = await sent(self.client, session_id, entered.files)
                body = SendMessage(content=entered.text, attachments=attachments, sender_name=self.options.sender_name)
                await self.client.post_message(session_id, body, key=key)
                return
            except ServerUnreachable as error:
                # The client has waited already; the key makes it one message. Without a session nothing else says it.
                self.conversation.link = self.conversation.link or ("" if self.session.session_id else str(error))
                self.screen.refresh()

    async def _finish_sending(self) -> None:
        """What was typed just before leaving is sent; a session in which nothing happened is not left behind."""
        with contextlib.suppress(TimeoutError, DuragentError):
            async with asyncio.timeout(LEAVE_SECONDS):
                if not self.conversation.link:
                    await self._outbox.join()
                if not self._accepted:
                    await self.beginning.delete_unused()

    async def _show_notes(self) -> None:
        while True:
            self.screen.show(await self._notes.get())

    # --- what the person does ---------------------------------------------------------------------------------------

    def _submit(self, entered: Entered) -> None:
        line, text = entered.shown.strip(), entered.text.strip()
        word, _, rest = line.partition(" ")
        if word.startswith("/") and "/" not in word[1:] and "\n" not in line:
            self._command(entered, word, rest)
        elif line.startswith(SHELL) and SHELL in BY_NAME:
            self.note(MessageBlock(line))
            self._start(self._guarded(BY_NAME[SHELL].run(self, text.removeprefix(SHELL).strip())))
        else:
            self.say(entered)

    def say(self, entered: Entered) -> None:
        """Send a message, with the files that it mentions."""
        message = with_files(entered.text, entered.own, Path.cwd(), self._project, len(entered.files))
        key, files = new_key(), (*entered.files, *message.attached)
        try:
            self._outbox.put_nowait((key, Entered(entered.shown, message.text, files=files)))
        except asyncio.QueueFull:
            self.note(Note(f"{QUEUE_MAX} messages wait already; this one was not taken.", "error"))
            return
        notes = (*(f"with {upload.shown}" for upload in entered.files), *message.notes)
        self.conversation.typed(key, entered.shown, notes)
        self.screen.refresh()

    def _command(self, entered: Entered, name: str, rest: str) -> None:
        meant, line = named(name, self.templates), entered.shown.strip()
        if not isinstance(meant, SlashCommand | str):
            in_full = meant.message(entered.text.strip().partition(" ")[2].strip())
            self.say(Entered(line, in_full, meant.message(rest.strip())))
            return
        # What was typed stays in the scrollback, above what comes of it.
        self.note(MessageBlock(line))
        if isinstance(meant, str):
            self.note(*(Note(fault, "warning") for fault in (meant, *self._template_faults)))
        else:
            self._start(self._guarded(meant.run(self, rest.strip())))

    @property
    def templates(self) -> "tuple[Template, ...]":
        """The messages that people wrote for this agent, as they are now; none of a server on another machine."""
        config = self.connection.config
        if config is None:
            return ()
        from duragent.agent.templates import load_templates

        found, self._template_faults = load_templates(config.workspace, config.agents_dir / self.session.agent)
        return found

    def _interrupt(self) -> bool:
        if not self.conversation.can_stop:
            # What is on its way cannot be stopped before it has begun.
            self._stop_next = bool(self.conversation.waiting)
            return self._stop_next
        self._start(self._guarded(BY_NAME["/cancel"].run(self, "")))
        return True

    def _start(self, work: Awaitable[None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(_awaited(work))

    def note(self, *blocks: Block) -> None:
        """Print blocks above the input line."""
        if not self._notes.full():
            self._notes.put_nowait(list(blocks))

    async def _guarded(self, command: Awaitable[None]) -> None:
        try:
            await command
        except DuragentError as error:
            self.note(Note(str(error), "error"))

    def _decide(self, asked: Approval, choice: AnswerKey) -> None:
        # At once, not when the task begins: the next key is no answer any more.
        self.conversation.deciding = asked.call_id
        self._start(self.send_decision(asked, choice))

    async def send_decision(self, asked: Approval, choice: AnswerKey) -> None:
        """Send it; what the server refuses is said here."""
        self.conversation.deciding = asked.call_id
        self.screen.refresh()
        body = decide(asked, choice, self.options.sender_name or view.person())
        try:
            await self.client.post_decision(self.session_id, body)
        except DuragentError as error:
            # The question stands again, unless the records have said by now what became of it.
            self.conversation.deciding = ""
            self.note(Note(f"It was not decided: {error}", "error"))

    def go(self, session: SessionInfo, first: Entered | None = None) -> None:
        """Leave for another session, or for the draft of one, and say something there."""
        self.next, self.next_first = session, first
        self.screen.leave()


def _screen() -> type[Screen]:
    if not is_dumb_terminal():
        return Screen
    from duragent.cli.chat.plain import PlainScreen

    return PlainScreen


async def _awaited(work: Awaitable[None]) -> None:
    await work


def _first(group: BaseExceptionGroup[DuragentError]) -> DuragentError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, DuragentError)
    return error
