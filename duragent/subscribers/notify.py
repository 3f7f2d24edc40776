"""Notices: a call has run, and `notify` in a policy wants that told, in the server's log or by a webhook.

The law of this file: no turn waits for a notice. The record of a finished call says that it needs a notice; the policy
says where to, at the time of the delivery. A webhook that fails is not tried again, and the server's log says so.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.errors import DuragentError
from duragent.journal.events import ToolFinished
from duragent.journal.record import Record
from duragent.subscribers.base import LogListener, Positions

if TYPE_CHECKING:
    from duragent.policy.tiers import Delivery

WEBHOOK_SECONDS = 10.0
"""For one notice, from connecting to the answer's status."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A call has run, and its policy wants that told."""

    session_id: str
    agent: str
    """The name of the agent's folder."""
    invocation: str
    """The whole call in one line, as people are shown it."""
    success: bool
    """Whether its outcome is `ok`."""

    def body(self) -> dict[str, object]:
        """What a webhook gets, as duragent v0.5 sends it."""
        return {
            "event": "command_notification",
            "session_id": self.session_id,
            "agent": self.agent,
            "command": self.invocation,
            "success": self.success,
        }


class Notices(LogListener):
    """Delivers the notices of all sessions, one after another."""

    def __init__(
        self,
        positions: Positions,
        deliveries: "Callable[[str], Awaitable[Sequence[Delivery]]]",
        *,
        webhook_seconds: float = WEBHOOK_SECONDS,
    ) -> None:
        """`deliveries` says, by an agent's name, where its policy wants notices now; it raises DuragentError."""
        super().__init__(positions)
        self._deliveries, self._webhook_seconds = deliveries, webhook_seconds

    def concerns(self, record: Record) -> bool:
        return isinstance(record.event, ToolFinished) and bool(record.event.notice)

    async def deliver(self, stream: str, agent: str, record: Record) -> None:
        event = record.event
        assert isinstance(event, ToolFinished)
        try:
            deliveries = await self._deliveries(agent)
        except DuragentError as error:
            _log.warning("a call of session %s cannot be told: %s", stream, error)
            return
        notice = Notice(stream, agent, event.notice, event.outcome == "ok")
        for delivery in deliveries:
            if delivery.type == "log":
                outcome = "ran" if notice.success else "failed"
                _log.info("%s of agent %s in %s: %s", outcome, notice.agent, notice.session_id, notice.invocation)
            else:
                await self._post(delivery.url, notice)

    async def _post(self, url: str, notice: Notice) -> None:
        # Only a policy with a webhook needs it.
        import httpx

        seconds = self._webhook_seconds
        try:
            # httpx's own timeout is for each piece, of which there may be any number; what the answer says is not read.
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(timeout=seconds, follow_redirects=False) as client,
                client.stream("POST", url, json=notice.body()) as answer,
            ):
                answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            why = str(error) or f"no answer in {seconds:g} seconds"
            _log.warning("the webhook %s was not told of a call of session %s: %s", url, notice.session_id, why)
