"""Ctrl-O: all of the results and messages of which a chat shows a part, in the person's pager."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.pager import page
from duragent.cli.chat.render import render

NOTHING = "Nothing was cut: all of it stands above."


class WholeBlocks:
    """What was cut in one conversation."""

    def __init__(
        self,
        conversation: Conversation,
        hint: Callable[[str], None],
        given_away: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        """`hint` says a sentence below the scrollback; `given_away` lends the terminal."""
        self._conversation, self._hint, self._given_away = conversation, hint, given_away

    def keys(self) -> KeyBindings:
        bindings = KeyBindings()

        @bindings.add("c-o")
        def _(event: KeyPressEvent) -> None:
            event.app.create_background_task(self.show(event.app.output.get_size().columns))

        return bindings

    async def show(self, width: int) -> None:
        """In the pager; it ends when the person has seen enough."""
        if not self._conversation.cut:
            self._hint(NOTHING)
            return
        lines = self.lines(width)
        async with self._given_away():
            await page(lines)

    def lines(self, width: int) -> list[str]:
        """All of it, the newest first."""
        shown = ["".join(render(block, width) for block in blocks) for blocks in reversed(self._conversation.cut)]
        return "\n".join(shown).rstrip("\n").split("\n")
