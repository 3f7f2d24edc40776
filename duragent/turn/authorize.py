"""Whether a call may run: the finding on one call of a reply. Pure, over what the log and the agent's files say."""

import hashlib
import itertools
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from duragent.agent.load import Agent
from duragent.errors import InvalidArguments
from duragent.journal.events import Call, EffectClass, ModelReplied, PolicyFinding, ToolFinished
from duragent.journal.record import Record
from duragent.policy import guards
from duragent.policy.rules import NOT_LISTED, Allow, Ask, Deny, Invocation, Verdict, allow_patterns, judge
from duragent.policy.tiers import Policy
from duragent.tools.base import AnyTool, json_object
from duragent.tools.toolset import Toolset

MAX_SHOWN_CHARS = 60_000
"""Of an invocation, in an event. What is longer is in the arguments of the reply, and the sha covers all of it."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """A call that makes sense: its tool exists, its arguments fit. `sha256` is over tool and canonical arguments."""

    call: Call
    tool: AnyTool
    arguments: Any
    invocation: Invocation
    sha256: str

    @property
    def effect(self) -> EffectClass:
        return self.tool.effect_of(self.arguments)

    @property
    def shown(self) -> str:
        """The invocation, for an event."""
        text = self.invocation.text
        return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}… [{len(text):,} characters]"

    @property
    def action(self) -> str | None:
        found = self.tool.action(self.arguments)
        return found if isinstance(found, str) else None

    def as_prior(self) -> guards.PriorCall:
        """As the guards see it."""
        return guards.PriorCall(self.call.tool, self.action, json_object(self.call.arguments))


@dataclass(frozen=True, slots=True)
class Refused:
    """The call does not run; `content` is what the model is told."""

    content: str
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The call may run; `rule` says by whose word."""

    rule: str


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """A person has to say yes."""

    rule: str
    findings: tuple[PolicyFinding, ...]
    patterns: tuple[str, ...]


Judgement = Allowed | NeedsApproval | Refused


def resolve(call: Call, tools: Toolset) -> ResolvedCall | Refused:
    """The call with its tool and its arguments, or what is wrong with it, in words for the model."""
    tool = tools.get(call.tool)
    if tool is None:
        near = tools.closest(call.tool)
        return Refused(f"tool not found: {call.tool}" + (f"; did you mean {near}?" if near else ""))
    try:
        arguments = tool.parse(call.arguments)
        fields = json_object(call.arguments)
        found = ResolvedCall(call, tool, arguments, tool.invocation(arguments), sha256_of(call.tool, fields))
        assert found.effect in get_args(EffectClass), f"its effect is {found.effect!r}"
    except InvalidArguments as error:
        return Refused(f"failed to parse tool arguments: {'; '.join(error.faults)}")
    except Exception as error:
        # A tool is foreign code: a fault in it must not take the turn along.
        _log.exception("the tool %s cannot say what it would do", tool.name)
        return Refused(f"Tool execution failed: unexpected {type(error).__name__}: {error}")
    return found


def sha256_of(tool: str, arguments: dict[str, Any]) -> str:
    """Over the tool's name and its arguments, whatever their order and spacing."""
    canonical = json.dumps([tool, arguments], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def authorize(found: ResolvedCall, policy: Policy, agent: Agent, prior: Sequence[guards.PriorCall]) -> Judgement:
    """What guards and policy say of a call that nobody has decided about."""
    hooks = guards.with_defaults(agent.spec.hooks, [found.tool.name])
    if why := guards.refusal(hooks, found.as_prior(), prior):
        return Refused(why)
    verdict = judge(policy, found.invocation)
    match verdict:
        case Deny():
            return denied(found, verdict)
        case Allow():
            return Allowed(f"{verdict.source}: {verdict.rule}" if verdict.source else verdict.rule)
        case Ask():
            patterns = allow_patterns(policy, found.invocation)
            return NeedsApproval(f"mode: {policy.mode} ({policy.mode_source})", _findings(verdict), patterns)


def reauthorize(found: ResolvedCall, policy: Policy, approved_sha256: str, by: str) -> Judgement:
    """The same of a call that a person has approved: a denial still wins, and only that very call may run."""
    if approved_sha256 and approved_sha256 != found.sha256:
        return Refused("The approval was for other arguments. The call was not run.", denied=True)
    verdict = judge(policy, found.invocation)
    if isinstance(verdict, Deny):
        return denied(found, verdict)
    return Allowed(f"approved by {by}" if by else "approved")


def denied(found: ResolvedCall, verdict: Verdict) -> Refused:
    rule = f" ({verdict.source}: {verdict.rule})" if isinstance(verdict, Deny) else ""
    name = found.shown if len(found.shown) <= 500 else f"{found.shown[:500]}…"
    return Refused(f"Command '{name}' was denied by policy{rule}. This command is not allowed.", denied=True)


def _findings(verdict: Ask) -> tuple[PolicyFinding, ...]:
    open_parts = [part for part in verdict.parts if part.verdict == "ask"]
    # What is special about a part must not be what is left out.
    open_parts.sort(key=lambda part: part.reason == NOT_LISTED)
    return tuple(PolicyFinding(text=part.text[:2_000], reason=part.reason) for part in open_parts[:50])


def signature(found: ResolvedCall, outcome: str, content: str) -> str:
    """The same for the same call with the same result: 16 hex digits."""
    return hashlib.sha256(f"{found.sha256}\n{outcome}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def prior_calls(records: Iterable[Record], call_id: str) -> list[guards.PriorCall]:
    """The calls that the model made before this one, oldest first, as guards see them."""
    calls: dict[str, guards.PriorCall] = {}
    for record in records:
        event = record.event
        if isinstance(event, ModelReplied):
            calls |= {call.call: _prior(call) for call in event.calls}
        elif isinstance(event, ToolFinished) and event.call in calls:
            before = calls[event.call]
            calls[event.call] = guards.PriorCall(before.tool, before.action, before.arguments, event.outcome == "ok")
    return [calls[each] for each in itertools.takewhile(lambda each: each != call_id, calls)]


def _prior(call: Call) -> guards.PriorCall:
    try:
        arguments = json_object(call.arguments)
    except InvalidArguments:
        arguments = {}
    action = arguments.get("action")
    return guards.PriorCall(call.tool, action if isinstance(action, str) else None, arguments, has_result=False)
