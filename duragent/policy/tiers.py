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
    """Where a notification goes."""

    type: Literal["log", "webhook"]
    """The server's log, or a POST to `url`."""
    url: str = ""
    """The address of a webhook; "" for the log."""


@dataclass(frozen=True)
class Notify:
    """Notifications after a call has run."""

    enabled: bool = False
    """Whether there are any."""
    patterns: tuple[Rule, ...] = ()
    """Which calls; empty for every call."""
    deliveries: tuple[Delivery, ...] = ()
    """Where they go; empty for the server's log."""


@dataclass(frozen=True)
class Tier:
    """What one file says."""

    source: str
    """The file, for people: `policy.yaml` or `assistant/policy.yaml`."""
    mode: Mode | None = None
    """None when the file sets none."""
    deny: tuple[Rule, ...] = ()
    """Its deny list."""
    allow: tuple[Rule, ...] | None = None
    """Its allow list; None when the file has none, which is not the same as an empty one."""
    notify: Notify = Notify()
    """Its notifications."""
    by_machine: bool = False
    """It holds what "allow always" wrote, so its allow list does not replace the built-in one."""
    fault: str | None = None
    """Why the file cannot be used; None when it can."""


@dataclass(frozen=True)
class Policy:
    """What is allowed, from all files together."""

    mode: Mode
    """What happens to calls that no list names."""
    mode_source: str
    """The file that sets the mode, or `BUILT_IN`."""
    deny: tuple[Rule, ...] = ()
    """The deny lists of all files; a denial wins over everything."""
    allow: tuple[Rule, ...] = ()
    """The allow lists of all files, with the built-in one where no file replaces it."""
    notify: Notify = Notify()
    """The notifications of all files."""
    faults: tuple[tuple[str, str], ...] = ()
    """(source, what is wrong) of each file that cannot be used. With one of them nothing is allowed."""
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
    by_pattern: dict[str, Rule] = {}
    for rule in rules:
        by_pattern.setdefault(rule.pattern, rule)
    return tuple(by_pattern.values())
