"""What a session has used goes with a copy of it, and so does its model; what a person allowed in it does not."""

from pathlib import Path

import pytest

from duragent.journal import events as e
from duragent.journal.inputs import ChooseModel, Decision
from duragent.journal.state import ChosenModel
from duragent.models.messages import ModelReply, ModelUsage
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.tool_calls import BASH, bash, question

PATTERN = "bash:touch *"
REST = BASH + "\n  session: {session_budget: {cost_usd: 0.5}}"


def _dear(text: str) -> ModelReply:
    return ModelReply(text=text, model="m", usage=ModelUsage(input_tokens=7, output_tokens=3), cost_usd=0.4)


async def _copied(house: House, session: str, how: str) -> str:
    if how == "fork":
        return (await fork(house.sessions, house.clock, Fork(session)))[0].session_id
    with await export(house.sessions, house.clock, session) as file:
        if how == "move":
            await house.sessions.delete(session)
        return (await import_(house.sessions, house.clock, file, new_id=how == "import")).session_id


@pytest.mark.parametrize("how", ["fork", "import", "move"])
async def test_a_copy_has_used_what_its_past_has_and_asks_again(how: str, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "sessions", disk=QuickDisk())
    store.open()
    model = ScriptedModel([bash("touch a"), _dear("made"), bash("touch b"), _dear("made too")])
    async with open_house(store, model, tmp_path, agent_rest=REST) as house:
        session = await house.new()
        said = await house.say(session, "make a")
        call = (await question(house, session)).call
        await house.sessions.post(session, Decision(call=call, decision="allow_session", patterns=(PATTERN,)))
        assert (await house.sessions.answer(session, said)).outcome == "completed"
        await house.sessions.post(session, ChooseModel(provider="demo", model="other"))
        original = await house.sessions.state(session)
        assert (original.allowed, original.totals.cost_usd) == ((PATTERN,), 0.4)
        copy = await _copied(house, session, how)
        state = await house.sessions.state(copy)
        assert (state.allowed, state.totals, state.model_choice) == ((), original.totals, ChosenModel("demo", "other"))
        assert [each.patterns for each in await house.events(copy) if isinstance(each, e.AllowanceRevoked)] == [
            (PATTERN,)
        ]
        # The same command is asked about, and with its answer the budget of the past is used up.
        said = await house.say(copy, "make b")
        await house.decide(copy, (await question(house, copy)).call)
        assert (await house.sessions.answer(copy, said)).outcome == "completed"
        assert (await house.ask(copy, "more")).outcome == "paused"
        ended = [each for each in await house.events(copy) if isinstance(each, e.TurnEnded)]
        assert ended[-1].code == "session-budget"
    store.close()
