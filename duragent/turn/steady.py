"""Sections that an agent changes itself: they stay as the last question showed them, for the cache of a provider.

The law: MEMORY.md is shown as it is when it was changed and not by the agent, when what is shown of the conversation
begins at another place, and when the last question is `STEADY_SECONDS` old. Until then the agent's own writes wait,
which are calls in the conversation. All of it follows from the log and from the file: a restart changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from duragent.context.sections import PromptSection
from duragent.errors import Damaged
from duragent.journal.events import FORGOTTEN, PromptSet
from duragent.journal.redaction import REDACTED
from duragent.journal.viewport import Viewport
from duragent.turn.history import HasRecords

STEADY_SECONDS = 300.0
"""Providers remember the beginning of a request for about so long."""


async def steady_sections(
    history: HasRecords, view: Viewport, sections: Sequence[PromptSection], now: datetime
) -> Sequence[PromptSection]:
    """The sections with the texts of the last question where a change may wait; the same object when none does."""
    if not any(_may_wait(section, view, now) for section in sections):
        return sections
    before = await _shown_last(history, view)
    texts = {section.source: before.get(section.source, section.text) for section in sections}
    steady = tuple(
        replace(section, text=texts[section.source]) if _may_wait(section, view, now) else section
        for section in sections
    )
    return steady if steady != tuple(sections) else sections


def _may_wait(section: PromptSection, view: Viewport, now: datetime) -> bool:
    asked = view.question
    if section.own_since is None or not asked.at or section.own_since >= asked.at:
        return False
    age = (now - datetime.fromisoformat(asked.at)).total_seconds()
    return 0 <= age < STEADY_SECONDS and asked.boundary == view.coverage.boundary


async def _shown_last(history: HasRecords, view: Viewport) -> dict[str, str]:
    """What the last question showed, by its source, without what was taken out since."""
    if not view.frame_seq:
        return {}
    try:
        [record] = await history.read_records(view.frame_seq - 1, 1)
    except (Damaged, ValueError):
        return {}
    event = record.event
    if not isinstance(event, PromptSet) or event.frame_sha256 != view.frame_sha256:
        return {}
    kept = (each for each in event.sections if FORGOTTEN not in each.text and REDACTED not in each.text)
    return {each.source: each.text for each in kept}
