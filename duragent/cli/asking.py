"""What the command line of `duragent ask` asks: an agent's name or none, a question, files."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from duragent.cli.place import FIRST_AGENT

if TYPE_CHECKING:
    from duragent.cli.chat.pastes import Entered
    from duragent.cli.uploads import Upload

STDIN = "-"
"""As a word: the text on stdin."""


@dataclass(frozen=True)
class Asking:
    """What the command line asks, before anybody has looked which agents there are."""

    words: tuple[str, ...]
    """As they were given. The first of several, or one beside text on stdin, may be an agent's name."""

    piped: str = ""
    """What came on stdin."""

    agent: str | None = None
    """`--agent`; None when it was not given."""

    session: str | None = None
    """Part of the id of the session to go on with, or LAST; None for a new one."""

    timeout_seconds: float | None = None
    """After which the turn is stopped; None for never."""

    model: str | None = None
    """The model that answers in the session; None for the agent's own, or what was chosen before."""

    system: str | None = None
    """What stands in place of the agent's SYSTEM_PROMPT.md in a new session; None for that file."""

    saves: bool = True
    """Whether the session stays when the answer is there."""

    files: "tuple[Upload, ...]" = ()
    """Files that go with it, besides those that its words mention."""

    LAST: ClassVar[str] = ""
    """In place of an id: the session used last."""

    def read(self, agents: Collection[str]) -> "tuple[str | None, Entered]":
        """Agent and question, where these agents are known; the agent is None when none was named."""
        from duragent.cli.chat.pastes import Entered

        agent, words = self.agent, self.words
        if agent is None and (len(words) > 1 or (words and words[0] in agents)):
            agent, words = words[0], words[1:]
        text = " ".join(self.piped if word == STDIN else word for word in words)
        if STDIN not in words and self.piped:
            text = f"{text}\n\n{self.piped}" if text else self.piped
        # What was piped may come from elsewhere: `@` is a word there.
        own = " ".join(word for word in words if word != STDIN)
        return agent, Entered(own, text, own, self.files)

    @property
    def is_open(self) -> bool:
        """Whether only the agents' names say what its one word is."""
        return self.agent is None and len(self.words) == 1

    @property
    def is_empty(self) -> bool:
        """Whether there is no question, whatever agents there are."""
        return not self.piped and set(self.words) <= {STDIN, FIRST_AGENT}

    @property
    def makes_workspace(self) -> bool:
        """Whether a workspace is made where there is none: not for a session or an agent that it would not have."""
        named = self.agent or (self.words[0] if len(self.words) > 1 else None)
        return self.session is None and named in (None, FIRST_AGENT)
