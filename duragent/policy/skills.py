"""What the active skills leave of the tools. They only narrow: what they let through, the policy still judges.

A skill is active from its successful `skill` call until the turn ends. Of several each one narrows, so that loading
another skill never widens what the first one left.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from duragent.agent.skills import Skill
from duragent.journal.events import Event, ModelReplied, ToolFinished, TurnEnded, TurnStarted
from duragent.policy.patterns import Rule
from duragent.policy.rules import Allow, Invocation, judge
from duragent.policy.tiers import Policy

SKILL_TOOL = "skill"
ALWAYS_ALLOWED = frozenset({SKILL_TOOL, "read_output", "think"})

OUR_NAMES = {
    "Bash": "bash",
    "Read": "read_file",
    "Write": "write_file",
    "Edit": "edit_file",
    "Grep": "search_files",
    "Glob": "list_files",
    "LS": "list_files",
    "WebFetch": "web:fetch",
    "WebSearch": "web:search",
}
"""The names that skills use, and our tools; any other name is one of ours, or of no tool."""


def active_skills(events: Iterable[Event]) -> tuple[str, ...]:
    """The names of the skills that are active at the end of the events, in the order in which they were loaded."""
    asked: dict[str, str] = {}
    active: dict[str, None] = {}
    for event in events:
        match event:
            case TurnStarted() | TurnEnded():
                asked, active = {}, {}
            case ModelReplied():
                asked |= {call.call: call.arguments for call in event.calls if call.tool == SKILL_TOOL}
            case ToolFinished(outcome="ok") if event.call in asked:
                # What the tool itself said that it loaded, else what the model wrote.
                active[str(event.details.get("skill") or _named(asked[event.call]))] = None
            case _:
                pass
    return tuple(active)


def _named(arguments: str) -> str:
    try:
        parsed = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return str(parsed.get("name")) if isinstance(parsed, dict) else arguments


def narrowing(names: Iterable[str], skills: Iterable[Skill]) -> tuple[Skill, ...]:
    """The active skills that narrow. One whose folder has gone meanwhile leaves nothing until the turn ends."""
    known = {skill.name: skill for skill in skills}
    active = [known.get(name) or _gone(name) for name in names]
    return tuple(skill for skill in active if skill.allowed_tools is not None)


def _gone(name: str) -> Skill:
    return Skill(name, Path(), "", "", allowed_tools=())


def refused_by_skill(invocation: Invocation, active: Sequence[Skill]) -> str | None:
    """Why the active skills refuse the call, as a sentence for the model; None when they let it through."""
    if invocation.tool in ALWAYS_ALLOWED:
        return None
    for skill in active:
        if skill.allowed_tools is not None and not _lets_through(skill.allowed_tools, invocation):
            allowed = ", ".join(skill.allowed_tools) or "no tool"
            return f"The skill '{skill.name}', which is active until the turn ends, allows only: {allowed}."
    return None


def _lets_through(allowed: Sequence[str], invocation: Invocation) -> bool:
    commands: list[Rule] = []
    for written in allowed:
        name, _, pattern = written.removesuffix(")").partition("(")
        ours = OUR_NAMES.get(name, name)
        if pattern.endswith(":*"):
            pattern = f"{pattern.removesuffix(':*')} *"
        if ours == "bash" == invocation.kind:
            commands.append(Rule(f"bash:{pattern}", "skill"))
        elif invocation.kind != "bash" and _names(ours, invocation) and _fits(ours, pattern, invocation):
            return True
    if any(rule.rest in ("", "*") for rule in commands):
        return True
    # Each simple command in it must be one of these: `git log; rm -r x` is not a git command.
    policy = Policy("restrict", "skill", allow=tuple(commands))
    return bool(commands) and isinstance(judge(policy, invocation), Allow)


def _names(ours: str, invocation: Invocation) -> bool:
    return ours == invocation.tool or (ours.startswith(f"{invocation.tool}:") and ours == _head(invocation))


def _fits(ours: str, pattern: str, invocation: Invocation) -> bool:
    return not pattern or Rule(f"*:{ours} {pattern}", "skill").allows(invocation.kind, (invocation.text,))


def _head(invocation: Invocation) -> str:
    return invocation.text.split(" ", 1)[0]
