"""Telling people that a call has run, as `notify` in a policy wants it: in the server's log, or by a webhook.

The law of this file: nobody waits for it. What cannot be told within its time, or while too much waits already, is
dropped and the log says so; the session's own log has everything all the same.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from duragent.policy.tiers import Delivery

MAX_WAITING = 1_000
"""Notices that may wait; then the oldest is dropped."""

WEBHOOK_SECONDS = 10.0
"""For one notice, from connecting to the answer's status."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """A call has run, and its policy wants that told."""

    deliveries: Sequence[Delivery]
    session_id: str
    agent: str
    invocation: str
    success: bool

    def body(self) -> dict[str, object]:
        """What a webhook gets, as duragent v0.5 sends it."""
        return {
            "event": "command_notification",
            "session_id": self.session_id,
            "agent": self.agent,
            "command": self.invocation,
            "success": self.success,
        }


class Notifier:
    """Takes notices at once, and tells them one after another."""

    def __init__(self) -> None:
        self._waiting: deque[Notice] = deque()
        self._news = asyncio.Event()

    def put(self, notice: Notice) -> None:
        if len(self._waiting) >= MAX_WAITING:
            _log.warning("too many notices wait; one of session %s is dropped", self._waiting.popleft().session_id)
        self._waiting.append(notice)
        self._news.set()

    async def run(self) -> None:
        """Tell what comes, until cancelled."""
        while True:
            while self._waiting:
                await self._tell(self._waiting.popleft())
            self._news.clear()
            await self._news.wait()

    async def _tell(self, notice: Notice) -> None:
        for delivery in notice.deliveries:
            if delivery.type == "log":
                outcome = "ran" if notice.success else "failed"
                _log.info("%s of agent %s in %s: %s", outcome, notice.agent, notice.session_id, notice.invocation)
            else:
                await self._post(delivery.url, notice)

    async def _post(self, url: str, notice: Notice) -> None:
        # Only a policy with a webhook needs it.
        import httpx

        try:
            # httpx's own timeout is for each piece, of which there may be any number; what the answer says is not read.
            async with (
                asyncio.timeout(WEBHOOK_SECONDS),
                httpx.AsyncClient(timeout=WEBHOOK_SECONDS, follow_redirects=False) as client,
                client.stream("POST", url, json=notice.body()) as answer,
            ):
                answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            why = str(error) or f"no answer in {WEBHOOK_SECONDS:g} seconds"
            _log.warning("the webhook %s was not told of a call of session %s: %s", url, notice.session_id, why)
