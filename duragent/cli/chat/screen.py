"""The terminal of a chat: an input line that can be used all the time, and above it what is going on.

Finished blocks are printed above the prompt into the terminal's own scrollback. What is not finished (the end of the
answer, messages on their way, a lost connection) stands between the scrollback and the input line, and is redrawn.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.key_binding import ConditionalKeyBindings, KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.keys import Keys
from prompt_toolkit.utils import is_dumb_terminal

from duragent.cli import looks, view
from duragent.cli.chat.completion import LineCompleter, MenuItem, is_command, is_offered
from duragent.cli.chat.conversation import Block, Conversation
from duragent.cli.chat.history import open_history
from duragent.cli.chat.input_line import InputLine
from duragent.cli.chat.keyboard import own_key_codes, read_with_keyboard
from duragent.cli.chat.live import live_lines
from duragent.cli.chat.pastes import Entered
from duragent.cli.chat.progress import utc_now
from duragent.cli.chat.question import AT_ONCE, CONFIRMED, AnswerKey, keys, offered
from duragent.cli.chat.render import render, render_question
from duragent.cli.chat.reports import Reports, ended_by_signals
from duragent.cli.chat.scrollback import Scrollback
from duragent.cli.chat.whole import WholeBlocks
from duragent.cli.view import in_colour, one_line
from duragent.config import TerminalSettings
from duragent.wire import Approval

MENU_LINES = 6
REFRESH_SECONDS = 0.05
ESCAPE_SECONDS = 0.05
"""An Esc with nothing behind it for so long is the key itself, not the beginning of another one."""
HELD_SECONDS = 0.3
"""A key with another one so soon behind it begins a message."""


@dataclass(frozen=True)
class Actions:
    """What the keys do."""

    submit: Callable[[Entered], None]
    interrupt: Callable[[], bool]
    """Ctrl-C: False when there was nothing to stop."""
    decide: Callable[[Approval, AnswerKey], None] = lambda asked, choice: None
    """Answer the question that was shown."""
    menu: Callable[[], Sequence[MenuItem]] = tuple
    """What may be typed behind a slash."""
    project: Path | None = None
    """The folder of the agent's files; None where it is on another machine."""


class Screen:
    """`run` returns when the person leaves; `show` may be called all the while."""

    _entry: Approval | None = None
    """The question about which a key was pressed that is not all of the answer yet: `_entry_key`.

    After `d` and `e` the input line asks for a word more, after those of CONFIRMED for Enter. The others wait
    `HELD_SECONDS`: another key that soon means that the person is typing a message.
    """
    _entry_key = ""
    _printed: Approval | None = None
    """The question that was printed, where nothing is redrawn."""
    _timer: asyncio.TimerHandle | None = None

    def __init__(
        self,
        conversation: Conversation,
        actions: Actions,
        history: Path | None,
        settings: TerminalSettings = TerminalSettings(),  # noqa: B008 - it is frozen
    ) -> None:
        self.conversation = conversation
        self.reports = Reports(settings, self.refresh)
        self._actions = actions
        self.hint = ""
        """What a key would do now; "" for nothing to say."""
        self.scrollback = Scrollback()
        self._line = InputLine(self._hint, actions.project, self.scrollback.given_away)
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            history=open_history(history, self._line.pastes.unfolded),
            # While the history is searched (Ctrl-R) keys are for the search.
            key_bindings=ConditionalKeyBindings(
                merge_key_bindings(
                    [
                        self._keys(),
                        self._line.keys(lambda: self._entry is None),
                        self.scrollback.keys(),
                        WholeBlocks(conversation, self._hint, self.scrollback.given_away).keys(),
                    ]
                ),
                ~is_searching,
            ),
            multiline=True,
            prompt_continuation="  ",
            completer=LineCompleter(actions.menu, Path.cwd()),
            complete_in_thread=True,
            complete_while_typing=Condition(lambda: self._entry is None and is_offered(self._before_cursor())),
            # Only while something is offered: see `complete_while_typing`.
            reserve_space_for_menu=MENU_LINES,
            erase_when_done=True,
            enable_history_search=False,
            include_default_pygments_style=False,
        )
        self._session.app.min_redraw_interval = REFRESH_SECONDS
        self._session.app.ttimeoutlen = self._session.app.timeoutlen = ESCAPE_SECONDS
        self._session.default_buffer.on_text_changed += lambda _: self._unsettle()
        self.scrollback.app = self._session.app
        read_with_keyboard(self._session.app, self.reports.taken_out)

    async def run(self) -> None:
        app = self._session.app
        # Raw before anything is asked: an answer that comes at once would be echoed.
        with app.input.raw_mode(), own_key_codes(app.output), self.reports.asked(app.output):
            with ended_by_signals(self.leave):
                await self._session.prompt_async()
            await self.reports.let_late_answers_pass(app.input)

    @property
    def draft(self) -> str:
        """What stands in the input line."""
        return self._session.default_buffer.text

    def _before_cursor(self) -> str:
        return self._session.default_buffer.document.text_before_cursor

    def _hint(self, sentence: str) -> None:
        self.hint = sentence
        self.refresh()

    def leave(self) -> None:
        if self._session.app.is_running and not self._session.app.is_done:
            self._session.app.exit(result="")

    def show(self, blocks: Sequence[Block]) -> None:
        """Print above the input line, and redraw what stands between."""
        if blocks:
            width = self._session.app.output.get_size().columns
            self.scrollback.print("".join(render(block, width) for block in blocks))
        if self._entry is not None and self._entry != self.conversation.question:
            self._leave_entry("It was decided elsewhere.")
        self._show_where_nothing_is_redrawn()
        self.refresh()

    def _show_where_nothing_is_redrawn(self) -> None:
        """A terminal without cursor movement never redraws what stands above the input line: print a question once."""
        asked = self.conversation.question
        if asked is not None and asked != self._printed and is_dumb_terminal():
            self._printed = asked
            size = self._session.app.output.get_size()
            self.scrollback.print(render_question(asked, size.columns, size.rows - 4))

    def refresh(self) -> None:
        self._session.app.invalidate()

    # --- the part above the input line ------------------------------------------------------------------------------

    def _message(self) -> StyleAndTextTuples:
        size = self._session.app.output.get_size()
        columns, rows = max(size.columns, 2), max(1, size.rows - 4)
        shown = self._box(columns, rows)
        for role, text in live_lines(self.conversation, columns, rows, utc_now(), self.hint):
            shown.append((_style(role), text + "\n"))
        if beyond := self._line.beyond(self._session.default_buffer, rows):
            shown.append((_style("quiet"), view.one_line(beyond, columns) + "\n"))
        label = {"d": "why? ", "e": "patterns> "}.get(self._entry_key, "> ")
        return [*shown, (_style("mine"), label)]

    def _box(self, width: int, rows: int) -> StyleAndTextTuples:
        asked = self.conversation.question
        return [] if asked is None else [*to_formatted_text(ANSI(render_question(asked, width, rows)))]

    # --- keys -------------------------------------------------------------------------------------------------------

    def _keys(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add("enter")
        def _(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if buffer.complete_state and buffer.complete_state.current_completion:
                buffer.complete_state = None
                if not is_command(buffer.text):
                    return  # More may be typed behind it.
            self.hint = ""
            if self._unsettled():
                self._settle()
            elif self._entry is not None:
                self._end_entry(buffer.text)
            else:
                self._send(buffer)

        @bindings.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if self._entry is not None:
                self._leave_entry()
                return
            if self._actions.interrupt():
                return
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                self.hint = "Ctrl-D leaves; the session goes on without you."

        @bindings.add("c-d", filter=Condition(lambda: not self._session.default_buffer.text))
        def _(event: KeyPressEvent) -> None:
            self._settle_held()
            self.leave()

        for key in "yaendrig":
            bindings.add(key, filter=Condition(partial(self._offers, key)))(self._pressed)
        bindings.add(Keys.Any, filter=Condition(self._unsettled))(self._typed_on)
        # Not eager: Alt-Enter, which begins a new line, is Esc and Enter.
        bindings.add("escape", filter=Condition(lambda: self._entry is not None))(lambda _: self._leave_entry())
        return bindings

    def _send(self, buffer: Buffer) -> None:
        entered = self._line.entered(buffer)
        if entered is not None and entered.text.strip():
            buffer.reset(append_to_history=True)
            self._actions.submit(entered)

    def _offers(self, key: str) -> bool:
        """Whether a single key is an answer now. It is none while the input line holds a message."""
        asked = self.conversation.question
        return (
            asked is not None and self._entry is None and not self._session.default_buffer.text and key in keys(asked)
        )

    def _pressed(self, event: KeyPressEvent) -> None:
        asked, key = self.conversation.question, event.key_sequence[0].data
        assert asked is not None
        self._entry, self._entry_key = asked, key
        if key in CONFIRMED:
            room = max(self._session.app.output.get_size().columns - 50, 20)
            what = f": {one_line(offered(asked), room)}" if key == "a" else ""
            self.hint = f"Enter {CONFIRMED[key]}{what}; Esc goes back."
            return
        if key in AT_ONCE:
            self._timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self._settle)
            return
        self.hint = "Enter sends it; Esc goes back." + (" One pattern on each line (Alt-Enter)." if key == "e" else "")
        if key == "e":
            event.current_buffer.insert_text("\n".join(asked.patterns))

    def _unsettled(self) -> bool:
        """Whether a key was pressed that is an answer unless it turns out to begin a message."""
        return self._entry is not None and self._entry_key in AT_ONCE

    def _settle(self) -> None:
        asked, key = self._entry, self._entry_key
        self._leave_entry()
        if asked is not None and asked == self.conversation.question:
            self._actions.decide(asked, AnswerKey(AT_ONCE[key]))

    def _settle_held(self) -> None:
        if self._timer is not None:
            self._settle()

    def _typed_on(self, event: KeyPressEvent) -> None:
        typed = event.key_sequence[0].data
        text = self._entry_key + typed if typed.isprintable() else ""
        self._leave_entry()
        event.current_buffer.insert_text(text)

    def _unsettle(self) -> None:
        """The input line has a text, from wherever it came (pasted, an older message): that is no answer."""
        if self._unsettled() and self._session.default_buffer.text:
            self._forget_entry()

    def _end_entry(self, text: str) -> None:
        asked, key = self._entry, self._entry_key
        patterns = tuple(line.strip() for line in text.split("\n") if line.strip())
        if asked is None or (key == "e" and not patterns):
            self.hint = "A pattern is needed; Esc goes back."
            return
        self._leave_entry()
        reason = " ".join(text.split())
        self._actions.decide(
            asked, AnswerKey("allow_always", "", patterns) if key == "e" else AnswerKey("deny", reason)
        )

    def _leave_entry(self, hint: str = "") -> None:
        self._forget_entry(hint)
        self._session.default_buffer.reset()

    def _forget_entry(self, hint: str = "") -> None:
        self._entry, self._entry_key, self.hint = None, "", hint
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _style(role: str) -> str:
    return looks.prompt_style(role) if in_colour() else ""
