"""What stands between the scrollback and the input line: what is going on now, as lines with a role each. Pure."""

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.render import tail_lines
from duragent.cli.view import one_line
from duragent.tools.command_output import cleaned

LIVE_LINES = 12
HINT_LINES = 3
OUTPUT_LINES = 8
REASONING_LINES = 3
WAITING_MESSAGES = 3

Line = tuple[str, str]
"""A role of `cli/looks`, "" for ordinary text, and a text that fits on one line."""


def live_lines(talk: Conversation, width: int, rows: int, hint: str = "") -> list[Line]:
    """The end of the answer that is being written, messages on their way, a lost connection, and the hint."""
    lines = _now(talk, width, min(rows, LIVE_LINES))
    for text in list(talk.waiting.values())[-WAITING_MESSAGES:]:
        lines.append(("quiet", tail_lines("> " + one_line(text, width - 2), width, 1)[0]))
    if talk.link:
        lines.append(("warning", tail_lines(f"reconnecting… ({one_line(talk.link, width // 2)})", width, 1)[0]))
    if hint:
        lines += [("quiet", line) for line in tail_lines(hint, width, HINT_LINES)]
    return lines


def _now(talk: Conversation, width: int, rows: int) -> list[Line]:
    if talk.partial.text:
        return [("", line) for line in tail_lines(talk.partial.text, width, rows)]
    if talk.partial.reasoning:
        return [("quiet", line) for line in tail_lines(talk.partial.reasoning, width, min(rows, REASONING_LINES))]
    if talk.activity.running:
        return _running(talk, width, min(rows, OUTPUT_LINES))
    if talk.busy and not (talk.link or talk.activity.question):
        return [("quiet", "…")]
    return []


def _running(talk: Conversation, width: int, rows: int) -> list[Line]:
    """The end of what the newest running command has printed."""
    outputs = [cleaned(call.output).strip("\n") for call in talk.activity.running.values()]
    output = next((output for output in reversed(outputs) if output), "")
    tail = tail_lines(output, max(width - 2, 1), rows) if output else ["…"]
    return [("quiet", f"  {line}") for line in tail]
