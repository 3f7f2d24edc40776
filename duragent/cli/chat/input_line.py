"""Editing the input line of a chat: new lines, long pastes, the person's own editor.

Enter itself is the screen's, for it may be an answer.
"""

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from duragent.cli import clipboard, view
from duragent.cli.chat.completion import is_offered
from duragent.cli.chat.dropped import mentions_of
from duragent.cli.chat.pastes import MESSAGE_BYTES, OFFER_BYTES, Entered, Pastes, size_bytes, write_file
from duragent.file_types import size_in_words

EDITORS = ("editor", "nano", "vi")
"""Where neither VISUAL nor EDITOR says which."""
EDITED_BYTES = 4_000_000
NO_IMAGE = "No image was found in the clipboard, which wl-paste, xclip or osascript reads; @path takes a file."
AS_FILE = "Ctrl-X f makes a file of it, which the agent can read"


@dataclass
class InputLine:
    """What keys do to the text of the line, and what the line says when it is sent."""

    hint: Callable[[str], None]
    """Shows a sentence below what is going on; "" takes it away."""

    project: Path | None
    """Where a long paste can become a file; None where the agent's files are elsewhere."""

    away: Callable[[], AbstractAsyncContextManager[None]]
    """Gives the terminal to another program."""

    pastes: Pastes = field(default_factory=Pastes)
    """The long pastes of this chat."""

    def keys(self, editable: Callable[[], bool]) -> KeyBindings:
        """`editable`: whether the line is a message now, and not part of an answer."""
        bindings = KeyBindings()
        free = Condition(editable)
        ends_in_backslash = Condition(lambda: _buffer().document.char_before_cursor == "\\")
        behind_mark = Condition(lambda: bool(self.pastes.mark_before(_buffer().document.text_before_cursor)))

        @bindings.add("enter", filter=free & ends_in_backslash)
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.delete_before_cursor()
            event.current_buffer.insert_text("\n")

        @bindings.add("escape", "enter")
        def _(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @bindings.add(Keys.BracketedPaste, filter=free)
        def _(event: KeyPressEvent) -> None:
            if event.data:
                self._paste(event.current_buffer, event.data)
            else:
                # What some terminals send for an image.
                event.app.create_background_task(self._paste_image(event.current_buffer, ""))

        @bindings.add("c-v", filter=free)
        def _(event: KeyPressEvent) -> None:
            event.app.create_background_task(self._paste_image(event.current_buffer, NO_IMAGE))

        @bindings.add("backspace", filter=behind_mark)
        def _(event: KeyPressEvent) -> None:
            mark = self.pastes.mark_before(event.current_buffer.document.text_before_cursor)
            event.current_buffer.delete_before_cursor(len(mark))
            self.hint("")

        @bindings.add("tab", filter=free & Condition(lambda: is_offered(_buffer().document.text_before_cursor)))
        def _(event: KeyPressEvent) -> None:
            _complete(event.current_buffer)

        @bindings.add("c-x", "f", filter=free)
        def _(event: KeyPressEvent) -> None:
            self._into_file(event.current_buffer)

        @bindings.add("c-g", filter=free)
        def _(event: KeyPressEvent) -> None:
            event.app.create_background_task(self._edit(event.current_buffer))

        return bindings

    def entered(self, buffer: Buffer) -> Entered | None:
        """What the person sends; None, with a hint, for what no message can hold."""
        entered = self.pastes.entered(buffer.text)
        if size_bytes(entered.text) <= MESSAGE_BYTES:
            return entered
        most = size_in_words(MESSAGE_BYTES)
        way = f" {AS_FILE}." if self.project and self.pastes.largest_in(buffer.text) else ""
        self.hint(f"{size_in_words(size_bytes(entered.text))} do not fit into a message, which may have {most}.{way}")
        return None

    def beyond(self, buffer: Buffer, rows: int) -> str:
        """What to say above a draft that does not fit into so many rows; "" when it fits."""
        lines = buffer.text.count("\n") + 1
        return f"{lines:,} lines; Enter sends, Ctrl-G edits" if lines > rows else ""

    def _paste(self, buffer: Buffer, data: str) -> None:
        # Some terminals send other ends of lines.
        pasted = data.replace("\r\n", "\n").replace("\r", "\n")
        if mentions := mentions_of(pasted, Path.cwd()):
            _insert_word(buffer, mentions)
            return
        buffer.insert_text(self.pastes.folded(pasted))
        if len(pasted) > OFFER_BYTES // 4 and (size := size_bytes(pasted)) > OFFER_BYTES:
            way = f"{AS_FILE}; Enter sends it as it is." if size <= MESSAGE_BYTES else f"{AS_FILE}."
            fits = "are much" if size <= MESSAGE_BYTES else "are too much"
            self.hint(f"{size_in_words(size)} {fits} for a message." + (f" {way}" if self.project else ""))

    async def _paste_image(self, buffer: Buffer, otherwise: str) -> None:
        """The image of the clipboard; without one the hint says so."""
        content = await clipboard.image(os.environ)
        if content is None:
            self.hint(otherwise)
            return
        _insert_word(buffer, self.pastes.image_mark(content))
        self.hint(f"The image of the clipboard, {size_in_words(len(content))}, goes with the message.")

    def _into_file(self, buffer: Buffer) -> None:
        mark = self.pastes.largest_in(buffer.text)
        if not mark or self.project is None:
            self.hint("No long paste stands in the line." if self.project else "The agent's files are elsewhere.")
            return
        try:
            path = write_file(self.project, self.pastes.text_of(mark))
        except OSError as error:
            self.hint(f"{self.project} takes no file: {error.strerror}.")
            return
        at = buffer.text.index(mark)
        text = buffer.text[:at] + path.name + buffer.text[at + len(mark) :]
        buffer.text, buffer.cursor_position = text, len(text)
        self.hint(f"It is the file {path.name} in the agent's folder now.")

    # --- the person's own editor ------------------------------------------------------------------------------------

    async def _edit(self, buffer: Buffer) -> None:
        command = editor(os.environ)
        if not command:
            self.hint("There is no editor here; set EDITOR to one.")
            return
        whole, name = self.pastes.unfolded(buffer.text), view.one_line(Path(command[0]).name)
        text = whole if size_bytes(whole) <= EDITED_BYTES else buffer.text
        try:
            with _file_with(text) as file:
                async with self.away():
                    code = await _ended(await asyncio.create_subprocess_exec(*command, str(file)))
                edited = _read(file)
        except OSError as error:
            self.hint(f"{name} did not start: {error.strerror}.")
            return
        if code != 0:
            self.hint(f"{name} ended with {code}: the line stays as it was.")
        elif edited != text:
            buffer.text, buffer.cursor_position = edited, len(edited)


@contextmanager
def _file_with(text: str) -> Iterator[Path]:
    descriptor, name = tempfile.mkstemp(suffix=".md", prefix="message-")
    try:
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        yield Path(name)
    finally:
        with suppress(OSError):
            os.unlink(name)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")


def editor(environ: Mapping[str, str]) -> list[str]:
    """The command of the person's editor; [] when there is none."""
    named = environ.get("VISUAL") or environ.get("EDITOR") or ""
    if named.strip():
        with suppress(ValueError):
            return shlex.split(named)
    return next(([name] for name in EDITORS if shutil.which(name)), [])


async def _ended(process: asyncio.subprocess.Process) -> int:
    try:
        return await process.wait()
    except asyncio.CancelledError:
        # The chat has ended: its terminal is not the editor's any more.
        with suppress(ProcessLookupError):
            process.terminate()
        raise


def _insert_word(buffer: Buffer, word: str) -> None:
    before = buffer.document.char_before_cursor
    buffer.insert_text(("" if not before or before.isspace() else " ") + word + " ")


def _complete(buffer: Buffer) -> None:
    if (offered := buffer.complete_state) is not None:
        buffer.complete_next()
        if len(offered.completions) == 1:
            # There is nothing to choose: Enter sends.
            buffer.complete_state = None
        return
    # The menu is not there yet; asking for it once more would be lost while it is on its way.
    asked = CompleteEvent(completion_requested=True)
    if first := next(iter(buffer.completer.get_completions(buffer.document, asked)), None):
        buffer.apply_completion(first)


def _buffer() -> Buffer:
    return get_app().current_buffer
