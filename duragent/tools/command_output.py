"""What a finished command becomes for the model: its output as plain text, cut to a size, and how it ended.

Pure, apart from the thread that keeps a long text off the event loop.
"""

import asyncio
import signal
from dataclasses import dataclass

from duragent.process.base import Finished, LimitReached, Output
from duragent.text import printable
from duragent.tools.base import ResultOutcome, ToolResult
from duragent.tools.terminal_text import cleaned

SHOWN_BYTES = 32 * 1024
GRACE_SECONDS = 30.0
"""How much longer than its command a call may take: the command's end is reported by the runner, not by the call's."""

_ON_LINE_END_BYTES = 2 * 1024
"""So much may be left out in addition so that a cut falls on the end of a line."""
_LONG_BYTES = 64 * 1024
_STDERR = "\n--- stderr ---\n"


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """A text as the model sees it; `full` is all of it when something was left out."""

    text: str
    full: bytes | None = None


async def command_result(finished: Finished, *, call: str, timeout_seconds: float) -> ToolResult:
    """The result of the call that ran the command."""
    if finished.stdout.size_bytes + finished.stderr.size_bytes < _LONG_BYTES:
        return result_of(finished, call, timeout_seconds)
    return await asyncio.to_thread(result_of, finished, call, timeout_seconds)


def result_of(finished: Finished, call: str, timeout_seconds: float) -> ToolResult:
    """As `command_result`, in this thread. `call` is how `read_output` will name it."""
    details = {
        "exit_code": finished.exit_code,
        "signal": finished.signal,
        "seconds": round(finished.seconds, 3),
        "stdout_bytes": finished.stdout.size_bytes,
        "stderr_bytes": finished.stderr.size_bytes,
        "ending": finished.ending,
        **({"error": finished.error} if finished.error else {}),
        **({"limit": finished.limit.name} if finished.limit else {}),
    }
    if _never_ran(finished):
        return ToolResult(f"The command could not be started: {printable(finished.error)}", "error", details)
    body, note = _body(finished), _note(finished, timeout_seconds)
    if not body:
        plain = finished.ending == "exited" and finished.exit_code is not None
        plain = plain and not finished.error and not finished.limit
        said = f"Command completed with exit code {finished.exit_code}" if plain else note
        return ToolResult(said, _outcome(finished), details)
    lost = finished.stdout.omitted_bytes + finished.stderr.omitted_bytes
    shown = cut_in_the_middle(body, call, "what was kept of it" if lost else "all of it")
    return ToolResult(_joined(shown.text, note), _outcome(finished), details, shown.full)


def _never_ran(finished: Finished) -> bool:
    """Else an error is about a command that may have done all that it was to do."""
    ended = (finished.ending, finished.exit_code, finished.signal)
    return bool(finished.error) and ended == ("exited", None, None)


def _outcome(finished: Finished) -> ResultOutcome:
    if finished.limit:
        return "error"
    if finished.ending != "exited":
        return finished.ending
    return "ok" if finished.exit_code == 0 and not finished.error else "error"


def _note(finished: Finished, timeout_seconds: float) -> str:
    """How it ended, unless it just ended well."""
    if finished.limit:
        return _limit_note(finished, finished.limit, timeout_seconds)
    if finished.error:
        return f"[{_late(finished, timeout_seconds)}{printable(finished.error)}]"
    if finished.ending == "timeout":
        return f"[timed out after {timeout_seconds:g} s and was ended]"
    if finished.ending == "cancelled":
        return "[was cancelled and ended]"
    if finished.signal is not None:
        return f"[ended by signal {finished.signal}{_signal_name(finished.signal)}]"
    if finished.exit_code is None:
        return "[ended, without an exit code]"
    return f"[exit code {finished.exit_code}]" if finished.exit_code else ""


_LIMIT_WORDS = {
    "processes": ("had more than {} processes and threads at once", "processes", 0),
    "memory_bytes": ("used more than {} MiB of memory", "memory_mebibytes", 20),
    "file_bytes": ("wrote a file of more than {} MiB", "file_mebibytes", 20),
    "cpu_seconds": ("used more than {} seconds of CPU time", "cpu_seconds", 0),
}
"""What a command did, the setting of the limit, and by how much its value is shifted for the setting's unit."""


def _late(finished: Finished, timeout_seconds: float) -> str:
    return f"timed out after {timeout_seconds:g} s; " if finished.ending == "timeout" else ""


def _limit_note(finished: Finished, limit: LimitReached, timeout_seconds: float) -> str:
    did, setting, shift = _LIMIT_WORDS.get(limit.name, ("went over a limit of {}", limit.name, 0))
    what = f"{did.format(f'{limit.value >> shift:,}')} and was ended: `sandbox.limits.{setting}` in duragent.yaml"
    late = _late(finished, timeout_seconds)
    also = f"; {printable(finished.error)}" if finished.error else ""
    if finished.ending == "exited" and finished.exit_code is not None and limit.name != "file_bytes":
        return f"[exit code {finished.exit_code}; what the command left running {what}{also}]"
    return f"[{late}the command {what}{also}]"


def _signal_name(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""


def _body(finished: Finished) -> str:
    """Both streams as one text, "" when nothing can be seen."""
    stdout, stderr = text_of(finished.stdout), text_of(finished.stderr)
    if not stderr.strip():
        return stdout if stdout.strip() else ""
    return f"{stdout}{_STDERR}{stderr}" if stdout.strip() else stderr


def _joined(text: str, note: str) -> str:
    if not note:
        return text
    return f"{text}{note}" if text.endswith("\n") else f"{text}\n{note}"


# --- text ------------------------------------------------------------------------------------------------------------


def text_of(output: Output) -> str:
    """One stream as text; where the runner kept nothing of its middle, a line says so."""
    if not output.omitted_bytes:
        return cleaned((output.head + output.tail).decode(errors="replace"))
    head, tail = _without_torn_end(output.head), _without_torn_start(output.tail)
    lost = output.size_bytes - len(head) - len(tail)
    return (
        cleaned(head.decode(errors="replace"))
        + f"\n[{lost:,} bytes were not kept]\n"
        + cleaned(tail.decode(errors="replace"))
    )


def cut_in_the_middle(text: str, call: str, what: str = "all of it") -> ShownOutput:
    """The text, or its first and its last 16 KiB with a line between them that says how to get at the rest."""
    content = text.encode(errors="replace")
    if len(content) <= SHOWN_BYTES:
        return ShownOutput(text)
    head, tail = _head(content[: SHOWN_BYTES // 2]), _tail(content[-SHOWN_BYTES // 2 :])
    omitted = len(content) - len(head) - len(tail)
    notice = f'[{omitted:,} bytes omitted: read_output(call="{call}") shows {what}]'
    before = "" if head.endswith(b"\n") else "\n"
    return ShownOutput(f"{head.decode()}{before}{notice}\n{tail.decode()}", content)


def _head(content: bytes) -> bytes:
    end = content.rfind(b"\n", len(content) - _ON_LINE_END_BYTES) + 1
    return content[:end] if end else _without_torn_end(content)


def _tail(content: bytes) -> bytes:
    start = content.find(b"\n", 0, _ON_LINE_END_BYTES) + 1
    return content[start:] if start else _without_torn_start(content)


def _without_torn_start(content: bytes) -> bytes:
    """Without the rest of a UTF-8 character whose first byte is missing."""
    start = next((at for at, byte in enumerate(content[:4]) if byte & 0xC0 != 0x80), 0)
    return content[start:]


def _without_torn_end(content: bytes) -> bytes:
    """Without the beginning of a UTF-8 character whose last byte is missing."""
    for back in range(1, min(4, len(content)) + 1):
        byte = content[-back]
        if byte & 0xC0 == 0x80:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return content[:-back] if length > back else content
    return content
