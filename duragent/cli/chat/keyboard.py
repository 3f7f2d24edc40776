"""What a terminal sends for keys and pastes, put into the form that prompt_toolkit reads.

The law of this file: the time for a paste grows with its length, and no faster. Everything else goes to the parser of
prompt_toolkit, in the codes that every terminal has sent for keys since the VT100.
"""

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from prompt_toolkit.application import Application
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import Output

from duragent.cli.chat.reports import UNFINISHED as UNFINISHED_REPORT
from duragent.cli.chat.reports import between

_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"
_ASK_FOR_KEYS, _LEAVE_KEYS = "\x1b[>1u\x1b[>4;1m", "\x1b[<u\x1b[>4m"
"""Codes of their own for keys such as Shift-Enter: kitty's protocol (enhancement 1), xterm's modifyOtherKeys.
https://sw.kovidgoyal.net/kitty/keyboard-protocol/ https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
"""
_MISREAD = ("Apple_Terminal",)
"""Terminals that take the question for something else, such as a colour."""

_OWN_CODE = re.compile(r"\x1b\[(?:27;(\d+);(\d+)~|(\d+)(?::[\d:]*)?(?:;(\d*)(?::\d*)?)?(?:;[\d:]*)?u)")
"""`CSI 27 ; modifiers ; code ~` of xterm, or `CSI code ; modifiers u` of kitty."""
_WITH_LOCKS = re.compile(r"\x1b\[(\d*);(\d{2,3})([A-HPQS~])")
"""An arrow or the like while Caps Lock or Num Lock is on, as kitty sends it."""
_UNFINISHED = re.compile(rf"\x1b(?:\[[\d;:]*|{UNFINISHED_REPORT})?\Z")
_CURSOR_IS_AT = re.compile(r"\x1b\[\d+;\d+R")
"""A terminal's answer to a question, which may come in the middle of a long paste."""
_SHIFT, _ALT, _CTRL = 1, 2, 4
_KNOWN_MODIFIERS = 7
_ESCAPE, _ENTER, _TAB, _BACKSPACE = 27, 13, 9, 127
_PRIVATE_USE = range(57344, 63744)
_CONTROL = {" ": "\0", "@": "\0", "2": "\0", "/": "\x1f", "7": "\x1f", "?": "\x7f", "8": "\x7f"} | {
    char: chr(code) for code, chars in zip(range(27, 32), ("[3", "\\4", "]5", "^6", "_"), strict=True) for char in chars
}
_KEYPAD = (
    *"0123456789./*-+",
    "\r",
    *"=,",
    *(f"\x1b[{code}" for code in ("D", "C", "A", "B", "5~", "6~", "H", "F", "2~", "3~")),
)
_KEYPAD_BEGINS = 57399


class Keyboard(Vt100Parser):
    """A parser that takes a long paste in one piece, and the codes that terminals send when `own_key_codes` asked."""

    def __init__(self, press: Callable[[KeyPress], None], reports: Callable[[str], str] = str) -> None:
        """`reports` gives what was typed without what the terminal said of itself."""
        super().__init__(press)
        self._reports = reports

    def reset(self, request: bool = False) -> None:
        """As if nothing had been typed yet."""
        super().reset(request)
        self._paste: list[str] | None = None
        """The pieces of the paste that is coming in; None when none is."""
        self._end = ""
        """The last characters of those pieces: the mark behind a paste may come in two pieces."""
        self._held = ""
        """The beginning of a code whose end is not there yet."""

    def feed(self, data: str) -> None:
        while data:
            data = self._take_keys(self._held + data) if self._paste is None else self._take_paste(self._paste, data)

    def flush(self) -> None:
        # The rest of what the terminal says may come later. A person does not type the beginning of it.
        if self._held and not self._held.startswith("\x1b]11"):
            held, self._held = self._held, ""
            super().feed(held)
        super().flush()

    def _take_paste(self, pieces: list[str], data: str) -> str:
        """The rest that stands behind the paste."""
        # Only what is new is searched.
        at = (self._end + data).find(_PASTE_ENDS)
        pieces.append(data)
        if at < 0:
            self._end = (self._end + data)[1 - len(_PASTE_ENDS) :]
            return ""
        rest = (self._end + data)[at + len(_PASTE_ENDS) :]
        pasted = "".join(pieces)
        self._paste, self._end = None, ""
        pasted = pasted[: len(pasted) - len(rest) - len(_PASTE_ENDS)]
        if "\x1b" in pasted:
            for answer in _CURSOR_IS_AT.findall(pasted):
                super().feed(answer)
            pasted = _CURSOR_IS_AT.sub("", pasted)
        self.feed_key_callback(KeyPress(Keys.BracketedPaste, pasted))
        return rest

    def _take_keys(self, data: str) -> str:
        """The rest that stands behind the mark that a paste begins."""
        self._held = ""
        keys, mark, rest = data.partition(_PASTE_BEGINS)
        if mark:
            self._paste = []
        elif unfinished := _UNFINISHED.search(keys):
            self._held, keys = unfinished[0], keys[: unfinished.start()]
        keys = self._reports(keys)
        keys = _WITH_LOCKS.sub(_without_locks, keys)
        done = 0
        for found in _OWN_CODE.finditer(keys):
            super().feed(keys[done : found.start()])
            done = found.end()
            code, modifiers = _code_and_modifiers(found)
            super().feed(old_code(code, modifiers))
            if code == _ESCAPE:
                # It is the key itself, and not the beginning of another one.
                super().flush()
        super().feed(keys[done:])
        return rest


def _code_and_modifiers(found: re.Match[str]) -> tuple[int, int]:
    of_xterm, code, of_kitty, modifiers = found[1], found[2], found[3], found[4]
    bits = int(of_xterm or modifiers or 1) - 1
    return int(code or of_kitty), bits & _KNOWN_MODIFIERS


def _without_locks(found: re.Match[str]) -> str:
    modifiers = (int(found[2]) - 1) & _KNOWN_MODIFIERS
    number, end = found[1], found[3]
    if modifiers:
        return f"\x1b[{number};{modifiers + 1}{end}"
    return f"\x1b[{number}~" if end == "~" else f"\x1bO{end}" if end in "PQS" else f"\x1b[{end}"


def old_code(code: int, modifiers: int) -> str:
    """What every terminal sends for a key; "" for one that has no such code. Enter with a modifier is Alt-Enter."""
    alt = "\x1b" if modifiers & _ALT else ""
    keypad = code - _KEYPAD_BEGINS
    if code == _ENTER or (code in _PRIVATE_USE and 0 <= keypad < len(_KEYPAD) and _KEYPAD[keypad] == "\r"):
        return "\x1b\r" if modifiers else "\r"
    if code == _TAB:
        return "\x1b[Z" if modifiers & _SHIFT else "\t"
    if code == _BACKSPACE:
        return "\x1b\x7f" if modifiers & (_ALT | _CTRL) else "\x7f"
    if code == _ESCAPE:
        return "\x1b"
    if code in _PRIVATE_USE:
        return _KEYPAD[keypad] if 0 <= keypad < len(_KEYPAD) else ""
    if not 32 < code + 1 < 0x110000 or 0xD800 <= code < 0xE000:
        return ""
    char = chr(code)
    if modifiers & _CTRL:
        control = chr(ord(char.lower()) & 0x1F) if char.isascii() and char.isalpha() else _CONTROL.get(char, "")
        return f"{alt}{control}" if control else ""
    return alt + (char.upper() if modifiers & _SHIFT else char)


def read_with_keyboard(app: Application[str], reports: Callable[[str], str] = str) -> None:
    """Have the application read its keys with a `Keyboard`."""
    if isinstance(app.input, Vt100Input):
        app.input.vt100_parser = Keyboard(app.input.vt100_parser.feed_key_callback, reports)


def own_key_codes(output: Output) -> AbstractContextManager[None]:
    """Ask the terminal for codes by which Shift-Enter differs from Enter, as long as this lasts."""
    return _key_codes(output, _ASK_FOR_KEYS, _LEAVE_KEYS)


def usual_key_codes(output: Output) -> AbstractContextManager[None]:
    """The opposite, for another program that has the terminal as long as this lasts."""
    return _key_codes(output, _LEAVE_KEYS, _ASK_FOR_KEYS)


def _key_codes(output: Output, first: str, last: str) -> AbstractContextManager[None]:
    return nullcontext() if os.environ.get("TERM_PROGRAM") in _MISREAD else between(output, first, last)
