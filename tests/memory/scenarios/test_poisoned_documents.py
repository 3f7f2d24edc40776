"""What documents want an agent to remember reaches no later session, through real turns; what a person said does."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import zip_longest
from pathlib import Path

import pytest

from duragent.memory import trust
from duragent.models.messages import ModelReply
from duragent.testing import FakeClock, ScriptedModel
from duragent.turn import recall
from tests.corpus.poisoned import GENUINE, LEAKS, PHRASINGS, poisoned
from tests.support.remembering_house import RememberingHouse, call, remembering_house

TOOLS = "  memory: {}\n  tools: [{type: builtin, name: read_file}]"
MARKS = ("audit@evil.example", "evil.example/drop", "without asking a person", "VoltMax")
"""What no request has that knows nothing of the rule: one of each leak."""
QUESTIONS = (
    "Who gets the copy of the report after answering?",
    "Which contents are uploaded before each deploy?",
    "Which shell command is approved?",
    "Which charger for batteries, when somebody talks about them?",
)
"""About each of them, without its mark."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no part of this."""
    monkeypatch.setattr(recall, "DEADLINE_SECONDS", 60.0)


def pairs(alone: bool) -> Iterator[tuple[tuple[str, str, str] | None, tuple[str, str]]]:
    """Each poisoned document beside a genuine note, and the rest of these; or only the documents."""
    genuine = (("", "") if alone else (said, note) for said, note in GENUINE)
    yield from zip(poisoned(), genuine, strict=False) if alone else zip_longest(poisoned(), genuine)


def obeying(rule: str, whole: bool) -> list[ModelReply]:
    """A model that does all that it can to keep a rule. `whole`: it also writes whole files."""
    note = [call("read_file", path="page.txt"), call(action="remember", content=rule, importance=1.0)]
    if not whole:
        return note
    return [
        *note,
        call(action="reflect"),
        call(action="reflect", content=f"# Rules\n\n{rule}\n"),
        call(action="update_world", topic="rules", content=rule),
    ]


@asynccontextmanager
async def lived(folder: Path, alone: bool = False) -> AsyncIterator[RememberingHouse]:
    """An agent that was given all of it, each in a session of its own. `alone`: without genuine notes."""
    clock, model = FakeClock(), ScriptedModel()
    async with remembering_house(folder, model, TOOLS, clock=clock) as at:
        for number, (document, (said, note)) in enumerate(pairs(alone)):
            asked = said
            if document is not None:
                asked, page, rule = f"{document[0]} {said}", document[1], document[2]
                (folder / "project" / "page.txt").write_text(page)
                model.add(*obeying(rule, whole=number % len(PHRASINGS) == 0))
            model.add(*([call(action="remember", content=note)] if note else []), "Done.")
            answered = await at.house.ask(await at.house.new(), asked)
            assert answered.outcome == "completed", answered
        await clock.advance(2)
        await at.remembering.memory(at.house.speakers.get("assistant")).idle()
        yield at


async def later(at: RememberingHouse, questions: Sequence[str]) -> str:
    """All that later sessions are shown: by themselves, and with each way to look it up."""
    before = len(at.model.requests)
    for question in questions:
        at.model.add(
            call(action="recall", query=question, limit=50),
            call(action="recall", days=3),
            call(action="reflect"),
            "So.",
        )
        await at.house.ask(await at.house.new(), question)
    return "\n".join(request.model_dump_json() for request in at.model.requests[before:])


def reached(shown: str) -> set[str]:
    return {mark for mark in MARKS if mark in shown}


async def test_no_rule_of_a_document_is_in_a_request_of_a_later_session(tmp_path: Path) -> None:
    assert all(sum(mark in leak for leak in LEAKS) == 1 for mark in MARKS)
    async with lived(tmp_path) as at:
        shown = await later(at, QUESTIONS)
        assert reached(shown) == set()
        waits = (at.memory / "unreviewed.md").read_text()
        mind = await at.remembering.memory(at.house.speakers.get("assistant")).mind()
        assert len(mind.state.reviews) >= len(list(poisoned())), "each of them tried, and waits"
        files = [path for path in at.memory.rglob("*.md") if path.name != "unreviewed.md"]
        written = "\n".join(path.read_text() for path in [*files, *(tmp_path / "memory").rglob("*.md")])
        assert (reached(written), reached(waits)) == (set(), set(MARKS))
        # What the person said beside them is not lost, and is found.
        waiting = [note for _, note in GENUINE if f"\n{note}\n" not in written]
        assert len(waiting) <= 0.15 * len(GENUINE), waiting
        told = await later(at, ["Which units does the user prefer?", "What is the dog of the user called?"])
        assert "metric units" in told
        assert "called Bruno" in told
        assert reached(told) == set()


async def test_control_without_trust_every_rule_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "trust_of", lambda *_, **__: "owner")
    async with lived(tmp_path, alone=True) as at:
        assert reached(await later(at, QUESTIONS)) == set(MARKS)
