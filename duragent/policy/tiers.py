"""The policy that holds: up to three files, the special one over the general one, over what is built in.

The law of this file: lists only grow from tier to tier, so a denial cannot be taken back; only the mode is replaced. A
tier that could not be read leaves a fault, and a policy with a fault denies everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from duragent.policy.patterns import Rule
from duragent.policy.place import CommandPlace

Mode = Literal["dangerous", "ask", "restrict"]
BUILT_IN = "built-in default"


@dataclass(frozen=True)
class Delivery:
    """Where a notification goes. `url` is "" for the log."""

    type: Literal["log", "webhook"]
    url: str = ""


@dataclass(frozen=True)
class Notify:
    """Who is told after a call has run; no patterns means every call, no deliveries means the log."""

    enabled: bool = False
    patterns: tuple[Rule, ...] = ()
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True)
class Tier:
    """What one file says. `mode` and `allow` are None where it is silent."""

    source: str
    mode: Mode | None = None
    deny: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] | None = None
    notify: Notify = Notify()
    by_machine: bool = False
    """It holds what "allow always" wrote, so its allow list does not replace the built-in one."""
    fault: str | None = None


@dataclass(frozen=True)
class Policy:
    """What is allowed. `faults` are what is wrong with its files; then nothing is."""

    mode: Mode
    mode_source: str
    deny: tuple[Rule, ...] = ()
    allow: tuple[Rule, ...] = ()
    notify: Notify = Notify()
    faults: tuple[tuple[str, str], ...] = ()
    """(source, what is wrong)."""
    place: CommandPlace | None = None
    """Where commands run. None: which files a command names makes no difference."""

    def allowing(self, patterns: Iterable[str], source: str = "approval") -> "Policy":
        """The same with more patterns allowed."""
        return replace(self, allow=(*self.allow, *(Rule(pattern, source) for pattern in patterns)))


def merge(tiers: Iterable[Tier], built_in: Iterable[str]) -> Policy:
    """The tiers as one policy, from the most general to the most special.

    The built-in list is allowed as long as no file that people write has an `allow` list of its own.
    """
    tiers = tuple(tiers)
    mode, mode_source = next(
        ((tier.mode, tier.source) for tier in reversed(tiers) if tier.mode is not None), ("ask", BUILT_IN)
    )
    silent = all(tier.allow is None or tier.by_machine for tier in tiers)
    base = tuple(Rule(pattern, BUILT_IN) for pattern in built_in) if silent else ()
    return Policy(
        mode,
        mode_source,
        deny=_union(rule for tier in tiers for rule in tier.deny),
        allow=_union((*base, *(rule for tier in tiers for rule in tier.allow or ()))),
        notify=Notify(
            any(tier.notify.enabled for tier in tiers),
            _union(rule for tier in tiers for rule in tier.notify.patterns),
            tuple(dict.fromkeys(each for tier in tiers for each in tier.notify.deliveries)),
        ),
        faults=tuple((tier.source, tier.fault) for tier in tiers if tier.fault is not None),
    )


def _union(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for rule in rules:
        found.setdefault(rule.pattern, rule)
    return tuple(found.values())
