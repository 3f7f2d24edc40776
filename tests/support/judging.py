"""Policies and invocations for tests."""

from collections.abc import Sequence

from duragent.policy.defaults import ALLOW
from duragent.policy.patterns import Rule
from duragent.policy.rules import Invocation, Verdict, judge
from duragent.policy.tiers import Mode, Policy, Tier, merge
from duragent.tools.toolset import builtin_tools

UNASKED = tuple(pattern for tool in builtin_tools() for pattern in tool.unasked_patterns())
"""What the built-in tools say of themselves: these calls run without an approval."""

BUILT_IN = (*ALLOW, *UNASKED)
"""What is allowed where no file says otherwise, of an agent with all built-in tools."""


def rules(*patterns: str, source: str = "policy.yaml") -> tuple[Rule, ...]:
    return tuple(Rule(pattern, source) for pattern in patterns)


def policy(*, deny: Sequence[str] = (), allow: Sequence[str] | None = None, mode: Mode | None = None) -> Policy:
    """The default policy with one file; `allow` replaces the built-in list."""
    given = None if allow is None else rules(*allow)
    return merge([Tier("policy.yaml", mode, rules(*deny), given)], BUILT_IN)


DEFAULT = policy()
NO_RM = policy(deny=["bash:rm *"])


def bash(command: str) -> Invocation:
    return Invocation("bash", "bash", command)


def verdict(on: Policy, command: str) -> Verdict:
    return judge(on, bash(command))
