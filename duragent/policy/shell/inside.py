"""What a command runs besides itself: the answer of every look into one."""

from dataclasses import dataclass

from duragent.policy.shell.words import Word, literal, unknown

MAX_TAILS = 30
MAX_TAIL = 40

Words = tuple[Word, ...]


@dataclass(frozen=True)
class Reason:
    """Why a pattern with a wildcard does not allow it, unless the pattern has `word` in it."""

    word: str
    """A pattern that has this word in it accepts the reason; "" for none."""
    why: str
    """The reason, for people."""


@dataclass(frozen=True)
class Inside:
    """What a command runs. Everything in `commands` and `scripts` is judged like a command of its own."""

    commands: tuple[Words, ...] = ()
    """Simple commands, each as its words."""
    scripts: tuple[str, ...] = ()
    """Texts that a shell reads."""
    guesses: tuple[Words, ...] = ()
    """What it may run; only denials look at them."""
    reasons: tuple[Reason, ...] = ()
    """What a pattern with a wildcard does not allow."""
    writes: tuple[Word, ...] = ()
    """Files that it writes."""
    transparent: bool = False
    """It adds nothing of its own: it is allowed when what it runs is."""
    fed: bool = False
    """What it runs depends on its input, so that allowing it always would allow anything."""


NOTHING = Inside()


def base_name(text: str) -> str:
    return text.rsplit("/", 1)[-1]


def split(text: str) -> Words:
    """A text as words, for guesses only."""
    return tuple(literal(part) for part in text.split())


def suffixes(words: Words) -> tuple[Words, ...]:
    """Each tail of the words: one of them is what a program runs that is not known well enough.

    There are bounds for a text that is made to take long; past them stands a word that could be anything.
    """
    tails = tuple(words[at : at + MAX_TAIL] for at in range(1, min(len(words), MAX_TAILS)))
    return (*tails, (unknown(),)) if len(words) > MAX_TAILS else tails
