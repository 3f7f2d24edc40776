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
from duragent.journal.events import AllowanceOffer, Call, EffectClass, ModelReplied, PolicyFinding, ToolFinished
from duragent.journal.record import Record
from duragent.policy import breadths, guards
from duragent.policy.rules import NOT_LISTED, Allow, Ask, Deny, Invocation, Verdict, allow_patterns, judge
from duragent.policy.tiers import Policy
from duragent.tools.base import AnyTool, json_object
from duragent.tools.toolset import Toolset

MAX_SHOWN_CHARS = 60_000
"""Of an invocation, in an event. What is longer is in the arguments of the reply, and the sha covers all of it."""

THIS_SESSION = "this session"
"""The source of rules that a person allowed until the session ends."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ResolvedCall:
    """A call whose tool exists and whose arguments fit."""

    call: Call
    """As the model wrote it."""
    tool: AnyTool
    arguments: Any
    """Parsed by the tool."""
    invocation: Invocation
    """As policy and people see it."""
    sha256: str
    """Over the tool's name and the canonical arguments."""

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
        action = self.tool.action(self.arguments)
        return action if isinstance(action, str) else None

    def as_prior(self) -> guards.PriorCall:
        """As the guards see it."""
        return guards.PriorCall(self.call.tool, self.action, json_object(self.call.arguments))


@dataclass(frozen=True, slots=True)
class Refused:
    """The call does not run."""

    content: str
    """The result that the model gets."""
    denied: bool = False
    """By a policy or a skill; else the call makes no sense."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The call may run."""

    rule: str
    """What allows it: a rule with its file, or a person."""
    by_session: frozenset[str] = frozenset()
    """The patterns among them that a person allowed until the session ends: with one less, it is judged again."""


@dataclass(frozen=True, slots=True)
class NeedsApproval:
    """A person must approve the call."""

    rule: str
    """Why the person is asked."""
    findings: tuple[PolicyFinding, ...]
    """The parts of the call that no rule allows."""
    patterns: tuple[str, ...]
    """What "allow always" would add to the policy; empty when it is not offered."""
    offers: tuple[AllowanceOffer, ...] = ()
    """What else may be allowed together with it, from narrow to wide."""


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
        resolved = ResolvedCall(call, tool, arguments, tool.invocation(arguments), sha256_of(call.tool, fields))
        assert resolved.effect in get_args(EffectClass), f"its effect is {resolved.effect!r}"
    except InvalidArguments as error:
        return Refused(f"failed to parse tool arguments: {'; '.join(error.faults)}")
    except Exception as error:
        # A tool is foreign code: a fault in it must not take the turn along.
        _log.exception("the tool %s cannot say what it would do", tool.name)
        return Refused(f"Tool execution failed: unexpected {type(error).__name__}: {error}")
    return resolved


def sha256_of(tool: str, arguments: dict[str, Any]) -> str:
    """Over the tool's name and its arguments, whatever their order and spacing."""
    canonical = json.dumps([tool, arguments], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def authorize(resolved: ResolvedCall, policy: Policy, agent: Agent, prior: Sequence[guards.PriorCall]) -> Judgement:
    """What guards and policy say of a call that no person has decided about."""
    hooks = guards.with_defaults(agent.spec.hooks, [resolved.tool.name])
    if why := guards.refusal(hooks, resolved.as_prior(), prior):
        return Refused(why)
    verdict = judge(policy, resolved.invocation)
    match verdict:
        case Deny():
            return denied(resolved, verdict)
        case Allow():
            by_session = frozenset(part.rule for part in verdict.parts if part.source == THIS_SESSION)
            rule = f"{verdict.source}: {verdict.rule}" if verdict.source else verdict.rule
            return Allowed(rule, by_session)
        case Ask():
            patterns = allow_patterns(policy, resolved.invocation)
            offers = breadths.offers(policy, resolved.invocation, patterns, _wider(resolved))
            why = f"mode: {policy.mode} ({policy.mode_source})"
            return NeedsApproval(why, _findings(verdict), patterns, offers)


def _wider(resolved: ResolvedCall) -> Sequence[AllowanceOffer]:
    try:
        return resolved.tool.wider(resolved.arguments)
    except Exception:
        # A tool is foreign code: a fault in it must not take the turn along.
        _log.exception("the tool %s cannot say what may be allowed besides a call", resolved.tool.name)
        return ()


def reauthorize(resolved: ResolvedCall, policy: Policy, approved_sha256: str, by: str) -> Judgement:
    """The same for a call that a person has approved: a denial still wins, and only the approved call may run."""
    if approved_sha256 and approved_sha256 != resolved.sha256:
        return Refused("The approval was for other arguments. The call was not run.", denied=True)
    verdict = judge(policy, resolved.invocation)
    if isinstance(verdict, Deny):
        return denied(resolved, verdict)
    return Allowed(f"approved by {by}" if by else "approved")


def denied(resolved: ResolvedCall, verdict: Verdict) -> Refused:
    rule = f" ({verdict.source}: {verdict.rule})" if isinstance(verdict, Deny) else ""
    name = resolved.shown if len(resolved.shown) <= 500 else f"{resolved.shown[:500]}…"
    return Refused(f"Command '{name}' was denied by policy{rule}. This command is not allowed.", denied=True)


def _findings(verdict: Ask) -> tuple[PolicyFinding, ...]:
    open_parts = [part for part in verdict.parts if part.verdict == "ask"]
    # What is special about a part must not be what is left out.
    open_parts.sort(key=lambda part: part.reason == NOT_LISTED)
    return tuple(PolicyFinding(text=part.text[:2_000], reason=part.reason) for part in open_parts[:50])


def signature(resolved: ResolvedCall, outcome: str, content: str) -> str:
    """The same for the same call with the same result: 16 hex digits."""
    return hashlib.sha256(f"{resolved.sha256}\n{outcome}\n{content}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


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
    return [calls[earlier] for earlier in itertools.takewhile(lambda other: other != call_id, calls)]


def _prior(call: Call) -> guards.PriorCall:
    try:
        arguments = json_object(call.arguments)
    except InvalidArguments:
        arguments = {}
    action = arguments.get("action")
    return guards.PriorCall(call.tool, action if isinstance(action, str) else None, arguments, has_result=False)
