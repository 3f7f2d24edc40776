"""What the chat says of an agent's memory: what a question brought with it, and what was noted beside an answer."""

from duragent.cli import view
from duragent.journal import events

MARK = "\u2301"
MOST_IDS = 5
MOST_CHARS = 200


def recalled_words(recalled: events.MemoryRecalled) -> str:
    """The line for the notes that the model is shown; "" when it is shown none."""
    shown = [view.record_cell(item.ref) for item in recalled.items if not item.left_out]
    if not shown or recalled.silent:
        return ""
    more = ", \u2026" if len(shown) > MOST_IDS else ""
    notes = "1 note" if len(shown) == 1 else f"{len(shown)} notes"
    return f"  {MARK} recalled {notes} ({', '.join(shown[:MOST_IDS])}{more}) \u00b7 /why"


def noted_words(finished: events.ToolFinished) -> str:
    """The line for what an agent noted without waiting for it."""
    line = " ".join(finished.content.split())[:MOST_CHARS]
    return f"  {MARK} {line}" if line else f"  {MARK} noted"
