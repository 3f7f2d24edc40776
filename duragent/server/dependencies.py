"""What the HTTP door is given: everything that it needs of the inside."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from duragent.agent.catalog import Catalog, Reloaded
from duragent.agent.load import Agent
from duragent.clock import Clock
from duragent.server.settings import ServerSettings
from duragent.server.stop import Stop
from duragent.session.sessions import Sessions
from duragent.wire import Version


@dataclass(frozen=True)
class AccessTokens:
    """What clients must show. Without an admin token the api token opens the admin routes too."""

    api: str = field(repr=False)
    admin: str | None = field(default=None, repr=False)


async def _no_trouble() -> str | None:
    return None


@dataclass(frozen=True)
class Dependencies:
    """`shutdown` begins a stop; False: one is under way. `trouble` says why nothing can be stored, if so. `warning`
    says of an agent what a person must know about where its commands run, or "".
    """

    sessions: Sessions
    catalog: Catalog
    settings: ServerSettings
    clock: Clock
    tokens: AccessTokens
    workspace_hash: str
    version: Version
    shutdown: Callable[[], bool]
    reload_agents: Callable[[], Awaitable[Reloaded]]
    trouble: Callable[[], Awaitable[str | None]] = _no_trouble
    warning: Callable[[Agent], str] = lambda agent: ""
    proof_key: str = field(default="", repr=False)
    """What the server proves itself with to clients of its own user; "": it cannot."""
    stop: Stop = field(default_factory=Stop)
