"""The session of a talk, which need not be there yet: it is made when something is said in it."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from duragent.client.transport import new_key
from duragent.errors import InvalidRequest
from duragent.wire import EventList, NamedModel, PickModel, SessionInfo

if TYPE_CHECKING:
    from duragent.client.client import Client

_UNUSED = {"session_created", "owner_claimed", "model_chosen", "session_renamed", "session_closed"}
"""The records of a session in which nothing was said or done."""


class NotBegun(InvalidRequest):
    """Nothing was said yet, so there is no session."""

    def __init__(self) -> None:
        super().__init__("there is no session yet: it begins with your first message")


def draft(agent: str, title: str | None = None) -> SessionInfo:
    """A session with this agent that is not made yet: it has no id."""
    return SessionInfo(session_id="", agent=agent, status="active", created_at="", updated_at="", title=title)


def is_unused(records: EventList) -> bool:
    """Whether nothing was said in the session of which these are all records, and no command was run."""
    return len(records.events) >= records.head and all(record["type"] in _UNUSED for record in records.events)


@dataclass
class Beginning:
    """A session, or the draft of one."""

    client: "Client"

    info: SessionInfo
    """As it was when it was found or made; its id is "" before that."""

    pick: PickModel | None = None
    """The model that was chosen before there is a session; None: none was."""

    made: str = ""
    """The id of the session that was made here; "" for none."""

    _there: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _key: str = field(default_factory=new_key)
    """One key for all attempts: whatever dies between them, one session is made."""

    @property
    def session_id(self) -> str:
        """Raises NotBegun."""
        if not self.info.session_id:
            raise NotBegun
        return self.info.session_id

    async def begin(self) -> str:
        """The session's id; makes it when it is not there yet. May be called by several tasks, and again."""
        async with self._lock:
            if not self.info.session_id:
                info = await self.client.create_session(self.info.agent, self.info.title, key=self._key)
                self.made = info.session_id
                if self.pick is not None:
                    info = await self.client.choose_model(info.session_id, self.pick)
                self.info = info
            self._there.set()
        return self.info.session_id

    async def choose(self, pick: PickModel) -> NamedModel | None:
        """Have this model answer from the first message on. None: there is a session by now, and nothing was chosen.

        Raises what the server says of a model that it cannot ask. A message that was typed meanwhile waits for it.
        """
        async with self._lock:
            if self.info.session_id:
                return None
            named = await self.client.named_model(self.info.agent, pick.model, pick.base_url)
            self.pick = pick if pick.model else None
            return named

    async def there(self) -> str:
        """Wait until there is a session; its id."""
        if not self.info.session_id:
            await self._there.wait()
        return self.info.session_id

    async def delete_unused(self) -> bool:
        """Delete what was made here if nothing has happened in it. Whether it did."""
        if not self.made:
            return False
        page = await self.client.events(self.made)
        if not is_unused(page):
            return False
        await self.client.delete_session(self.made, head=page.head)
        return True
