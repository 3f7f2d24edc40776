"""The terminal of a chat: an input line that can be used all the time, and above it what is going on.

Finished blocks are printed above the prompt into the terminal's own scrollback. What is not finished (the end of the
answer, messages on their way, a lost connection) stands between the scrollback and the input line, and is redrawn.
"""

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from duragent.cli.conversation import Block, Conversation
from duragent.cli.render import render, tail_lines
from duragent.cli.view import in_colour, one_line

LIVE_LINES = 12
MENU_LINES = 6
REFRESH_SECONDS = 0.05


@dataclass(frozen=True)
class Actions:
    """What the keys do."""

    submit: Callable[[str], None]
    interrupt: Callable[[], bool]
    """Ctrl-C: False when there was nothing to stop."""
    commands: Sequence[str] = ()


class Screen:
    """`run` returns when the person leaves; `show` may be called all the while."""

    def __init__(self, conversation: Conversation, actions: Actions, history: Path | None) -> None:
        self.conversation = conversation
        self._actions = actions
        self._hint = ""
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            history=_history(history),
            key_bindings=self._keys(),
            multiline=True,
            prompt_continuation="  ",
            completer=WordCompleter(list(actions.commands), sentence=True),
            complete_while_typing=Condition(lambda: self._session.default_buffer.text.startswith("/")),
            # Only while a command is typed: see `complete_while_typing`.
            reserve_space_for_menu=MENU_LINES,
            erase_when_done=True,
            enable_history_search=False,
            include_default_pygments_style=False,
        )
        self._session.app.min_redraw_interval = REFRESH_SECONDS

    async def run(self) -> None:
        await self._session.prompt_async()

    def leave(self) -> None:
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(result="")

    def show(self, blocks: Sequence[Block]) -> None:
        """Print above the input line, and redraw what stands between."""
        if blocks:
            width = self._session.app.output.get_size().columns
            self._print("".join(render(block, width) for block in blocks))
        self.refresh()

    def _print(self, text: str) -> None:
        # Not prompt_toolkit's `run_in_terminal`: that leaves raw mode for a moment, and a key pressed just then is
        # echoed, or is a signal, or is lost.
        app = self._session.app
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

    def refresh(self) -> None:
        self._session.app.invalidate()

    # --- the part above the input line ------------------------------------------------------------------------------

    def _message(self) -> StyleAndTextTuples:
        size = self._session.app.output.get_size()
        lines = self._live(max(size.columns, 2), max(1, min(LIVE_LINES, size.rows - 4)))
        shown: StyleAndTextTuples = []
        for style, text in lines:
            shown.append((style if in_colour() else "", text + "\n"))
        return [*shown, ("bold ansigreen" if in_colour() else "", "> ")]

    def _live(self, width: int, rows: int) -> list[tuple[str, str]]:
        talk = self.conversation
        lines: list[tuple[str, str]] = []
        if talk.partial.text:
            lines += [("", line) for line in tail_lines(talk.partial.text, width, rows)]
        elif talk.partial.reasoning:
            lines += [("ansibrightblack", line) for line in tail_lines(talk.partial.reasoning, width, min(rows, 3))]
        elif talk.busy and not talk.link:
            lines.append(("ansibrightblack", "…"))
        for text in list(talk.waiting.values())[-3:]:
            lines.append(("ansibrightblack", tail_lines("> " + one_line(text, width - 2), width, 1)[0]))
        if talk.link:
            lines.append(("ansiyellow", tail_lines(f"reconnecting… ({one_line(talk.link, width // 2)})", width, 1)[0]))
        if self._hint:
            lines.append(("ansibrightblack", self._hint[:width]))
        return lines

    # --- keys -------------------------------------------------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if buffer.complete_state and buffer.complete_state.current_completion:
                buffer.complete_state = None
                return
            text = buffer.text
            self._hint = ""
            if text.strip():
                buffer.reset(append_to_history=True)
                self._actions.submit(text)

        @keys.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if self._actions.interrupt():
                return
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                self._hint = "Ctrl-D leaves; the session goes on without you."

        @keys.add("c-d", filter=Condition(lambda: not self._session.default_buffer.text))
        def _(event: KeyPressEvent) -> None:
            self.leave()

        return keys


def _history(path: Path | None) -> History:
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return _WholeHistory(str(path))
    except OSError:
        return InMemoryHistory()


class _WholeHistory(FileHistory):
    """A full disk must not end a chat."""

    def store_string(self, string: str) -> None:
        with contextlib.suppress(OSError):
            super().store_string(string.encode("utf-8", "replace").decode())
