"""MEMORY.md in the system message: the agent's own writes wait for a moment at which the prefix changes anyway."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from duragent.context.sections import PromptSection
from duragent.errors import Damaged
from duragent.journal.apply import reduce
from duragent.journal.events import FORGOTTEN, ModelCalled, PromptModel, PromptPart, PromptSet
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.journal.viewport import Viewport
from duragent.models.messages import ModelRequest
from duragent.session.stored_log import SessionsLog
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn.rebuild import rebuild
from duragent.turn.steady import STEADY_SECONDS, steady_sections
from tests.context.logs import NOW, Log
from tests.support.remembering_house import RememberingHouse, call, remembering_house

OLD, NEW = "Ada lives in Kiel.", "Ada lives in Rome."
EVER, NEVER = "", None


class Kept:
    """A log."""

    def __init__(self, log: Log, lost: bool = False) -> None:
        self.log, self.lost = log, lost

    @property
    def view(self) -> Viewport:
        return reduce(SessionState("s"), self.log.records).viewport

    async def read_records(self, after: int, limit: int) -> list[Record]:
        if self.lost:
            raise Damaged("s", "blobs/x", 1, "is absent", 0)
        return self.log.records[after : after + limit]


def asked(text: str | None = OLD, log: Log | None = None) -> Log:
    """A question that showed that text, now; None: it showed none."""
    log = log or Log()
    parts = [PromptPart(priority=0, source="soul", text="Kind.")]
    if text is not None:
        parts.append(PromptPart(priority=300, source="MEMORY.md", text=text, forgettable=True))
    log.add(
        PromptSet(frame_sha256="f", sections=tuple(parts), model=PromptModel(provider="p", name="m"), window_tokens=9)
    )
    log.add(ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="p/m", input_seq=1))
    return log


def now_says(own_since: str | None = EVER, text: str = NEW) -> tuple[PromptSection, ...]:
    return (PromptSection(0, "soul", "Kinder."), PromptSection(300, "MEMORY.md", text, True, own_since))


async def shown(log: Log, sections: Sequence[PromptSection], seconds: float = 0, lost: bool = False) -> str:
    """MEMORY.md in a question so long after the newest one; what else is there is always new."""
    kept = Kept(log, lost)
    steady = await steady_sections(kept, kept.view, sections, NOW + timedelta(seconds=seconds))
    assert [replace(each, text="") for each in steady] == [replace(each, text="") for each in sections]
    assert steady[0].text == "Kinder."
    return steady[1].text


async def test_what_the_agent_wrote_waits_until_the_last_question_is_old() -> None:
    assert await shown(asked(), now_says()) == OLD
    assert await shown(asked(), now_says(), STEADY_SECONDS - 1) == OLD
    assert await shown(asked(), now_says(), STEADY_SECONDS) == NEW
    assert await shown(asked(), now_says(), -1) == NEW, "a clock that was set back proves nothing"


@pytest.mark.parametrize(
    ("own_since", "text"),
    [
        (NEVER, NEW),
        ("2026-11-20T23:58:00.001Z", NEW),
        # In the moment of the question: it may have missed it.
        ("2026-11-20T23:58:00.000Z", NEW),
        ("2026-11-20T23:57:59.999Z", OLD),
    ],
)
async def test_what_somebody_else_changed_since_is_seen_at_once(own_since: str | None, text: str) -> None:
    assert await shown(asked(), now_says(own_since)) == text


async def test_another_boundary_is_a_moment() -> None:
    log = asked()
    view = Kept(log).view
    moved = replace(view, coverage=replace(view.coverage, boundary=1))
    steady = await steady_sections(Kept(log), moved, now_says(), NOW)
    assert steady[1].text == NEW


@pytest.mark.parametrize("text", [FORGOTTEN, "Ada lives in [redacted]."])
async def test_text_that_was_taken_out_since_is_not_shown_again(text: str) -> None:
    assert await shown(asked(text), now_says()) == NEW


async def test_what_was_not_shown_or_cannot_be_read_is_new() -> None:
    assert await shown(asked(text=None), now_says()) == NEW
    assert await shown(asked(), now_says(), lost=True) == NEW
    assert await shown(Log(), now_says()) == NEW


async def test_nothing_is_another_object_where_nothing_differs() -> None:
    same = (PromptSection(300, "MEMORY.md", OLD, True, EVER),)
    kept = Kept(asked())
    assert await steady_sections(kept, kept.view, same, NOW) is same


# --- through real turns -----------------------------------------------------------------------------------------------


def system(request: ModelRequest) -> str:
    return str(request.messages[0].content)


def reflecting(text: str) -> list[object]:
    return [call(action="reflect"), call(action="reflect", content=text), "Noted."]


async def again(at: RememberingHouse, session: str) -> None:
    """Each question is made again from the log, byte for byte."""
    for record in await at.house.records(session):
        if isinstance(record.event, ModelCalled):
            made = await rebuild(SessionsLog(at.house.sessions, session), session, "assistant", record.seq)
            assert made.is_equal


async def test_prefix_stays_while_the_agent_reflects_and_a_person_is_heard_at_once(tmp_path: Path) -> None:
    clock, model = FakeClock(), ScriptedModel()
    async with remembering_house(tmp_path, model, clock=clock) as at:
        file = at.memory / "MEMORY.md"
        session = await at.house.new()
        model.add(*reflecting("One."), "a")  # type: ignore[arg-type]
        await at.house.ask(session, "reflect")
        await at.house.ask(session, "no file was there at first")
        assert "One." in system(model.requests[-1]), "no question has shown any"
        model.add(*reflecting("Two."), "b", *reflecting("Three."), "c")  # type: ignore[arg-type]
        before = len(model.requests)
        for text in ("reflect", "b", "reflect", "c"):
            await clock.advance(60)
            await at.house.ask(session, text)
        assert file.read_text() == "Three.\n"
        assert {system(request) for request in model.requests[before:]} == {system(model.requests[before - 1])}
        # A session that never showed it sees what there is.
        model.add("d", "e", "f", "g")
        await at.house.ask(await at.house.new(), "another")
        assert "Three." in system(model.requests[-1])
        await clock.advance(STEADY_SECONDS)
        await at.house.ask(session, "e")
        assert "Three." in system(model.requests[-1])
        file.write_text("Four, says a person.\n")
        await at.house.ask(session, "f")
        assert "Four" in system(model.requests[-1])
        # The agent has read it, and another session of it has not.
        other = await at.house.new()
        await at.house.ask(other, "g")
        file.write_text("Five, says a person.\n")
        model.add(*reflecting("Six."), "h")  # type: ignore[arg-type]
        await at.house.ask(session, "reflect")
        await at.house.ask(other, "h")
        assert "Six." in system(model.requests[-1]), "a person's change is in it"
        await again(at, session)
        await again(at, other)


async def test_restart_changes_nothing(tmp_path: Path) -> None:
    clock, model = FakeClock(), ScriptedModel()
    async with remembering_house(tmp_path, model, clock=clock) as at:
        session = await at.house.new()
        model.add(*reflecting("One."), "a", *reflecting("Two."))  # type: ignore[arg-type]
        for text in ("reflect", "a", "reflect"):
            await at.house.ask(session, text)
    second = ScriptedModel(["b"])
    async with remembering_house(tmp_path, second, clock=clock, node="node-2") as at:
        await at.house.ask(session, "b")
        await again(at, session)
    assert "One." in system(second.requests[0])
    assert system(second.requests[0]) == system(model.requests[-1])


async def test_forgotten_note_is_gone_at_once(tmp_path: Path) -> None:
    clock, model = FakeClock(), ScriptedModel()
    async with remembering_house(tmp_path, model, clock=clock) as at:
        session = await at.house.new()
        model.add(*reflecting("Likes tea.\n\nLives in Kiel."), "a")  # type: ignore[arg-type]
        await at.house.ask(session, "reflect")
        await at.house.ask(session, "a")
        mind = await at.remembering.memory(at.house.speakers.get("assistant")).mind()
        kiel = next(note for note in mind.folder.read_all().notes if "Kiel" in note.text)
        await mind.forget(kiel.id, "ada")
        model.add("b")
        await at.house.ask(session, "b")
        assert "Kiel" not in system(model.requests[-1])


async def test_cut_of_the_conversation_is_a_moment(tmp_path: Path) -> None:
    clock, model = FakeClock(), ScriptedModel()
    small = "  memory: {}\n  session: {context: {max_history_tokens: 700, summaries: off}}"
    async with remembering_house(tmp_path, model, small, clock=clock) as at:
        session = await at.house.new()
        model.add(*reflecting("One."), "a", *reflecting("Two."))  # type: ignore[arg-type]
        for text in ("reflect", "a", "reflect"):
            await at.house.ask(session, text)
        seen, notice = [], []
        for number in range(20):
            model.add(f"{number}. {'More. ' * 60}")
            await at.house.ask(session, str(number))
            seen.append("Two." in system(model.requests[-1]))
            notice.append(any("[conversation" in str(each.content) for each in model.requests[-1].messages))
        assert (seen[0], seen[-1]) == (False, True)
        assert seen.index(True) == notice.index(True), "with the first message that is left out"
        await again(at, session)
