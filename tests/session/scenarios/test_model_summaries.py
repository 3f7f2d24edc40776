"""Summaries that a model writes: prose by the model, facts by code, within a budget and on no turn's way."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.agent.memory_spec import SleepSpec
from duragent.errors import AuthenticationFailed, ModelUnavailable
from duragent.journal.events import HistorySummarised
from duragent.journal.mind.events import WorkBegun, WorkEnded
from duragent.mind.budget import DayBudget
from duragent.models.base import Model, ModelChoice
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ModelUsage
from duragent.stores.memory import MemoryStore
from duragent.testing import Line, ScriptedModel
from tests.mind.house import MindHouse, mind_house
from tests.support.house import House, open_house

REST = """\
  session: {context: {max_history_tokens: 2000, summaries: model}}
  memory: {sleep: {model: cheap}}
"""
CHEAP = "apiVersion: duragent/v1alpha1\nkind: Model\nspec: {provider: groq, name: small, temperature: 0.1}\n"
PROSE = "They looked at parts of the program.\n\nNothing was wrong."
KEPT = "They looked at parts of the program.\nNothing was wrong."
USED = ModelUsage(input_tokens=900, output_tokens=30)


@dataclass
class _Writing:
    """A session's house, its mind's, and the model that writes summaries."""

    house: House
    mind: MindHouse
    writer: ScriptedModel
    session: str

    async def talk(self, turns: int, first: int = 0) -> None:
        for turn in range(first, first + turns):
            await self.house.ask(self.session, f"Question {turn}: what is in src/part_{turn}.py? {'words ' * 60}")

    async def quiet(self) -> None:
        while self.house.live(self.session).busy:
            await asyncio.sleep(0)

    async def summaries(self) -> list[HistorySummarised]:
        return [event for event in await self.house.events(self.session) if isinstance(event, HistorySummarised)]

    async def work(self) -> list[WorkBegun | WorkEnded]:
        records = await (await self.mind.ada()).log.records(0, 1000)
        return [each.event for each in records if isinstance(each.event, WorkBegun | WorkEnded)]


@asynccontextmanager
async def writing(folder: Path, writer: ScriptedModel, spec: SleepSpec | None = None) -> AsyncIterator[_Writing]:
    (folder / "models").mkdir()
    (folder / "models" / "cheap.yaml").write_text(CHEAP)
    own = ScriptedModel(otherwise=f"Answer. {'And more. ' * 40}")

    def model_for(choice: ModelChoice) -> Model:
        return writer if choice.provider == "groq" else own

    async with mind_house(folder / "mind") as mind:
        budget = DayBudget(mind.ada, spec or SleepSpec(), mind.clock)
        async with open_house(
            MemoryStore(), own, folder, model_for=model_for, agent_rest=REST, summary_budget=lambda _: budget
        ) as house:
            yield _Writing(house, mind, writer, await house.new())


async def test_a_model_writes_the_prose_and_code_the_facts(tmp_path: Path) -> None:
    reply = ModelReply(text=PROSE, usage=USED, cost_usd=0.001)
    async with writing(tmp_path, ScriptedModel(otherwise=reply, label="groq/small")) as made:
        await made.talk(20)
        await made.quiet()
        first, *_ = await made.summaries()
        begun, ended, *_ = await made.work()
    assert (first.text, first.by, first.cost_usd) == (KEPT, "groq/small", 0.001)
    assert "src/part_0.py" in first.facts
    assert first.usage is not None
    assert (first.usage.input, first.usage.output) == (900, 30)
    assert isinstance(begun, WorkBegun)
    assert (begun.kind, begun.session, begun.first_seq) == ("summary L1", made.session, 1)
    assert begun.last_seq == first.last_seq
    assert begun.estimate_tokens > 900
    assert isinstance(ended, WorkEnded)
    assert (ended.job, ended.outcome, ended.usage) == (begun.job, "done", first.usage)
    assert begun.job == first.job
    asked = made.writer.requests[0]
    assert asked.temperature == 0.1
    assert "Question 0: what is in src/part_0.py?" in asked.messages[1].content
    assert "Answer. And more." in asked.messages[1].content


async def test_a_summary_of_summaries_is_written_from_their_texts(tmp_path: Path) -> None:
    async with writing(tmp_path, ScriptedModel(otherwise=PROSE)) as made:
        for turn in range(64):
            await made.talk(1, turn)
            await made.quiet()
        higher = next(event for event in await made.summaries() if event.level == 2)
    asked = next(each for each in made.writer.requests if "#1 to #" in each.messages[1].content)
    assert asked.messages[1].content.count(KEPT) == 5
    assert "Question" not in asked.messages[1].content
    assert higher.text == KEPT
    assert "src/part_0.py" in higher.facts


async def test_over_the_budget_no_model_is_asked_and_code_makes_the_text(tmp_path: Path) -> None:
    async with writing(tmp_path, ScriptedModel(otherwise=PROSE), SleepSpec(tokens_per_day=100)) as made:
        await made.talk(20)
        await made.quiet()
        first, *_ = await made.summaries()
        assert await made.work() == []
    assert made.writer.requests == []
    assert first.by == "extract"
    assert "Question 0" in first.text


@pytest.mark.parametrize(
    ("error", "tries"), [(ModelUnavailable("the line is dead"), 3), (AuthenticationFailed("no such key"), 1)]
)
async def test_a_model_that_fails_is_tried_and_then_code_makes_the_text(
    tmp_path: Path, error: Exception, tries: int
) -> None:
    async with writing(tmp_path, ScriptedModel(otherwise=Line("", error=error))) as made:  # type: ignore[arg-type]
        await made.talk(20)
        await made.quiet()
        summaries = await made.summaries()
        ends = [each for each in await made.work() if isinstance(each, WorkEnded)]
    assert [each.by for each in summaries] == ["extract"] * len(summaries)
    assert len(made.writer.requests) == tries * len(summaries) > 0
    assert {(each.outcome, each.error) for each in ends} == {("failed", str(error))}


async def test_an_answer_that_says_nothing_is_a_try(tmp_path: Path) -> None:
    declined = ModelReply(text="I will not.", finish_reason="content_filter")
    async with writing(tmp_path, ScriptedModel([" \n", declined], otherwise=PROSE)) as made:
        await made.talk(20)
        await made.quiet()
        first, *_ = await made.summaries()
        ends = [each.outcome for each in await made.work() if isinstance(each, WorkEnded)]
    assert first.text == KEPT
    assert ends[:3] == ["failed", "failed", "done"]


async def test_a_model_that_cancels_itself_has_failed(tmp_path: Path) -> None:
    class Cancelling(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
            yield ModelDelta(text="one")
            raise asyncio.CancelledError

    async with writing(tmp_path, Cancelling()) as made:
        await made.talk(20)
        await made.quiet()
        summaries = await made.summaries()
        ends = [each.outcome for each in await made.work() if isinstance(each, WorkEnded)]
    assert [each.by for each in summaries] == ["extract"] * len(summaries)
    assert ends == ["failed", "failed", "failed"] * len(summaries)


async def test_turns_go_on_while_a_model_writes(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with writing(tmp_path, ScriptedModel([Line(PROSE, gate=gate)], otherwise=PROSE)) as made:
        await made.talk(20)
        await made.writer.asked()
        await made.talk(4, 20)
        assert await made.summaries() == []
        gate.set()
        await made.quiet()
        first, *_ = await made.summaries()
    assert first.text == KEPT


async def test_a_session_that_closes_meanwhile_leaves_work_that_counts(tmp_path: Path) -> None:
    gate = asyncio.Event()
    async with writing(tmp_path, ScriptedModel([Line(PROSE, gate=gate)])) as made:
        await made.talk(20)
        await made.writer.asked()
        await made.house.sessions.close(1.0)
        work = await made.work()
    assert len(work) == 2
    begun, ended = work
    assert isinstance(begun, WorkBegun)
    assert isinstance(ended, WorkEnded)
    assert (ended.outcome, ended.usage.input) == ("cancelled", begun.estimate_tokens)
    assert made.writer.abandoned == 1
