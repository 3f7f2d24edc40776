"""Where a message comes from, and whether a person sent it: only a person's message interrupts what is under way."""

from duragent.text import Brief

Source = Brief
"""`http`, `cli` and `gateway` are people; `schedule`, `process` and `agent` are machines; `legacy` is a message of
duragent-rust v0.5, which gets no answer.

The list is open, so that logs and clients of later versions can be read: any other value counts as `http`.
"""

Door = Brief
"""Which program it is, such as `page`, `acp` or `telegram`; "" when that is not known."""

MACHINES = frozenset({"schedule", "process", "agent", "legacy"})


def is_person(source: str) -> bool:
    """Whether a person sent it.

    A person's message resumes a paused session and skips the calls that have not begun. All others wait for the next
    question to the model, or for the next turn.
    """
    return source not in MACHINES


def source_and_door(source: str, door: str) -> str:
    """For people: `http`, or `http (page)` where the door is known."""
    return f"{source} ({door})" if door else source
