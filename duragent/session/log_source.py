"""What listeners read of the sessions' logs; see `subscribers.base.LogSource`."""

from duragent.session.live_sessions import LiveSessions
from duragent.subscribers.base import LogPart


class SessionLogs:
    """The logs of all sessions. A session that is not in memory is opened for one read only."""

    def __init__(self, live: LiveSessions) -> None:
        self._live = live

    async def part(self, stream: str, after: int, limit: int) -> LogPart:
        async with self._live.borrow(stream) as session:
            state, records = session.state, await session.read_records(after, limit)
            return LogPart(state.agent, records, state.gateway or "", state.chat_id)
