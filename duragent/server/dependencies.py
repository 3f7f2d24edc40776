"""What the routes work with: everything that the HTTP API needs of the rest of the program."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from duragent.agent.catalog import Catalog, Reloaded
from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.models.base import ModelChoice
from duragent.server.settings import ServerSettings
from duragent.server.stop import Stop
from duragent.session.sessions import Sessions
from duragent.system.descriptors import DescriptorUse, descriptors
from duragent.turn.workbench import WorkPlace
from duragent.wire import Version

if TYPE_CHECKING:
    from duragent.memory.base import MemoryNote
    from duragent.server.memories import ServedMemories


@dataclass(frozen=True)
class AccessTokens:
    """What clients must show."""

    api: str = field(repr=False)
    """For the API."""

    admin: str | None = field(default=None, repr=False)
    """For the admin routes; None: the api token opens them too."""


async def _no_trouble() -> str | None:
    return None


async def _no_warming(choice: ModelChoice) -> None:
    return None


def _no_warning(agent: Agent) -> str:
    return ""


def _nowhere(agent: Agent) -> WorkPlace:
    return WorkPlace("", "")


def _no_notes(agent: Agent) -> "Sequence[MemoryNote]":
    return ()


@dataclass(frozen=True)
class Dependencies:
    """What the routes work with. The runtime makes one at the start of a server."""

    sessions: Sessions
    """All sessions of the workspace."""

    catalog: Catalog
    """All agents of the workspace."""

    settings: ServerSettings
    """The `server:` block of duragent.yaml."""

    clock: Clock

    tokens: AccessTokens

    workspace_hash: str
    """Names the workspace to clients without telling its path."""

    version: Version
    """Of this program."""

    shutdown: Callable[[], bool]
    """Begins a stop; False: one is under way."""

    reload_agents: Callable[[], Awaitable[Reloaded]]
    """Reads the files of all agents again."""

    trouble: Callable[[], Awaitable[str | None]] = _no_trouble
    """Says why nothing can be stored at the moment; None when all is well."""

    warning: Callable[[Agent], str] = _no_warning
    """Says what a person must know about where the agent's commands run, or ""."""

    work_place: Callable[[Agent], WorkPlace] = _nowhere
    """Says where the agent works. Blocks."""

    notes: "Callable[[Agent], Sequence[MemoryNote]]" = _no_notes
    """What the agent remembers now, file by file. Blocks."""

    warm: Callable[[ModelChoice], Awaitable[None]] = _no_warming
    """Loads what a model needs, because a question is about to come; returns when it is there."""

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The keys of providers that the server has, with the rest of its environment."""

    proof_key: str = field(default="", repr=False)
    """What the server proves itself with to clients of its own user; "": it cannot."""

    memories: "ServedMemories | None" = None
    """What agents remember; None: no agent of this server does."""

    stop: Stop = field(default_factory=Stop)
    """Is begun when the server ends; streams and waiting requests end with it."""

    descriptors: Callable[[], DescriptorUse] = descriptors
    """How many file descriptors this process uses, of how many."""
