"""Guards: rules over the calls that came before, and notes for the model after a call.

The law of this file: it decides from the calls that it is given and from nothing else, so a replay decides the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from duragent.agent.spec import AfterTool, BeforeTool, HooksSpec
from duragent.policy.patterns import Rule


@dataclass(frozen=True)
class PriorCall:
    """A call in the model's context."""

    tool: str
    """The name of the tool."""
    action: str | None
    """The value of its argument `action`; None for a tool without actions."""
    arguments: Mapping[str, object]
    """All of its arguments, `action` included."""
    has_result: bool = True
    """Whether the model still sees the result."""


def refusal(hooks: HooksSpec, call: PriorCall, prior: Sequence[PriorCall]) -> str | None:
    """Why the call must not run now, as a sentence for the model; None when it may run."""
    for guard in hooks.before_tool:
        if _matches(guard.match, call) and (why := _refused(guard, call, prior)):
            return why
    return None


def notes(hooks: HooksSpec, call: PriorCall) -> str | None:
    """The notes for the model after the call has succeeded; None when there are none."""
    found = [note.message for note in hooks.after_tool if _matches(note.match, call) and not _suppressed(note, call)]
    return "\n".join(found) or None


def with_defaults(hooks: HooksSpec, tools: Iterable[str]) -> HooksSpec:
    """The hooks, and those of the enabled built-in tools for which the agent has none with the same `match`."""
    own_before, own_after = ({each.match for each in group} for group in (hooks.before_tool, hooks.after_tool))
    names = dict.fromkeys(tools)
    defaults = [_DEFAULTS[name] for name in names if name in _DEFAULTS]
    before = tuple(each for group in defaults for each in group.before_tool if each.match not in own_before)
    after = tuple(each for group in defaults for each in group.after_tool if each.match not in own_after)
    return HooksSpec(before_tool=(*hooks.before_tool, *before), after_tool=(*hooks.after_tool, *after))


def _matches(pattern: str, call: PriorCall) -> bool:
    text = call.tool if call.action is None else f"{call.tool}:{call.action}"
    return Rule(f"*:{pattern}", "hooks").allows("builtin", (text,))


def _refused(guard: BeforeTool, call: PriorCall, prior: Sequence[PriorCall]) -> str | None:
    names = tuple(dict.fromkeys((*((guard.match_arg,) if guard.match_arg else ()), *guard.match_args)))
    if guard.type == "depends_on":
        prior_match = guard.prior or ""
        if any(_matches(prior_match, each) and _equal(names, call, each) for each in prior):
            return None
        must = "".join(f" The '{name}' argument must match." for name in names)
        return f"Hook guard: this tool requires a prior '{prior_match}' call first.{must}"
    same = (each for each in prior if (each.tool, each.action) == (call.tool, call.action) and each.has_result)
    if any(_equal(names, call, each) for each in same):
        return "Hook guard: duplicate call skipped. The result of the earlier call is still in the conversation."
    return None


def _equal(names: Sequence[str], one: PriorCall, other: PriorCall) -> bool:
    return all(_same(one.arguments.get(name), other.arguments.get(name)) for name in names)


def _same(one: object, other: object) -> bool:
    # In Python, True is 1.
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _suppressed(note: AfterTool, call: PriorCall) -> bool:
    return any(name in call.arguments and _same(call.arguments[name], value) for name, value in note.unless.items())


_DEFAULTS: dict[str, HooksSpec] = {
    "background_process": HooksSpec(
        before_tool=(
            BeforeTool(
                match="background_process:send_keys",
                type="depends_on",
                prior="background_process:capture",
                match_arg="handle",
            ),
        ),
        after_tool=(
            AfterTool(
                match="background_process:capture",
                message="Base your next action on what the screen shows now, not on what you expected.",
            ),
            AfterTool(
                match="background_process:spawn",
                message="The process runs on its own. Start a watcher to learn when it ends or falls silent.",
                unless={"wait": True},
            ),
        ),
    ),
    "memory": HooksSpec(before_tool=(BeforeTool(match="memory:recall", type="skip_duplicate", match_args=("days",)),)),
}
