"""One tool run: its output, its result, how it is stopped, and who is notified."""

from pathlib import Path

from duragent.errors import (
    StoreFull,
)
from duragent.journal.events import (
    ToolFinished,
)
from duragent.journal.inputs import Cancel
from duragent.models.messages import ModelReply, ModelRequest
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house
from tests.support.probes import DO_IT, Deed, Watched, given, nothing, of_kind
from tests.support.tool_calls import BASH, bash, calls, finished, wait_for_end
from tests.support.until import until


async def test_cancelling_ends_the_command_with_its_group(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    model = ScriptedModel([bash("trap '' TERM; touch begun; sleep 60; touch ended")])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "sleep")
        await until((tmp_path / "project" / "begun").exists)
        await house.sessions.post(session, Cancel())
        ended = await wait_for_end(house, session)
        assert ended.outcome == "cancelled"
        [result] = await finished(house, session)
        assert result.outcome == "cancelled"
    assert not (tmp_path / "project" / "ended").exists()


async def test_a_long_output_is_cut_for_the_model_and_can_be_read_whole(tmp_path: Path) -> None:
    def read_it(request: ModelRequest) -> ModelReply:
        call = request.messages[-1].call_id
        assert call is not None
        return calls(("read_output", {"call": call, "pattern": "line 15000"}))

    model = ScriptedModel([bash("seq -f 'line %g' 30000"), read_it, "found it"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        assert (await house.ask(session, "count")).outcome == "completed"
        first, second = await finished(house, session)
        assert len(first.content) < 40_000
        assert "bytes omitted" in first.content
        assert (len(first.output_sha256), first.output_bytes) == (
            64,
            len("".join(f"line {n}\n" for n in range(1, 30001))),
        )
        assert "line 15000" in second.content


async def test_the_details_of_a_result_are_in_the_log(tmp_path: Path) -> None:
    model = ScriptedModel([bash("echo hi"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "hi")
        [result] = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
        assert result.details["exit_code"] == 0


async def test_result_of_a_tool_that_finds_no_room_waits_and_the_tool_runs_once(tmp_path: Path) -> None:
    store, deed = Watched(), Deed("unsafe", nothing)
    store.failures = {b'"tool_finished"': [StoreFull("no room"), StoreFull("no room")]}
    async with open_house(store, ScriptedModel([DO_IT, "done"]), tmp_path, workbench=given(tmp_path, deed)) as house:
        assert (await house.ask(await house.new(), "go")).outcome == "completed"
    assert [event.outcome for event in of_kind(store.stored(), ToolFinished)] == ["ok"]
    assert (deed.runs, store.failures) == (1, {b'"tool_finished"': []})
