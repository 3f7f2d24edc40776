"""What must hold of a turn with tool calls, however often its process died: read off the log and off what happened."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    CancelRequested,
    Event,
    ModelReplied,
    ToolFinished,
    ToolResolved,
    ToolsSkipped,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.session.acting import ATTEMPTS
from tests.session.crashing import REPEATABLE, Deed, World


def problems(world: World) -> list[str]:
    """What is wrong with how it ended; nothing should be."""
    events, found = world.events(), list(world.faults)
    if [record.seq for record in world.records()] != list(range(1, len(events) + 1)):
        found.append("the log has gaps")
    started = [event.turn for event in events if isinstance(event, TurnStarted)]
    ended = [event for event in events if isinstance(event, TurnEnded)]
    if sorted(started) != sorted(event.turn for event in ended):
        found.append(f"{len(started)} turns began, {len(ended)} ended")
    wanted = {"completed", "cancelled"} if world.plan.cancel_at else {"completed"}
    found += [f"a turn ended as {each.outcome}: {each.reason}" for each in ended if each.outcome not in wanted]
    found += [f"there is a {event.type}" for event in events if isinstance(event, ToolsSkipped)]
    found += _begun_after_a_cancel(events)
    calls = {call.call: call.tool for event in events if isinstance(event, ModelReplied) for call in event.calls}
    effects = Counter(world.effects)
    for call, tool in calls.items():
        mine = [event for event in events if getattr(event, "call", None) == call]
        found += [f"{tool}: {problem}" for problem in _of_call(mine, Deed(world, tool).effect, effects[call])]
        if tool.endswith("_asked") and world.plan.mode == "ask":
            found += [f"{tool}: {problem}" for problem in _without_a_yes(mine)]
    return found


def _of_call(mine: Sequence[Event], effect: str, effects: int) -> list[str]:
    results = [event for event in mine if isinstance(event, ToolFinished)]
    if len(results) != 1:
        return [f"it has {len(results)} results"]
    found = [f"{kind} behind {before}" for before, kind in _out_of_order(mine)]
    resolved = [event for event in mine if isinstance(event, ToolResolved)]
    retries = sum(each.resolution == "retry" and each.by == "a person" for each in resolved)
    said_done = any(each.resolution == "done" for each in resolved)
    outcome = results[0].outcome
    if effect not in REPEATABLE and effects > 1 + retries:
        found.append(f"it took effect {effects} times, and a person said {retries} times to run it again")
    if effect == "never" and effects > 1:
        found.append(f"it took effect {effects} times")
    if outcome == "ok" and not effects and not said_done:
        found.append("it is told as done and never took effect")
    if outcome in ("denied", "skipped") and effects:
        found.append(f"it took effect and is told as {outcome}")
    attempts = sum(isinstance(event, ToolStarted) for event in mine)
    if outcome == "interrupted" and effect in REPEATABLE and attempts < ATTEMPTS:
        found.append(f"it could have been repeated, and is told as {outcome} after {attempts} attempts")
    warned = "may have" in results[0].content or results[0].content == "done"
    if outcome in ("interrupted", "cancelled") and effect not in REPEATABLE and effects and not warned:
        found.append(f"it took effect and the model is not warned: {results[0].content}")
    if outcome in ("error", "timeout"):
        found.append(f"its outcome is {outcome}: {results[0].content}")
    return found


def _begun_after_a_cancel(events: Sequence[Event]) -> list[str]:
    cancelled = [at for at, event in enumerate(events) if isinstance(event, CancelRequested)]
    ended = [at for at, event in enumerate(events) if isinstance(event, TurnEnded) and event.outcome == "cancelled"]
    between = events[cancelled[0] : ended[0]] if cancelled and ended else []
    return [f"{each.type} after the cancel" for each in between if isinstance(each, ToolStarted | ApprovalRequested)]


AFTER = {
    "": {"approval_requested", "tool_started", "tool_finished"},
    "approval_requested": {"approval_decided", "tool_finished"},
    "approval_decided": {"tool_started", "tool_finished"},
    "tool_started": {"tool_finished", "tool_lost"},
    "tool_lost": {"tool_resolved", "tool_finished"},
    "tool_resolved": {"tool_started", "tool_finished"},
}
"""What may follow on what in the life of a call; nothing follows on its result."""


def _out_of_order(mine: Sequence[Event]) -> list[tuple[str, str]]:
    kinds = ["", *(event.type for event in mine)]
    return [(before, kind) for before, kind in pairwise(kinds) if kind not in AFTER.get(before, set())]


def _without_a_yes(mine: Sequence[Event]) -> list[str]:
    begun = [at for at, event in enumerate(mine) if isinstance(event, ToolStarted)]
    yes = [at for at, event in enumerate(mine) if isinstance(event, ApprovalDecided) and event.decision != "deny"]
    return ["it was started before anybody said yes"] if begun and not (yes and yes[0] < begun[0]) else []
