"""What a terminal says of itself among what a person types: whether it is in front, and the colour of its background.

It is asked when a chat begins, without waiting: an answer is taken out of what is typed whenever it comes, and many
terminals never give one. The question about the front lasts, so it is taken back when another program has the
terminal, and at the end.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import is_dumb_terminal

from duragent.cli import looks
from duragent.cli.view import clean, in_colour
from duragent.config import TerminalSettings

LATE_SECONDS = 0.1
"""At the end of a short chat: how long an answer may still be on its way."""
ANSWERED_WITHIN_SECONDS = 1.0
NOTICE_CHARS = 100

_FOCUS = re.compile(r"\x1b\[([IO])")
_BACKGROUND = re.compile(
    r"\x1b\]11;rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})[^\x07\x1b]*(?:\x07|\x1b\\)"
)
UNFINISHED = r"\](?:1(?:1(?:;[rgba:/0-9a-fA-F]{0,30}\x1b?)?)?)?"
"""The beginning of an answer about the background, behind its Esc."""

_TELL_FOCUS, _KEEP_FOCUS = "\x1b[?1004h", "\x1b[?1004l"
_ASK_BACKGROUND = "\x1b]11;?\x07"
_BELL = "\x07"
_WITHOUT_NOTICES = ("linux", "screen", "tmux")
"""Beginnings of TERM where only the bell is heard: the console prints what it does not know, and multiplexers mark the
window by the bell."""


class Reports:
    """What one terminal has said so far."""

    in_front: bool | None = None
    """Whether it has the keyboard; None before it said anything."""

    def __init__(self, settings: TerminalSettings, on_theme: Callable[[], None] = lambda: None) -> None:
        """`on_theme` is called when other colours are used from now on."""
        self._settings, self._on_theme = settings, on_theme
        self._asked_at: float | None = None
        """When it was asked for its background; None when it was not, or has answered."""

    def taken_out(self, data: str) -> str:
        """What was typed, without what the terminal said."""
        if "\x1b" not in data:
            return data
        for focus in _FOCUS.finditer(data):
            self.in_front = focus[1] == "I"
        for background in _BACKGROUND.finditer(data):
            self._asked_at = None
            if self._settings.theme == "auto":
                self._use(looks.told_by_colour(*(_share(part) for part in background.groups())))
        return _BACKGROUND.sub("", _FOCUS.sub("", data))

    def _use(self, theme: looks.ThemeName) -> None:
        if theme != looks.theme():
            looks.set_theme(theme)
            self._on_theme()

    @contextmanager
    def asked(self, output: Output) -> Iterator[None]:
        """Ask for all of it, as long as this lasts."""
        with between(output, _TELL_FOCUS, _KEEP_FOCUS):
            if self._settings.theme == "auto" and in_colour() and _can_be_asked(output):
                _write(output, _ASK_BACKGROUND)
                self._asked_at = time.monotonic()
            yield

    async def let_late_answers_pass(self, keyboard: Input) -> None:
        """An answer that is on its way when a short chat ends would be typed into the shell."""
        if self._asked_at is None or time.monotonic() - self._asked_at > ANSWERED_WITHIN_SECONDS:
            return
        await asyncio.sleep(LATE_SECONDS)
        keyboard.read_keys()

    def notice(self, sentence: str) -> str:
        """What to send so that a person who looks elsewhere hears of it; "" when none is wanted."""
        bell = self._settings.bell
        if bell is False or (bell is True and self.in_front is not False):
            return ""
        if os.environ.get("TERM", "").startswith(_WITHOUT_NOTICES):
            return _BELL
        text = " ".join(clean(sentence)[:NOTICE_CHARS].replace(";", ",").split())
        # One of the two, for some terminals know both and would show it twice.
        knows_777 = "VTE_VERSION" in os.environ or os.environ.get("TERM", "").startswith(("rxvt", "foot"))
        return f"\x1b]777;notify;duragent;{text}\x07{_BELL}" if knows_777 else f"\x1b]9;duragent: {text}\x07{_BELL}"


def without_focus(output: Output) -> AbstractContextManager[None]:
    """The terminal does not tell when it comes to the front or leaves it, for another program has it."""
    return between(output, _KEEP_FOCUS, _TELL_FOCUS)


@contextmanager
def between(output: Output, first: str, last: str) -> Iterator[None]:
    """Send a code, and another one at the end, to a terminal that knows such codes."""
    _write(output, first)
    try:
        yield
    finally:
        # A terminal that is gone needs nothing any more.
        with suppress(OSError):
            _write(output, last)


@contextmanager
def ended_by_signals(leave: Callable[[], None]) -> Iterator[None]:
    """What ends this program from outside has it leave, and give the terminal back as it was."""
    loop, taken = asyncio.get_running_loop(), []
    for number in (signal.SIGTERM, signal.SIGHUP):
        # A loop beside the main thread has no signals.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, leave)
            taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


def _share(hexadecimal: str) -> float:
    """Of the full colour: `ff` and `ffff` are 1."""
    return int(hexadecimal, 16) / float(16 ** len(hexadecimal) - 1)


def _can_be_asked(output: Output) -> bool:
    return isinstance(output, Vt100_Output) and not is_dumb_terminal() and os.environ.get("TERM") != "linux"


def _write(output: Output, code: str) -> None:
    if _can_be_asked(output):
        output.write_raw(code)
        output.flush()
