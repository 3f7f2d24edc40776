"""What stands between the scrollback and the input line: what is going on now, as lines with a role each. Pure."""

import os
from datetime import datetime

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.progress import status_line, working_line
from duragent.cli.chat.render import tail_lines
from duragent.cli.view import one_line
from duragent.client.activity import PERSON
from duragent.tools.terminal_text import cleaned

LIVE_LINES = 12
HINT_LINES = 3
OUTPUT_LINES = 8
REASONING_LINES = 3
WAITING_MESSAGES = 3
TOOL_CHARS = 40

Line = tuple[str, str]
"""A role of `cli/looks`, "" for ordinary text, and a text that fits on one line."""


def live_lines(talk: Conversation, width: int, rows: int, now: datetime, hint: str = "") -> list[Line]:
    """The end of the answer that is being written, messages on their way, a lost connection, how long it takes so far
    or else how things stand, and the hint.
    """
    lines = _now(talk, width, min(rows, LIVE_LINES))
    for text in list(talk.waiting.values())[-WAITING_MESSAGES:]:
        lines.append(("quiet", tail_lines("> " + one_line(text, width - 2), width, 1)[0]))
    if talk.link:
        lines.append(("warning", tail_lines(f"reconnecting… ({one_line(talk.link, width // 2)})", width, 1)[0]))
    elif not talk.activity.question:
        lines += _standing(talk, width, now)
    if hint:
        lines += [("quiet", line) for line in tail_lines(hint, width, HINT_LINES)]
    return lines


def _now(talk: Conversation, width: int, rows: int) -> list[Line]:
    if talk.partial.text:
        return [("", line) for line in tail_lines(talk.partial.text, width, rows)]
    if talk.partial.reasoning:
        return [("quiet", line) for line in tail_lines(talk.partial.reasoning, width, min(rows, REASONING_LINES))]
    return _running(talk, width, min(rows, OUTPUT_LINES))


def _standing(talk: Conversation, width: int, now: datetime) -> list[Line]:
    if talk.busy:
        written = len(talk.partial.text) + len(talk.partial.reasoning)
        return [("quiet", working_line(talk.progress, _what(talk), written, width, now))]
    typed = [call.invocation for call in talk.activity.running.values() if call.tool == PERSON]
    if typed:
        said = f"running {one_line(typed[0], max(width - 30, 10))} · Ctrl-C stops it"
        return [("quiet", tail_lines(said, width, 1)[0])]
    line = status_line(talk.progress, width, os.path.expanduser("~"))
    return [("quiet", line)] if line else []


def _what(talk: Conversation) -> str:
    """What the agent does, in a word or two."""
    names = [call.tool for call in talk.activity.running.values() if call.tool != PERSON]
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        return f"running {one_line(names[0], TOOL_CHARS)}{more}"
    if talk.partial.text:
        return "writing"
    if talk.partial.reasoning:
        return "thinking"
    if talk.progress.asking and talk.progress.loading:
        return f"loading what {one_line(talk.progress.model.partition('/')[0], TOOL_CHARS)} needs"
    return f"waiting for {one_line(talk.progress.model, TOOL_CHARS)}" if talk.progress.asking else "working"


def _running(talk: Conversation, width: int, rows: int) -> list[Line]:
    """The end of what the newest running command has printed."""
    outputs = [cleaned(call.output).strip("\n") for call in talk.activity.running.values()]
    output = next((output for output in reversed(outputs) if output), "")
    tail = tail_lines(output, max(width - 2, 1), rows) if output else []
    return [("quiet", f"  {line}") for line in tail]
