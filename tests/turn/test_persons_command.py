"""A person's command runs where the agent's commands run, once, beside the turns; and the model sees it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from duragent.bus import OutputDelta
from duragent.errors import NotNow, StoreFull
from duragent.journal.events import CommandFinished, CommandRequested
from duragent.journal.inputs import Cancel, RunCommand
from duragent.journal.record import Record, crc_seed, encode
from duragent.models.messages import ModelReply, ModelRequest
from duragent.process.spool import Spool
from duragent.stores.base import Claim, Store
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import House, open_house
from tests.support.probes import Watched
from tests.support.tool_calls import BASH, bash
from tests.support.until import until
from tests.support.workbench import workbench_in


@asynccontextmanager
async def house_of(store: Store, model: ScriptedModel, folder: Path, **more: Any) -> AsyncIterator[House]:
    """A house with a spool as a server has one: it can say of a command that it was never started."""
    workbench = workbench_in(folder)
    spool = await Spool.open(folder / "run" / "spool")
    async with open_house(store, model, folder, workbench=replace(workbench, spool=spool), **more) as house:
        yield house


async def run(house: House, session: str, command: str) -> CommandFinished:
    """Run it, and wait for its end."""
    receipt = await house.sessions.post(session, RunCommand(command=command, by="me"))
    assert receipt.seq > 0
    return await end(house, session)


async def end(house: House, session: str) -> CommandFinished:
    async def ended() -> CommandFinished | None:
        state = await house.sessions.state(session)
        ends = [event for event in await house.events(session) if isinstance(event, CommandFinished)]
        return ends[-1] if ends and state.commanding is None else None

    found = await until(ended)
    assert found is not None
    return found


async def test_it_runs_in_the_working_directory_and_starts_no_turn(tmp_path: Path) -> None:
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        found = await run(house, session, "pwd; echo oops >&2; exit 3")
        assert (found.outcome, found.details["exit_code"]) == ("error", 3)
        assert found.content.startswith(f"{tmp_path.resolve()}/project\n")
        assert found.place
        assert await house.kinds(session) == ["command_requested", "command_finished"]
        # What is left of it goes behind the record of its end.
        await until(lambda: not [each for each in (tmp_path / "run/spool").iterdir() if each.is_dir()])


async def test_the_model_sees_it_with_its_next_question_as_something_that_was_said(tmp_path: Path) -> None:
    seen: list[ModelRequest] = []

    def reply(request: ModelRequest) -> ModelReply:
        seen.append(request)
        return ModelReply(text="I see", model="scripted")

    async with house_of(MemoryStore(), ScriptedModel([reply, reply]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await run(house, session, "echo hello")
        await house.ask(session, "what did I do?")
        await house.ask(session, "and now?")
    assert [message.content for message in seen[1].messages[1:]] == [
        "[I ran `echo hello` here myself. It said:]\nhello\n",
        "what did I do?",
        "I see",
        "and now?",
    ]


@pytest.mark.parametrize(("mode", "outcome"), [("ask", "denied"), ("restrict", "denied"), ("dangerous", "denied")])
async def test_what_the_policy_denies_is_denied_to_people_too(mode: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(f"mode: {mode}\ndeny: ['bash:touch *']\n")
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        found = await run(house, await house.new(), "echo a; touch forbidden")
        assert (found.outcome, found.by_rule) == (outcome, "policy.yaml: bash:touch *")
    assert not (tmp_path / "project/forbidden").exists()


@pytest.mark.parametrize("mode", ["ask", "restrict"])
async def test_what_the_agent_would_have_to_ask_for_runs_for_a_person(mode: str, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(f"mode: {mode}\n")
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        assert (await run(house, await house.new(), "touch made")).outcome == "ok"
    assert (tmp_path / "project/made").exists()


async def test_it_runs_beside_a_turn_and_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("mode: dangerous\n")
    model = ScriptedModel([bash("touch begun; while [ ! -e go ]; do sleep 0.02; done"), "done"])
    async with house_of(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.say(session, "work")
        await until((tmp_path / "project/begun").exists)
        assert (await run(house, session, "echo beside")).content == "beside\n"
        await house.sessions.post(session, RunCommand(command="touch long; sleep 60"))
        await until((tmp_path / "project/long").exists)
        with pytest.raises(NotNow, match="another command"):
            await house.sessions.post(session, RunCommand(command="true"))
        await house.sessions.post(session, Cancel())
        assert (await end(house, session)).outcome == "cancelled"
        state = await house.sessions.state(session)
        assert state.turn is not None
        assert not state.turn.cancelled
        (tmp_path / "project/go").touch()
        await house.idle(session)
        assert (await house.events(session))[-1].type == "turn_ended"


async def test_a_long_output_is_kept_whole(tmp_path: Path) -> None:
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        found = await run(house, session, "seq 30000")
        assert len(found.content) < 40_000
        assert found.output_bytes == len(await house.sessions.blob(session, found.output_sha256)) > 100_000


async def test_a_sandbox_that_does_not_work_is_an_end_too(tmp_path: Path) -> None:
    rest = f"{BASH}\n  sandbox: {{require: docker}}"
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=rest) as house:
        found = await run(house, await house.new(), "true")
        assert found.outcome == "error"
        assert found.content.startswith("It could not be started: ")


async def test_it_runs_only_when_its_request_is_durable(tmp_path: Path) -> None:
    store, made, early = Watched(), tmp_path / "project/made", list[bool]()

    async def until_it_runs(lines: bytes) -> None:
        """The disk is so slow that a command which does not wait for it has run before."""
        if b"command_requested" in lines:
            with suppress(AssertionError):
                await until(made.exists, bound=0.3)
            early.append(made.exists())

    store.while_storing = until_it_runs
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        assert (await run(house, await house.new(), "touch made")).outcome == "ok"
    assert early == [False]
    assert made.exists()


async def test_its_result_is_kept_until_it_is_in_the_log(tmp_path: Path) -> None:
    store, spool = Watched(), tmp_path / "run/spool"
    found: list[str] = []

    def look(lines: bytes) -> None:
        if b"command_finished" in lines:
            found.extend(path.name for path in spool.glob("session_*/exit.json"))

    store.before = look
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        assert (await run(house, await house.new(), "true")).outcome == "ok"
    assert found == ["exit.json"]


async def test_a_fault_of_ours_is_its_end_and_the_next_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project/.git").mkdir(parents=True)
    async with house_of(MemoryStore(), ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        with monkeypatch.context() as broken:
            broken.setattr("duragent.turn.persons_command.put_aside", lambda _: 1 // 0)
            found = await run(house, session, "true")
        assert found.outcome == "interrupted"
        assert found.content.startswith("unexpected ZeroDivisionError")
        assert (await run(house, session, "echo on")).content == "on\n"
        await until(lambda: not [each for each in (tmp_path / "run/spool").iterdir() if each.is_dir()])


class _FullAtTheEnd(MemoryStore):
    """Has no room for the first record that ends a command."""

    refused = 0

    async def append(self, claim: Claim, lines: Sequence[bytes], *, expect: int) -> None:
        if not self.refused and any(b"command_finished" in line for line in lines):
            self.refused += 1
            raise StoreFull("no room")
        await super().append(claim, lines, expect=expect)


async def test_an_end_that_waited_for_room_says_where_it_ran_and_what_was_put_aside(tmp_path: Path) -> None:
    store = _FullAtTheEnd()
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        found = await run(house, await house.new(), f"echo planted > {tmp_path}/policy.yaml")
        assert (store.refused, found.outcome) == (1, "ok")
        assert found.place
        assert "it was renamed and has no effect" in found.content
    assert not (tmp_path / "policy.yaml").exists()


async def test_a_file_that_decides_about_agents_is_put_aside_also_when_an_earlier_server_began(tmp_path: Path) -> None:
    store = MemoryStore()
    command = f"echo hi; touch begun; while [ ! -e go ]; do sleep 0.02; done; echo planted > {tmp_path}/policy.yaml"
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.sessions.post(session, RunCommand(command=command))
        await until((tmp_path / "project/begun").exists)
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH, node="node-2") as house:
        live = await house.sessions.live.open(session)
        async with live.watch(live.state.seq) as items:
            # What it has printed is shown when the command has been found again.
            await anext(item async for item in items if isinstance(item, OutputDelta))
        (tmp_path / "project/go").touch()
        assert "it was renamed and has no effect" in (await end(house, session)).content
    assert not (tmp_path / "policy.yaml").exists()


async def test_what_was_asked_for_and_never_started_runs_at_the_next_start(tmp_path: Path) -> None:
    store = MemoryStore()
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        spool = house.ports.workbench.spool.id
    claim = await store.claim(session)
    asked = CommandRequested(command_id="command_1", command="echo once >> count", spool=spool)
    line = encode(Record(claim.head + 1, "2026-01-01T00:00:00.000Z", asked), crc_seed(session)).line
    await store.append(claim, [line], expect=claim.head)
    for node in ("node-2", "node-3"):
        async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH, node=node) as house:
            assert (await end(house, session)).outcome == "ok"
    assert (tmp_path / "project/count").read_text() == "once\n"


async def test_one_of_another_spool_may_have_run_and_is_not_run_again(tmp_path: Path) -> None:
    store = MemoryStore()
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH) as house:
        session = await house.new()
    claim = await store.claim(session)
    asked = CommandRequested(command_id="command_1", command="touch made", spool="spool_of_another_machine")
    line = encode(Record(claim.head + 1, "2026-01-01T00:00:00.000Z", asked), crc_seed(session)).line
    await store.append(claim, [line], expect=claim.head)
    async with house_of(store, ScriptedModel([]), tmp_path, agent_rest=BASH, node="node-2") as house:
        assert (await end(house, session)).outcome == "interrupted"
    assert not (tmp_path / "project/made").exists()
