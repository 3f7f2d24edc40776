"""What must hold of one tool call, however often its process died: read off the log and off what took effect."""

from collections.abc import Sequence
from typing import Literal, cast

from duragent.journal.call_states import DECIDED, FINISHED, CallEvent, CallStatus, after, may_follow
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Call,
    Event,
    ToolFinished,
    ToolResolved,
    ToolStarted,
)
from duragent.tools.base import json_object
from duragent.turn.authorize import sha256_of
from duragent.turn.recovery_of_calls import ATTEMPTS
from tests.campaigns.turns_cast import REPEATABLE, effect_of
from tests.campaigns.turns_plan import Plan


def of_call(call: Call, mine: Sequence[Event], effects: int, plan: Plan) -> list[str]:
    """What is wrong with how this call went."""
    results = [event for event in mine if isinstance(event, ToolFinished)]
    if len(results) != 1:
        return [f"it has {len(results)} results"]
    found = out_of_order(mine)
    effect = effect_of(call.tool)
    found += _of_effects(mine, effect, effects)
    found += _of_result(mine, results[0], effect, effects)
    found += _of_approval(call, mine)
    if call.tool.endswith("_asked") and plan.mode == "ask":
        found += _without_a_yes(mine)
    if plan.unanswered and any(isinstance(each, ApprovalDecided) and each.decision != "deny" for each in mine):
        found.append("nobody said yes, and it was allowed")
    return found


def _of_effects(mine: Sequence[Event], effect: str, effects: int) -> list[str]:
    resolved = [event for event in mine if isinstance(event, ToolResolved)]
    retries = sum(each.resolution == "retry" and each.by == "a person" for each in resolved)
    if effect not in REPEATABLE and effects > 1 + retries:
        return [f"it took effect {effects} times, and a person said {retries} times to run it again"]
    if effect == "never" and effects > 1:
        return [f"it took effect {effects} times"]
    return []


def _of_result(mine: Sequence[Event], result: ToolFinished, effect: str, effects: int) -> list[str]:
    found, outcome = [], result.outcome
    said_done = any(isinstance(event, ToolResolved) and event.resolution == "done" for event in mine)
    if outcome == "ok" and not effects and not said_done:
        found.append("it is told as done and never took effect")
    if outcome in ("denied", "skipped") and effects:
        found.append(f"it took effect and is told as {outcome}")
    attempts = sum(isinstance(event, ToolStarted) for event in mine)
    wound_up = result.content.startswith("The call was interrupted")
    if outcome == "interrupted" and effect in REPEATABLE and attempts < ATTEMPTS and not wound_up:
        found.append(f"it could have been repeated, and is told as {outcome} after {attempts} attempts")
    warned = "may have" in result.content or result.content == "done"
    if outcome in ("interrupted", "cancelled") and effect not in REPEATABLE and effects and not warned:
        found.append(f"it took effect and the model is not warned: {result.content}")
    if outcome in ("error", "timeout"):
        found.append(f"its outcome is {outcome}: {result.content}")
    return found


def _of_approval(call: Call, mine: Sequence[Event]) -> list[str]:
    """One answer to each question, and both are about this very call."""
    sha = sha256_of(call.tool, json_object(call.arguments))
    asked = [event for event in mine if isinstance(event, ApprovalRequested)]
    decided = [event for event in mine if isinstance(event, ApprovalDecided)]
    found = ["the question is about another call" for each in asked if each.arguments_sha256 != sha]
    found += ["the answer is about another call" for each in decided if each.arguments_sha256 != sha]
    if len(decided) > len(asked):
        found.append(f"{len(asked)} questions have {len(decided)} answers")
    for question, answer in zip(asked, decided, strict=False):
        if answer.by == "expiry" and not question.expires_at:
            found.append("it expired, and had no time set")
    return found


def _without_a_yes(mine: Sequence[Event]) -> list[str]:
    begun = [(at, event) for at, event in enumerate(mine) if isinstance(event, ToolStarted)]
    yes = [at for at, event in enumerate(mine) if isinstance(event, ApprovalDecided) and event.decision != "deny"]
    if not begun or (yes and yes[0] < begun[0][0]) or begun[0][1].rule.startswith("approval: builtin:"):
        return []
    return ["it was started before anybody said yes"]


def out_of_order(mine: Sequence[Event]) -> list[str]:
    """The events of a call that may not come where they do."""
    found: list[str] = []
    status: CallStatus | Literal["finished"] = "requested"
    for event in mine:
        decision = getattr(event, "decision", "") or getattr(event, "resolution", "")
        kind = cast(CallEvent, DECIDED.get(decision, event.type))
        if status == FINISHED or not may_follow(status, kind):
            found.append(f"{kind} of a call that is {status}")
        if status != FINISHED:
            status = after(status, kind)
    return found
