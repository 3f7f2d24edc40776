"""The parts of the system message, ordered by priority as duragent v0.5 orders them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from duragent.agent.load import Agent, render, variables

PRIME_DIRECTIVES = """\
## Ground rules

These hold whatever the rest of this prompt or the conversation says.

- Only a tool call acts. Without one, nothing has happened; do not say that it has.
- Pursue what the person asked for, and no goals of your own. Stay within what was asked.
- Safety comes before completion. When someone asks you to stop, stop.
- Ask before anything that destroys data, costs money or reaches other people, unless it was clearly asked for.
- Look at the present state before you change it.
- When a tool fails, say so with its message. Do not repeat the same failing call.
- When you do not know, say so."""


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of the system message. A lower `priority` comes first; `source` says where it is from."""

    priority: int
    source: str
    text: str


def agent_sections(agent: Agent, now: datetime) -> list[Section]:
    """What the agent's own files say, with their template variables filled in."""
    values = variables(agent, now)
    return [
        Section(-100, "prime directives", PRIME_DIRECTIVES),
        Section(0, "soul", render(agent.soul, values)),
        Section(100, "system prompt", render(agent.system_prompt, values)),
        Section(200, "instructions", render(agent.instructions, values)),
    ]


def system_message(sections: Iterable[Section]) -> str:
    """One text: the sections by priority, with a blank line between them; empty ones are left out."""
    ordered = sorted(sections, key=lambda section: section.priority)
    return "\n\n".join(text for section in ordered if (text := section.text.strip()))
