"""Creating a session: what it is made with, its first records, and one session for one idempotency key."""

import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from duragent.agent.load import Agent
from duragent.clock import ulid_of
from duragent.errors import IdempotencyMismatch, SessionExists, SessionNotFound
from duragent.journal.events import OwnerClaimed, SessionCreated
from duragent.journal.record import Record
from duragent.journal.source import Door, Source
from duragent.journal.state import SessionState
from duragent.shield import shielded


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a session is made with."""

    agent: str
    """The name of the agent's folder."""
    title: str | None = None
    """None: it has none."""
    source: Source = "http"
    """Where the request comes from."""
    door: Door = ""
    """Says of `source` more precisely which; "" when there is nothing to add."""
    idempotency_key: str | None = None
    """The same key makes one session, also across a crash; None: each request makes one."""

    model: str = ""
    """`provider/name` of the model that answers in place of the agent's; "" for the agent's own."""
    system: str = ""
    """A text that stands in place of the agent's SYSTEM_PROMPT.md; "" for the agent's own."""

    @property
    def fingerprint(self) -> str:
        """What makes two requests for a session the same, but for their key."""
        chosen = (self.model, self.system) if self.model or self.system else ()
        return fingerprint(self.agent, self.title, *chosen)


def fingerprint(*facts: object) -> str:
    """16 hex digits that are the same for the same facts."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class CreateKey:
    """A request for a new session."""

    key: str | None
    """The idempotency key; None: the request makes a session each time."""
    mark: str
    """The fingerprint of the request: under one key only the same request is answered."""
    fresh_id: str
    """The id of the session when there is no key."""

    @property
    def session_id(self) -> str:
        # Always the same id under a key, so that no table is needed to know what was made under it.
        return f"session_{ulid_of(self.key)}" if self.key else self.fresh_id


async def create_once(
    request: CreateKey,
    look: Callable[[str], Awaitable[SessionState]],
    make: Callable[[str], Coroutine[Any, Any, SessionState]],
) -> tuple[SessionState, bool]:
    """What `make` makes under the given id, and False; or what was made before under the same key, and True.

    A caller that is cancelled meanwhile does not stop it. Raises IdempotencyMismatch.
    """
    session_id = request.session_id
    if request.key:
        try:
            return _same(request, await look(session_id)), True
        except SessionNotFound:
            pass
    try:
        return await shielded(make(session_id)), False
    except SessionExists:
        if not request.key:
            raise
        return _same(request, await look(session_id)), True


def _same(request: CreateKey, state: SessionState) -> SessionState:
    if state.fingerprint != request.mark:
        assert request.key is not None
        raise IdempotencyMismatch(request.key)
    return state


def first_records(new: NewSession, agent: Agent, ts: str, node: str) -> list[Record]:
    """The first records of a log. They are one append, so that a log is never without its owner."""
    created = SessionCreated(
        agent=new.agent,
        agent_fingerprint=agent.fingerprint,
        on_disconnect=agent.spec.session.on_disconnect,
        title=new.title or None,
        source=new.source,
        door=new.door,
        idempotency_key=new.idempotency_key,
        fingerprint=new.fingerprint,
        model=new.model,
        system=new.system,
    )
    return [Record(1, ts, created, "1/2"), Record(2, ts, OwnerClaimed(epoch=1, node=node), "2/2")]
