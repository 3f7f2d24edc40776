"""What expires: sessions that were not used for long are closed, approvals that were not given in time are denied."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from duragent.errors import DuragentError
from duragent.journal.inputs import Close, Decision
from duragent.journal.record import timestamp
from duragent.journal.state import SessionState
from duragent.turn.ports import Ports


def expired_sessions(states: Iterable[SessionState], ports: Ports) -> Iterator[tuple[str, Close]]:
    """The sessions that were idle for longer than `ttl_hours` of their agent, or else of the configuration."""
    for state in list(states):
        hours = _ttl_hours(state.agent, ports)
        if not hours or state.closed or state.asks or (state.has_work and not state.paused):
            continue
        if state.epoch == 0:
            # A session of duragent-rust that has no record of ours yet. Closing it would leave no time to continue it.
            continue
        if state.updated_at <= timestamp(ports.clock.now() - timedelta(hours=hours)):
            yield state.session_id, Close(reason=f"not used for {hours:g} hours", at_seq=state.seq)


def expired_approvals(states: Iterable[SessionState], ports: Ports) -> Iterator[tuple[str, Decision]]:
    """A denial for each approval that was not given in time."""
    now = timestamp(ports.clock.now())
    for state in list(states):
        call = state.asks
        if call is not None and call.status == "waiting" and call.expires_at and call.expires_at <= now:
            reason = f"nobody answered until {call.expires_at}"
            yield state.session_id, Decision(call=call.call, decision="deny", by="expiry", reason=reason)


def _ttl_hours(agent: str, ports: Ports) -> float:
    try:
        own = ports.agents.get(agent).spec.session.ttl_hours
    except DuragentError:
        own = None
    return ports.settings.ttl_hours if own is None else own
