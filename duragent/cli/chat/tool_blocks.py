"""What a chat shows of tool calls: a line when one begins, and what came of it in a few. Pure."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from duragent.cli.chat.diffs import added_and_removed
from duragent.cli.view import one_line
from duragent.journal import events
from duragent.visible import in_sight

SHORT_LINES = 6
"""A result of so many lines is shown whole."""
FIRST_LINES = 4
DIFF_LINES = 40

MAIN_ARGUMENTS = ("command", "path", "url", "query")


@dataclass(frozen=True)
class Called:
    """A line for a call: its tool, and the rest of it in words."""

    tool: str
    """Name of the tool."""

    text: str
    """What it is called with; may have several lines."""

    rule: str = ""
    """The policy rule that allowed it; "" when there is none to name."""

    asked: bool = False
    """A person has to decide about the call, so all of it is shown."""


@dataclass(frozen=True)
class Returned:
    """Lines for the result of a call."""

    facts: str
    """How it ended and how long it took, in one line; may be empty."""

    text: str = ""
    """The beginning of its text, of a failure the end; "" when there is a diff."""

    diff: str = ""
    """What it changed in a file, shortened."""

    good: bool = True
    """False for a failure."""

    of: str = ""
    """Name of the tool, where the line above is about another call; else ""."""

    whole: "Returned | None" = field(default=None, compare=False, repr=False)
    """All of it, where `text` or `diff` is a part only."""


def called(tool: str, invocation: str, rule: str = "", *, asked: bool = False) -> Called:
    """`read_file a.txt` of the tool read_file is `a.txt`; `web:fetch URL` of the tool web is `URL` of web:fetch."""
    first, _, rest = invocation.partition(" ")
    if tool and first.partition(":")[0] == tool:
        tool, invocation = first, rest
    return Called(in_sight(tool), in_sight(invocation.strip("\n")), in_sight(rule), asked)


def asked_about(tool: str, invocation: str, preview: str) -> Called:
    """The line of a call that waits: whole, unless the diff of its question says the rest of it."""
    if preview:
        return Called(in_sight(tool), main_value(tool, invocation))
    return called(tool, invocation, asked=True)


def never_began(tool: str, arguments: str) -> Called:
    """A call that was denied, skipped or not valid, by what the model wrote: its main argument, else all of them."""
    return Called(in_sight(tool), in_sight(_main_argument(arguments).strip("\n")))


def _main_argument(arguments: str) -> str:
    try:
        given = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(given, dict):
        return arguments
    texts = (given[name] for name in MAIN_ARGUMENTS if isinstance(given.get(name), str))
    return next(texts, arguments)


def first_lines(text: str, count: int) -> str:
    lines = text.split("\n")
    if len(lines) <= count + 1:
        return text
    return "\n".join([*lines[:count], f"… {len(lines) - count:,} more lines"])


def returned(event: events.ToolFinished, of: str = "", seen: str = "") -> Returned:
    """`seen`: the diff that the person had before them when they allowed the call; it is not shown again."""
    diff = event.details.get("diff")
    good, text = event.outcome == "ok", event.content.strip("\n")
    if isinstance(diff, str) and diff and good:
        whole = Returned(_facts(event, 0), "", diff, of=of)
        if diff == seen:
            what = f"{one_line(in_sight(str(event.details.get('path', ''))))} {added_and_removed(diff)}".lstrip()
            return replace(whole, facts=" · ".join(filter(None, (what, whole.facts))), diff="", whole=whole)
        return _cut(whole, diff=first_lines(diff, DIFF_LINES))
    lines = text.split("\n") if text else []
    if "exit_code" in event.details and good and text.startswith("Command completed with exit code"):
        lines = []
    whole = Returned(_facts(event, len(lines)), "\n".join(lines), good=good, of=of)
    return _cut(whole, text="\n".join(_excerpt(lines, good)))


def _cut(whole: Returned, text: str = "", diff: str = "") -> Returned:
    same = (text, diff) == (whole.text, whole.diff)
    return whole if same else replace(whole, text=text, diff=diff, whole=whole)


def _excerpt(lines: list[str], good: bool) -> list[str]:
    if len(lines) <= SHORT_LINES:
        return lines
    left = f"… {len(lines) - FIRST_LINES:,} more lines"
    # What went wrong is said at the end.
    return [*lines[:FIRST_LINES], left] if good else [left, *lines[-FIRST_LINES:]]


def _facts(event: events.ToolFinished, lines: int) -> str:
    details = event.details
    facts = [*_ending(event.outcome, details)]
    if lines > SHORT_LINES:
        facts.append(f"{lines:,} lines")
    if details.get("created") is True:
        facts.append("created")
    if isinstance(seconds := details.get("seconds"), int | float) and not isinstance(seconds, bool):
        facts.append(f"{seconds:.1f} s")
    return " · ".join(facts)


def _ending(outcome: str, details: dict[str, Any]) -> list[str]:
    exit_code, signal = details.get("exit_code"), details.get("signal")
    if outcome in ("ok", "error") and isinstance(signal, int):
        return [f"ended by signal {signal}"]
    if outcome in ("ok", "error") and isinstance(exit_code, int):
        return [f"exit {exit_code}"]
    words = {"ok": [], "error": ["failed"], "timeout": ["timed out"]}
    return words.get(outcome, [outcome])


def main_value(tool: str, invocation: str) -> str:
    """The argument of the call that says most: what stands first behind the tool's name."""
    rest = called(tool, invocation).text
    if not rest.startswith('"'):
        return rest.partition(" ")[0]
    try:
        value, _ = json.JSONDecoder().raw_decode(rest)
    except (ValueError, RecursionError):
        return rest
    return in_sight(str(value))
