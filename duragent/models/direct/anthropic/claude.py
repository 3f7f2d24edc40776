"""What Claude models take, by their names. Pure.

After the table in https://platform.claude.com/docs/en/build-with-claude/thinking-troubleshooting. A name without a
version is taken for the newest; a model that is no Claude is asked in the protocol's oldest form, which is what other
servers know.
"""

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"claude-(?:(?P<family>[a-z]+)-)?(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)(?:-(?P<after>[a-z]+))?"
)

Version = tuple[int, int]
_NEWEST: Version = (99, 0)


@dataclass(frozen=True, slots=True)
class ClaudeFacts:
    """How one model is asked."""

    thinks: bool = True
    """It can be asked to."""
    takes_budget: bool = True
    """Thinking is asked for with a number of tokens."""
    takes_effort: bool = False
    """Thinking is asked for with a level; the model decides how much that is."""
    thinks_by_itself: bool = False
    """It thinks, or may, when nothing is said of it."""
    always_thinks: bool = False
    """It cannot be asked not to."""
    hides_thinking: bool = False
    """What it thinks is shown only when that is asked for."""
    takes_temperature: bool = True
    """It can be asked for one."""
    takes_forced_calls: bool = True
    """It can be told that it must call a tool."""
    binds_thinking: bool = False
    """It refuses its own thinking when anything in front of that has changed, unless told to leave it out."""


_OTHER = ClaudeFacts(thinks_by_itself=True)


def facts_of(name: str) -> ClaudeFacts:
    """By the model's name, with or without a provider in front."""
    if "claude" not in name.lower():
        return _OTHER
    family, version = _read(name.lower())
    bound = version >= (5, 1)
    always = family in ("fable", "mythos") or (version >= (5, 5) and family != "haiku")
    return ClaudeFacts(
        thinks=version >= (3, 7),
        takes_budget=version < (4, 7) and not always,
        takes_effort=version >= (4, 6) or always,
        thinks_by_itself=version >= (5, 0) or always,
        always_thinks=always,
        hides_thinking=version >= (4, 7) or always,
        takes_temperature=version < (4, 7) and not always,
        takes_forced_calls=not (bound and family != "haiku"),
        binds_thinking=bound,
    )


def _read(name: str) -> tuple[str, Version]:
    """The family and the version: `claude-opus-4-7-20260416` and the older `claude-3-7-sonnet-20250219` alike."""
    found = _NAME.search(name)
    if found is None:
        family = re.search(r"claude-([a-z]+)", name)
        return (family[1] if family else "", _NEWEST)
    return found["family"] or found["after"] or "", (int(found["major"]), int(found["minor"] or 0))
