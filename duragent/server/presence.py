"""`on_disconnect: pause`: when the last watcher leaves in the middle of a turn, the turn waits for a person."""

from duragent.errors import DuragentError
from duragent.journal.inputs import Pause
from duragent.server.dependencies import Dependencies

RETURN_SECONDS = 3.0
"""A client that lost its connection is back by then; it has not left."""


async def pause_when_left(dependencies: Dependencies, session_id: str) -> None:
    """To be called when a watcher has gone. Not when the server stops: its turns go on at the next start."""
    try:
        if not await _is_left(dependencies, session_id):
            return
        async with dependencies.stop.ends():
            await dependencies.clock.sleep(RETURN_SECONDS)
        if await _is_left(dependencies, session_id):
            await dependencies.sessions.post(session_id, Pause(reason="the last client went away"))
    except DuragentError:
        # The server stops, or the session has gone, is closed or damaged: there is nothing left to pause.
        return


async def _is_left(dependencies: Dependencies, session_id: str) -> bool:
    if dependencies.stop.begun or dependencies.sessions.watchers(session_id):
        return False
    state = await dependencies.sessions.state(session_id)
    return state.on_disconnect == "pause" and state.status == "running"
