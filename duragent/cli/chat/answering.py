"""The keys that answer a question, while one is open. While the input line holds a message they only write there."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.question import AT_ONCE, CONFIRMED, AnswerKey, BoxState, choices, keys, taken
from duragent.wire import Approval

HELD_SECONDS = 0.3
"""A key with another one so soon behind it begins a message."""

_LABELS = {"d": "why? ", "e": "patterns> "}


@dataclass(frozen=True)
class AnswerActions:
    """What an answer needs of the screen."""

    decide: Callable[[Approval, AnswerKey], None]
    show_all: Callable[[Approval], None]
    """Show all that the question is about."""
    hint: Callable[[str], None]
    """Say what a key would do now; "" for nothing to say."""
    buffer: Callable[[], Buffer]
    """The input line."""


class Answering:
    """Which key was pressed that is not all of the answer yet, and what follows."""

    _asked: Approval | None = None
    """The question about which it was pressed; None when nothing was.

    After `d` and `e` the input line asks for a word more, after `r` for Enter, and after `a` for one of the offers. The
    others wait `HELD_SECONDS`: another key that soon means that the person is typing a message.
    """
    _key = ""
    _at = 0
    """The place of the offer that Enter would take."""
    _chosen = False
    """Whether a number or an arrow chose that offer: then `a` cannot be the first letter of a message any more."""
    _aside = ""
    """The draft that made room for an answer."""
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, conversation: Conversation, actions: AnswerActions) -> None:
        self._conversation, self._actions = conversation, actions

    # --- what the screen shows --------------------------------------------------------------------------------------

    @property
    def entering(self) -> bool:
        """Whether the next keys belong to an answer."""
        return self._asked is not None

    @property
    def label(self) -> str:
        """What stands before the input line."""
        return _LABELS.get(self._key, "> ")

    @property
    def aside(self) -> str:
        """The draft that was put aside; "" for none."""
        return self._aside

    def shown(self) -> BoxState:
        """What the box shows besides the question."""
        return BoxState(self._at if self._key == "a" else -1, self._draft_is_in_the_way())

    def take(self) -> None:
        """Something has happened: a question that was decided elsewhere, a turn that has ended."""
        if self._asked is not None and self._asked != self._conversation.question:
            self.leave("It was decided elsewhere.")
        if self._aside and not self._conversation.busy and not self._text:
            self._actions.buffer().insert_text(self._aside)
            self._aside = ""

    # --- keys -------------------------------------------------------------------------------------------------------

    def keys(self) -> KeyBindings:
        bindings = KeyBindings()
        for key in "yaendrigv":
            bindings.add(key, filter=Condition(partial(self._offers, key)))(self._pressed)
        bindings.add(Keys.Any, filter=Condition(self._unsettled))(self._typed_on)
        choosing = Condition(lambda: self._key == "a" and not self._text)
        for key, step in (("up", -1), ("down", 1), ("tab", 1)):
            bindings.add(key, filter=choosing)(partial(self._moved, step))
        for digit in "123456789":
            bindings.add(digit, filter=choosing)(self._numbered)
        bindings.add("e", filter=choosing)(self._edit_chosen)
        # Not eager: Alt-Enter, which begins a new line, is Esc and Enter.
        bindings.add("escape", filter=Condition(lambda: self.entering))(lambda _: self.leave())
        bindings.add("escape", filter=Condition(self._draft_is_in_the_way))(lambda _: self._put_aside())
        return bindings

    def enter(self) -> bool:
        """Enter was pressed: whether it belonged to an answer."""
        if not self.entering:
            return False
        if self._unsettled():
            self._settle()
        else:
            self._end(self._text)
        return True

    def leave(self, hint: str = "") -> None:
        """No answer after all."""
        self._forget(hint)
        self._actions.buffer().reset()

    def settle_held(self) -> None:
        """The person leaves: a key that was pressed counts."""
        if self._timer is not None:
            self._settle()

    def text_changed(self) -> None:
        """The input line has a text, from wherever it came (pasted, an older message): that is no answer."""
        if self._unsettled() and self._text:
            self._forget()

    @property
    def _text(self) -> str:
        return self._actions.buffer().text

    def _offers(self, key: str) -> bool:
        asked = self._conversation.question
        return asked is not None and not self.entering and not self._text and key in keys(asked)

    def _draft_is_in_the_way(self) -> bool:
        return self._conversation.question is not None and not self.entering and bool(self._text)

    def _put_aside(self) -> None:
        self._aside = "\n".join(filter(None, (self._aside, self._text)))
        self._actions.buffer().reset()
        self._actions.hint("Your draft comes back when the turn has ended.")

    def _pressed(self, event: KeyPressEvent) -> None:
        asked, key = self._conversation.question, event.key_sequence[0].data
        assert asked is not None
        self._asked, self._key, self._at = asked, key, 0
        if key == "a":
            self._actions.hint("")
        elif key in CONFIRMED:
            self._actions.hint(f"Enter {CONFIRMED[key]}; Esc goes back.")
        elif key in AT_ONCE or key == "v":
            self._timer = asyncio.get_running_loop().call_later(HELD_SECONDS, self._settle)
        elif key == "e":
            self._edit(event.current_buffer)
        else:
            self._actions.hint("Enter sends it; Esc goes back.")

    def _unsettled(self) -> bool:
        """Whether a key was pressed that is an answer unless it turns out to begin a message."""
        return self.entering and self._key not in _LABELS

    def _settle(self) -> None:
        asked, key, at = self._asked, self._key, self._at
        self.leave()
        if asked is None or asked != self._conversation.question:
            return
        if key == "v":
            self._actions.show_all(asked)
        else:
            self._actions.decide(asked, taken(choices(asked)[at]) if key == "a" else AnswerKey(AT_ONCE[key]))

    def _typed_on(self, event: KeyPressEvent) -> None:
        if self._chosen:
            self._actions.hint("Enter allows what is marked; Esc goes back.")
            return
        typed = event.key_sequence[0].data
        text = self._key + typed if typed.isprintable() else ""
        self.leave()
        event.current_buffer.insert_text(text)

    # --- one of the offers ------------------------------------------------------------------------------------------

    def _moved(self, step: int, event: KeyPressEvent) -> None:
        assert self._asked is not None
        self._at, self._chosen = (self._at + step) % len(choices(self._asked)), True

    def _numbered(self, event: KeyPressEvent) -> None:
        assert self._asked is not None
        at = int(event.key_sequence[0].data) - 1
        if at < len(choices(self._asked)):
            self._at, self._chosen = at, True

    def _edit_chosen(self, event: KeyPressEvent) -> None:
        self._key = "e"
        self._edit(event.current_buffer)

    def _edit(self, buffer: Buffer) -> None:
        assert self._asked is not None
        offer = choices(self._asked)[self._at]
        how_long = "in this session" if offer.scope == "session" else "always"
        self._actions.hint(f"Enter allows it {how_long}; Esc goes back. One pattern on each line (Alt-Enter).")
        buffer.insert_text("\n".join(offer.patterns))

    def _end(self, text: str) -> None:
        asked, key, at = self._asked, self._key, self._at
        patterns = tuple(line.strip() for line in text.split("\n") if line.strip())
        if asked is None or (key == "e" and not patterns):
            self._actions.hint("A pattern is needed; Esc goes back.")
            return
        self.leave()
        reason = " ".join(text.split())
        answer = taken(choices(asked)[at], patterns) if key == "e" else AnswerKey("deny", reason)
        self._actions.decide(asked, answer)

    def _forget(self, hint: str = "") -> None:
        self._asked, self._key, self._at, self._chosen = None, "", 0, False
        self._actions.hint(hint)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
