"""A shell text as it was understood: its simple commands, and what is more than them."""

from dataclasses import dataclass

from duragent.policy.shell.words import Word


@dataclass(frozen=True)
class Assignment:
    """`NAME=value`, in front of a command or on its own."""

    name: str
    """The variable; the whole source where it is no plain name."""
    value: Word | None
    """None for what is not one word: an array, an element, `+=`."""
    source: str
    """The assignment as it was written."""

    @property
    def canonical(self) -> str:
        """As a person would type it: with the quotes that are needed."""
        return self.source if self.value is None else f"{self.name}={self.value.canonical if self.value.source else ''}"


@dataclass(frozen=True)
class Redirection:
    """`> file` and its like."""

    operator: str
    """`>`, `<`, `>>`, `>&`, `<<<` and so on, without the descriptor in front."""
    target: Word | None
    """The file or descriptor; None for one that is closed (`>&-`)."""


@dataclass(frozen=True)
class SimpleCommand:
    """A program with its arguments, or only assignments or redirections."""

    words: tuple[Word, ...]
    """The program and its arguments; empty when there are only assignments or redirections."""
    assignments: tuple[Assignment, ...] = ()
    """Those in front of the program."""
    redirections: tuple[Redirection, ...] = ()
    """Those of this command alone; those of a group are a command of their own."""
    source: str = ""
    """The command as it was written, in one line."""


@dataclass(frozen=True)
class Construct:
    """Something whose effect is not the sum of the simple commands in it."""

    source: str
    """The text as it was written, in one line."""
    why: str
    """What it does, for people: `declares variables`."""


@dataclass(frozen=True)
class Script:
    """A text that was understood."""

    pieces: tuple[SimpleCommand | Construct, ...]
    """In the order of the text; those within others come after them."""
    functions: frozenset[str] = frozenset()
    """Names of the functions that it defines."""


@dataclass(frozen=True)
class Unparsable:
    """A text that was not understood."""

    reason: str
    """Why, for people: `is longer than 32768 characters`."""
