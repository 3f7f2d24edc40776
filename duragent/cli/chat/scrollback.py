"""Printing above the input line of a prompt that runs, into the terminal's own scrollback."""

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prompt_toolkit.application import Application, in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings

from duragent.cli.chat.keyboard import usual_key_codes
from duragent.cli.chat.reports import without_focus

SIGNAL_SECONDS = 2.0
"""How long after another program had the terminal a signal may be meant for it."""


class Scrollback:
    """What stands above one application. What is printed while the terminal is given away comes when it is back."""

    app: Application[str]
    """It is set before anything is printed."""

    def __init__(self) -> None:
        self._held: list[str] | None = None
        """What waits to be printed; None while the terminal is ours."""
        self._back_at = -SIGNAL_SECONDS
        """When the terminal was given back."""

    @property
    def is_given_away(self) -> bool:
        """Whether something else has the terminal."""
        return self._held is not None

    def print(self, text: str) -> None:
        """Put it above the input line."""
        if self._held is not None:
            self._held.append(text)
            return
        # Not prompt_toolkit's `run_in_terminal`: that leaves raw mode for a moment, and a key pressed just then is
        # echoed, or is a signal, or is lost.
        app = self.app
        if not app.is_running:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        app.renderer.erase()
        app.output.write_raw(text)
        app.output.flush()
        app.renderer.reset()
        app.renderer.request_absolute_cursor_position()
        app._redraw()

    @asynccontextmanager
    async def given_away(self) -> AsyncIterator[None]:
        """Give the terminal to something else, such as an editor or a picker."""
        self._held = []
        try:
            with usual_key_codes(self.app.output), without_focus(self.app.output):
                async with in_terminal():
                    yield
        finally:
            held, self._held, self._back_at = self._held, None, time.monotonic()
            if held:
                self.print("".join(held))

    def send_code(self, code: str) -> None:
        """A code for the terminal that moves nothing and shows nothing."""
        self.app.output.write_raw(code)
        self.app.output.flush()

    async def suspend(self) -> None:
        """Stop this program, as Ctrl-Z does everywhere, until the shell lets it go on."""
        async with self.given_away():
            os.kill(0, signal.SIGTSTP)

    def keys(self) -> KeyBindings:
        """The keys that give the terminal away."""
        bindings = KeyBindings()
        bindings.add("c-z")(lambda event: event.app.create_background_task(self.suspend()) and None)
        # Ctrl-C is for the program that has the terminal. Its signal comes here too, perhaps when that has ended by it.
        bindings.add("<sigint>", filter=Condition(self._was_away))(lambda event: None)
        return bindings

    def _was_away(self) -> bool:
        return self._held is not None or time.monotonic() - self._back_at < SIGNAL_SECONDS
