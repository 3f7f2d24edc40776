"""Facts that change, told where they change: date and time stand with what people write, not in the system message.

The note before a message is made from the message's own record, so that it is the same bytes in every later request.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from duragent.context.transcript import TranscriptEntry
from duragent.models.messages import ChatMessage

STABLE_VARIABLES = {
    "date": "the date of the newest [now: …] note",
    "time": "the time of the newest [now: …] note",
}
"""What `{{date}}` and `{{time}}` become in prompts: words that are true at any time."""

_HOUR_CHARS = len("2026-11-20T23")


def asks_for_time(prompts: Sequence[str]) -> bool:
    """Whether the agent's files speak of date or time, as their variables have been filled in."""
    return any(words in prompt for prompt in prompts for words in STABLE_VARIABLES.values())


def dated(talk: Sequence[TranscriptEntry]) -> list[TranscriptEntry]:
    """The talk with a note before the first user message, and before each one that came in another hour than the last.

    It looks at two neighbours only, so that the notes do not depend on where the talk begins.
    """
    found: list[TranscriptEntry] = []
    hour = ""
    for each in talk:
        if each.message.role == "user" and each.ts:
            if each.ts[:_HOUR_CHARS] != hour:
                found += _note(each)
            hour = each.ts[:_HOUR_CHARS]
        found.append(each)
    return found


def dated_from_first(talk: Sequence[TranscriptEntry]) -> list[TranscriptEntry]:
    """What was kept of a dated talk, with a note before its first message of a person if that has none."""
    for at, each in enumerate(talk):
        if each.message.content.startswith(_BEGIN) and each.mark == "notice":
            break
        if each.message.role == "user" and each.ts:
            return [*talk[:at], *_note(each), *talk[at:]]
    return list(talk)


_BEGIN = "[now: "


def _note(before: TranscriptEntry) -> list[TranscriptEntry]:
    try:
        at = datetime.fromisoformat(before.ts).astimezone(UTC)
    except (ValueError, OverflowError):
        return []
    text = f"{_BEGIN}{_DAYS[at.weekday()]} {at:%Y-%m-%d %H:%M} UTC]"
    return [TranscriptEntry(ChatMessage(role="user", content=text), before.seq, turn=before.turn, mark="notice")]


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
