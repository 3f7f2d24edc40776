"""Slash commands about what the model is shown of a long session: pinned records, goals, and summaries."""

import re
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand, record_number
from duragent.cli.chat.conversation import Note
from duragent.wire import AimAt, Outcome, PinRecord, SessionView

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk

SHOWN_CHARS = 100
"""Of a goal or a pinned record."""
_ENDS: dict[str, Outcome] = {"done": "done", "drop": "dropped"}
"""What a person writes to end a goal, and how it ends then."""
_PART = re.compile(r"(g[0-9]{1,9}) +(\S.*)", re.S)
"""A goal and what is a part of it."""


async def _pin(talk: "Talk", rest: str) -> None:
    if not rest:
        _tell(talk, _pins(await talk.client.view(talk.session_id)))
        return
    number, *goals = rest.split()
    body = PinRecord(seq=record_number("/pin", number), goals=goals, by=_by(talk))
    _tell(talk, _pins(await talk.client.pin(talk.session_id, body)))


async def _unpin(talk: "Talk", rest: str) -> None:
    _tell(talk, _pins(await talk.client.unpin(talk.session_id, record_number("/unpin", rest))))


async def _goal(talk: "Talk", rest: str) -> None:
    # A goal may be the first thing in a session.
    session_id = await talk.beginning.begin() if rest else talk.session_id
    word, _, goal = rest.partition(" ")
    if not rest:
        shown = await talk.client.view(session_id)
    elif word in _ENDS and goal and " " not in goal:
        shown = await talk.client.end_goal(session_id, goal, _ENDS[word])
    else:
        part = _PART.fullmatch(rest)
        parent, text = part.groups() if part else ("", rest)
        shown = await talk.client.set_goal(session_id, AimAt(text=text, parent=parent, by=_by(talk)))
    _tell(talk, _goals(shown))


async def _expand(talk: "Talk", rest: str) -> None:
    if rest:
        shown = await talk.client.expand_summary(talk.session_id, record_number("/expand", rest))
    else:
        shown = await talk.client.view(talk.session_id)
    _tell(talk, _summaries(shown))


def _tell(talk: "Talk", lines: list[str]) -> None:
    talk.note(Note("\n".join(lines)))


def _pins(shown: SessionView) -> list[str]:
    lines = []
    for pin in shown.pins:
        goals = f" (until {', '.join(pin.goals)})" if pin.goals else ""
        lines.append(f"record {pin.seq}{goals}  {view.one_line(pin.text, SHOWN_CHARS)}")
    return _listed(lines, "", "No record is pinned. /pin RECORD keeps the beginning of one in sight.")


def _goals(shown: SessionView) -> list[str]:
    lines = [
        f"{goal.goal}{f' (part of {goal.parent})' if goal.parent else ''}  {view.one_line(goal.text, SHOWN_CHARS)}"
        for goal in shown.goals
    ]
    more = "/goal ID TEXT sets a part of one; /goal done ID and /goal drop ID end one."
    return _listed(lines, more, "There are no goals. /goal TEXT keeps one in sight.")


def _summaries(shown: SessionView) -> list[str]:
    lines = [
        f"summary {each.seq}  L{each.level}, records {each.first_seq:,} to {each.last_seq:,}, {each.tokens:,} tokens"
        for each in shown.summaries
    ]
    more = "/expand NUMBER shows the parts of one of level 2 or higher in its place."
    return _listed(lines, more, "All records of this session are shown to the model as they are.")


def _listed(lines: list[str], more: str, none: str) -> list[str]:
    """The lines with what may be done next behind them, or the sentence for there are none."""
    return [*lines, *filter(None, [more])] if lines else [none]


def _by(talk: "Talk") -> str:
    return talk.options.sender_name or view.person()


COMMANDS = (
    SlashCommand("/pin", "keep the beginning of a record in the model's sight", _pin, "[RECORD [GOAL …]]"),
    SlashCommand("/unpin", "no longer keep it in sight", _unpin, "RECORD"),
    SlashCommand("/goal", "keep a goal in the model's sight; end one", _goal, "[TEXT | ID TEXT | done ID | drop ID]"),
    SlashCommand("/expand", "which summaries stand for old records; show the parts of one", _expand, "[NUMBER]"),
)
