"""A chat where nothing can be redrawn (`TERM=dumb`): whole lines are read, and lines are printed.

The law: what was printed stays, and no key counts before Enter. The terminal itself lets the person edit a line.
"""

import asyncio
import codecs
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from duragent.cli import view
from duragent.cli.chat.conversation import Block, Conversation, MessageBlock
from duragent.cli.chat.pastes import Entered, is_long
from duragent.cli.chat.question import answer_of, keys, plain_question, tells_whole_diff
from duragent.cli.chat.render import render, whole_question
from duragent.cli.chat.screen import Actions, Screen
from duragent.cli.chat.scrollback import Scrollback
from duragent.config import TerminalSettings
from duragent.wire import Approval

_PROMPT = "> "
_IDLE_SECONDS = 0.1
"""After so long without anything to do there is a prompt."""
_CONTINUED = "\\"
_TYPED_MAX = 200


class PlainScreen(Screen):
    """What `Screen` is on other terminals."""

    def __init__(
        self, conversation: Conversation, actions: Actions, history: Path | None, settings: TerminalSettings
    ) -> None:
        # Only asking about the terminal writes codes to it.
        with create_app_session(input=DummyInput(), output=DummyOutput()):
            super().__init__(conversation, actions, None, settings)
        self.scrollback = _PlainScrollback(self)
        self._over: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        """Until there is a prompt."""
        self._rest = ""
        """The beginning of a line that the terminal has not given whole."""
        self._begun: list[str] = []
        """Lines of a message that goes on: each ended with a backslash."""
        self._typed: deque[str] = deque(maxlen=_TYPED_MAX)
        """What was typed and is not printed again when it comes back as a message."""
        self._printed: Approval | None = None
        """The question that was printed last."""
        self._prompted = False
        """Whether the last thing on the terminal is a prompt."""
        self._said = ""
        """What was said last about a lost connection."""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        self.listen()
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        try:
            self.refresh()
            await self._over
        finally:
            self.listen(False)
            loop.remove_signal_handler(signal.SIGINT)
            self.end_prompt()

    def listen(self, to_person: bool = True) -> None:
        """Read what is typed, or leave it to something else."""
        loop = asyncio.get_running_loop()
        if to_person:
            loop.add_reader(sys.stdin.fileno(), self._read)
        else:
            loop.remove_reader(sys.stdin.fileno())

    def leave(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def show(self, blocks: Sequence[Block]) -> None:
        width = shutil.get_terminal_size().columns
        shown = "".join(render(block, width) for block in blocks if not self._is_echo(block))
        asked = self.conversation.question
        if asked is not None and asked != self._printed:
            self._printed = asked
            shown += view.wrapped(plain_question(asked)) + "\n"
            if tells_whole_diff(asked):
                self.conversation.has_seen(asked)
        if shown:
            self.scrollback.print(shown)
        self.refresh()

    def refresh(self) -> None:
        talk = self.conversation
        if talk.link != self._said:
            self._said = talk.link
            if talk.link:
                self.scrollback.print(f"reconnecting… ({view.one_line(talk.link)})\n")
        sys.stdout.flush()
        if self._over is not None and self._timer is None:
            # Between a message and its turn nothing goes on for a moment.
            self._timer = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._prompt)

    def _prompt(self) -> None:
        talk, self._timer = self.conversation, None
        if self._over is None or self._prompted or self._over.done():
            return
        if talk.question is not None or not (talk.busy or talk.waiting):
            sys.stdout.write(_PROMPT)
            sys.stdout.flush()
            self._prompted = True

    def end_prompt(self) -> None:
        """What is printed next begins a line."""
        if self._prompted:
            sys.stdout.write("\n")
        self._prompted = False

    def _is_echo(self, block: Block) -> bool:
        """A message that the person has typed here just now: it stands behind the prompt."""
        if isinstance(block, MessageBlock) and not block.who and block.text in self._typed:
            self._typed.remove(block.text)
            return True
        return False

    # --- what the person types --------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            piece = os.read(sys.stdin.fileno(), 65_536)
        except OSError:
            piece = b""
        if not piece:
            self.leave()
            return
        *whole, self._rest = (self._rest + self._decode(piece)).split("\n")
        for line in whole:
            self._prompted = False
            self._take(line.rstrip("\r"))
        self.refresh()

    def _take(self, line: str) -> None:
        if line.endswith(_CONTINUED):
            self._begun.append(line.removesuffix(_CONTINUED))
            return
        text = "\n".join((*self._begun, line))
        self._begun.clear()
        asked = self.conversation.question
        if asked is not None and (choice := answer_of(asked, text)):
            self._actions.decide(asked, choice)
        elif asked is not None and text.strip().lower() == "v" and "v" in keys(asked):
            self.scrollback.print("".join(f"{line}\n" for line in whole_question(asked)))
            self.conversation.has_seen(asked)
        elif text.strip():
            self._typed.append(text)
            self._actions.submit(Entered(text, text, "" if is_long(text) else text))

    def _interrupted(self) -> None:
        # The terminal has thrown away the line that was begun, and has not ended it.
        self._begun.clear()
        sys.stdout.write("\n")
        self._prompted = False
        if not self._actions.interrupt():
            sys.stdout.write(view.wrapped("Ctrl-D leaves; the session goes on without you.") + "\n")
        self.refresh()


class _PlainScrollback(Scrollback):
    """Lines, one below the other."""

    def __init__(self, screen: PlainScreen) -> None:
        self._screen = screen
        self._held = None

    def print(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
            return
        self._screen.end_prompt()
        sys.stdout.write(text)
        sys.stdout.flush()

    @asynccontextmanager
    async def given_away(self) -> AsyncIterator[None]:
        self._screen.end_prompt()
        self._screen.listen(False)
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            self._screen.listen()
            self.print("".join(held or ()))
            self._screen.refresh()

    def send_code(self, code: str) -> None:
        pass
