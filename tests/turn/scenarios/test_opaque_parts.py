"""A model gets back what it wants back: in the turn, after a restart, in a fork and an import; another one does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from duragent.errors import StoreFull
from duragent.journal.events import ModelReplied
from duragent.journal.inputs import ChooseModel
from duragent.models.messages import ModelReply, ModelRequest, OpaquePart, ToolCall
from duragent.stores.base import Claim
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from duragent.turn.opaque import IN_LINE_BYTES
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk

SHORT, LONG = "signed", "s" * (IN_LINE_BYTES + 1)
TOOLS = "  tools:\n    - type: builtin\n      name: think"
DEMO = "demo/demo"


def thinking(signature: str, model: str = DEMO, *, calls: bool = True) -> ModelReply:
    """An answer that is to come back with this signature."""
    call = ToolCall(id="c", name="think", arguments='{"thought":"hm"}')
    opaque = OpaquePart(adapter="scripted", model=model, value=[{"signature": signature}])
    return ModelReply(text="well", calls=(call,) if calls else (), opaque=opaque)


def signatures(request: ModelRequest) -> list[str | None]:
    """What each message of the assistant brings along."""
    said = [message for message in request.messages if message.role == "assistant"]
    return [message.opaque.value[0]["signature"] if message.opaque else None for message in said]


@asynccontextmanager
async def house_in(folder: Path, model: ScriptedModel) -> AsyncIterator[House]:
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    try:
        async with open_house(store, model, folder, agent_rest=TOOLS) as house:
            yield house
    finally:
        store.close()


@pytest.mark.parametrize("signature", [SHORT, LONG])
async def test_the_next_step_and_the_next_turn_and_the_next_process_send_it_back(
    tmp_path: Path, signature: str
) -> None:
    model = ScriptedModel([thinking(signature), thinking("2", calls=False), thinking("3", calls=False), "done"])
    async with house_in(tmp_path, model) as house:
        session = await house.new()
        await house.ask(session, "go")
        await house.ask(session, "and on")
    async with house_in(tmp_path, model) as house:
        await house.ask(session, "still there?")
    assert [signatures(request) for request in model.requests] == [
        [],
        [signature],
        [signature, "2"],
        [signature, "2", "3"],
    ]


async def test_a_fork_and_an_import_have_what_is_in_blobs(tmp_path: Path) -> None:
    model = ScriptedModel([thinking(LONG), "done", "in the fork", "in the import"])
    async with house_in(tmp_path, model) as house:
        session = await house.new()
        await house.ask(session, "go")
        forked, _ = await fork(house.sessions, house.clock, Fork(session))
        with await export(house.sessions, house.clock, session) as file:
            await house.sessions.delete(session)
            imported = await import_(house.sessions, house.clock, file, new_id=True)
        for copy in (forked, imported):
            await house.ask(copy.session_id, "go on")
            found = FileLogReader(tmp_path / "sessions").check(copy.session_id)
            assert (found.blobs, found.damage) == (1, None)
    assert [signatures(request) for request in model.requests[2:]] == [[LONG, None], [LONG, None]]


async def test_a_session_whose_model_is_changed_goes_on_and_finds_its_own_again(tmp_path: Path) -> None:
    model = ScriptedModel([thinking(SHORT), "one", thinking("of two", "openai/two"), "two", "one again"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=TOOLS) as house:
        session = await house.new()
        await house.ask(session, "go")
        await house.sessions.post(session, ChooseModel(provider="openai", model="two"))
        await house.ask(session, "now you")
        await house.sessions.post(session, ChooseModel(provider="demo", model="demo"))
        await house.ask(session, "and you again")
    assert [signatures(request) for request in model.requests] == [
        [],
        [SHORT],
        [None, None],
        [None, None, "of two"],
        [SHORT, None, None, None],
    ]


async def test_a_session_goes_on_without_what_is_lost(tmp_path: Path) -> None:
    model = ScriptedModel([thinking(LONG), "done", "goes on"])
    async with house_in(tmp_path, model) as house:
        session = await house.new()
        await house.ask(session, "go")
        [blob] = (tmp_path / "sessions" / session / "blobs").iterdir()
        blob.unlink()
        answered = await house.ask(session, "and on")
        assert answered.outcome == "completed"
        assert FileLogReader(tmp_path / "sessions").check(session).lost_blobs == [blob.name]
    assert signatures(model.requests[2]) == [None, None]


class _FullOnce(MemoryStore):
    """There is no room for the first blob at its first try."""

    full = True

    async def put_blob(self, claim: Claim, sha256: str, data: bytes) -> None:
        if self.full:
            self.full = False
            raise StoreFull("no room")
        await super().put_blob(claim, sha256, data)


async def test_an_answer_waits_for_room_for_what_its_provider_wants_back(tmp_path: Path) -> None:
    model = ScriptedModel([thinking(LONG), "done"])
    async with open_house(_FullOnce(), model, tmp_path, agent_rest=TOOLS) as house:
        session = await house.new()
        await house.ask(session, "go")
        replies = [event for event in await house.events(session) if isinstance(event, ModelReplied)]
        assert [bool(event.opaque and event.opaque.sha256) for event in replies] == [True, False]
    assert signatures(model.requests[1]) == [LONG]
