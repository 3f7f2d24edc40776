"""Policies and invocations for tests."""

from collections.abc import Sequence

from duragent.policy.defaults import ALLOW
from duragent.policy.patterns import Rule
from duragent.policy.rules import Invocation, Verdict, judge
from duragent.policy.tiers import Mode, Policy, Tier, merge


def rules(*patterns: str, source: str = "policy.yaml") -> tuple[Rule, ...]:
    return tuple(Rule(pattern, source) for pattern in patterns)


def policy(*, deny: Sequence[str] = (), allow: Sequence[str] | None = None, mode: Mode | None = None) -> Policy:
    """The default policy with one file; `allow` replaces the built-in list."""
    given = None if allow is None else rules(*allow)
    return merge([Tier("policy.yaml", mode, rules(*deny), given)], ALLOW)


DEFAULT = policy()
NO_RM = policy(deny=["bash:rm *"])


def bash(command: str) -> Invocation:
    return Invocation("bash", "bash", command)


def verdict(on: Policy, command: str) -> Verdict:
    return judge(on, bash(command))
