"""The terminal of a chat: an input line that can be used all the time, and above it what is going on.

Finished blocks are printed above the prompt into the terminal's own scrollback. What is not finished (the end of the
answer, messages on their way, a lost connection) stands between the scrollback and the input line, and is redrawn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.formatted_text import ANSI, StyleAndTextTuples, to_formatted_text
from prompt_toolkit.key_binding import ConditionalKeyBindings, KeyBindings, KeyPressEvent, merge_key_bindings

from duragent.cli import looks, view
from duragent.cli.chat.answering import AnswerActions, Answering
from duragent.cli.chat.completion import LineCompleter, MenuItem, is_command, is_offered
from duragent.cli.chat.conversation import Block, Conversation
from duragent.cli.chat.history import open_history
from duragent.cli.chat.input_line import InputLine
from duragent.cli.chat.keyboard import own_key_codes, read_with_keyboard
from duragent.cli.chat.live import live_lines
from duragent.cli.chat.pager import page
from duragent.cli.chat.pastes import Entered
from duragent.cli.chat.progress import utc_now
from duragent.cli.chat.question import AnswerKey
from duragent.cli.chat.render import question_box, render, whole_question
from duragent.cli.chat.reports import Reports, ended_by_signals
from duragent.cli.chat.scrollback import Scrollback
from duragent.cli.chat.whole import WholeBlocks
from duragent.cli.view import in_colour
from duragent.config import TerminalSettings
from duragent.wire import Approval

MENU_LINES = 6
REFRESH_SECONDS = 0.05
ESCAPE_SECONDS = 0.05
"""An Esc with nothing behind it for so long is the key itself, not the beginning of another one."""


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
        answer_actions = AnswerActions(actions.decide, self._show_all, self._hint, lambda: self._session.default_buffer)
        self.answering = Answering(conversation, answer_actions)
        self._session: PromptSession[str] = PromptSession(
            message=self._message,
            history=open_history(history, self._line.pastes.unfolded),
            # While the history is searched (Ctrl-R) keys are for the search.
            key_bindings=ConditionalKeyBindings(
                merge_key_bindings(
                    [
                        self._keys(),
                        self._line.keys(lambda: not self.answering.entering),
                        self.scrollback.keys(),
                        WholeBlocks(conversation, self._hint, self.scrollback.given_away).keys(),
                        self.answering.keys(),
                    ]
                ),
                ~is_searching,
            ),
            multiline=True,
            prompt_continuation="  ",
            completer=LineCompleter(actions.menu, Path.cwd()),
            complete_in_thread=True,
            complete_while_typing=Condition(lambda: not self.answering.entering and is_offered(self._before_cursor())),
            # Only while something is offered: see `complete_while_typing`.
            reserve_space_for_menu=MENU_LINES,
            erase_when_done=True,
            enable_history_search=False,
            include_default_pygments_style=False,
        )
        self._session.app.min_redraw_interval = REFRESH_SECONDS
        self._session.app.ttimeoutlen = self._session.app.timeoutlen = ESCAPE_SECONDS
        self._session.default_buffer.on_text_changed += lambda _: self.answering.text_changed()
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
        return self._session.default_buffer.text or self.answering.aside

    def remember(self, line: str) -> None:
        """Have Up and Ctrl-R find a line that was not typed here."""
        self._session.history.append_string(line)

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
        self.answering.take()
        self.refresh()

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
        return [*shown, (_style("mine"), self.answering.label)]

    def _box(self, width: int, rows: int) -> StyleAndTextTuples:
        asked = self.conversation.question
        if asked is None:
            return []
        drawn, whole_diff = question_box(asked, width, rows, self.answering.shown())
        if whole_diff:
            self.conversation.has_seen(asked)
        return [*to_formatted_text(ANSI(drawn))]

    def _show_all(self, asked: Approval) -> None:
        async def show() -> None:
            async with self.scrollback.given_away():
                await page(whole_question(asked))
            self.conversation.has_seen(asked)

        self._session.app.create_background_task(show())

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
            if not self.answering.enter():
                self._send(buffer)

        @bindings.add("c-c")
        def _(event: KeyPressEvent) -> None:
            if self.answering.entering:
                self.answering.leave()
                return
            if self._actions.interrupt():
                return
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                self.hint = "Ctrl-D leaves; the session goes on without you."

        @bindings.add("c-d", filter=Condition(lambda: not self._session.default_buffer.text))
        def _(event: KeyPressEvent) -> None:
            self.answering.settle_held()
            self.leave()

        return bindings

    def _send(self, buffer: Buffer) -> None:
        entered = self._line.entered(buffer)
        if entered is not None and entered.text.strip():
            buffer.reset(append_to_history=True)
            self._actions.submit(entered)


def _style(role: str) -> str:
    return looks.prompt_style(role) if in_colour() else ""
