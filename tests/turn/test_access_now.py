"""Whose notes a session may read now: its newest person says it, in private, in a group, and where a machine speaks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from duragent.agent.access import AccessSpec
from duragent.agent.load import Agent
from duragent.agent.memory_spec import MemorySpec
from duragent.context.sections import PromptSection
from duragent.journal.apply import reduce
from duragent.journal.events import Event, MessageReceived, Sender, SessionCreated
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.policy.tiers import Mode
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.base import Places, PlannedChange
from duragent.turn import access_now
from duragent.turn.access_now import private_notes, reads_own_notes, shown_sections
from tests.context.logs import agent_with
from tests.support.house import open_house
from tests.support.probes import DO_IT, Deed, given, nothing

OWNER, BO = "1", "4711"
NOTES = PromptSection(300, "MEMORY.md", "The alarm code is quokka.", forgettable=True)
SOUL = PromptSection(0, "soul", "Kind.")


def ada(folder: Path = Path("/agents/ada"), memory: bool = True) -> Agent:
    agent = agent_with()
    fields = {"memory": MemorySpec() if memory else None, "access": AccessSpec(owners=(OWNER,))}
    return replace(agent, folder=folder, spec=agent.spec.model_copy(update=fields))


def said(sender: str | None, source: str = "gateway") -> MessageReceived:
    return MessageReceived(message_id="m", text="hi", source=source, sender=Sender(id=sender) if sender else None)


@dataclass
class Told:
    """A session's log; how many of its records were read is counted."""

    records: Sequence[Record]
    read: int = 0

    @property
    def state(self) -> SessionState:
        return reduce(SessionState("s"), self.records)

    async def read_records(self, after: int, limit: int) -> list[Record]:
        self.read += limit
        return list(self.records[after : after + limit])


def told(*events: Event, chat: str | None = None, source: str = "gateway") -> Told:
    gateway = "telegram" if source == "gateway" else None
    created = SessionCreated(agent="ada", source=source, gateway=gateway, chat_id=chat)
    return Told([Record(seq, "2026-01-01T00:00:00Z", event) for seq, event in enumerate((created, *events), 1)])


@pytest.mark.parametrize(
    ("log", "own"),
    [
        pytest.param(told(said(OWNER)), True, id="the owner in private"),
        pytest.param(told(said(BO)), False, id="another in private"),
        pytest.param(told(said(None)), False, id="nobody knows who"),
        pytest.param(told(said(OWNER), chat="-100"), False, id="the owner in a group"),
        pytest.param(told(said(BO), chat="-100"), False, id="another in a group"),
        pytest.param(told(said(None), chat="-100"), False, id="nobody knows who in a group"),
        pytest.param(told(said(None, "http"), chat="-100"), False, id="by http in a group"),
        pytest.param(told(said(BO), said(OWNER)), True, id="the owner after another"),
        pytest.param(told(said(OWNER), said(BO)), False, id="another after the owner"),
        pytest.param(told(said(BO), said(None, "process")), False, id="a machine for another"),
        pytest.param(told(said(OWNER), said(None, "schedule")), True, id="a machine for the owner"),
        pytest.param(told(said(None, "process")), False, id="a machine in a chat"),
        pytest.param(told(said(None, "http"), source="http"), True, id="http"),
        pytest.param(told(said("bo", "http"), source="http"), False, id="http for another"),
        pytest.param(told(source="http"), False, id="nothing said"),
        pytest.param(told(), False, id="nothing said in a chat"),
        pytest.param(told(chat="-100"), False, id="nothing said in a group"),
        pytest.param(told(said(None, "schedule"), source="schedule"), False, id="made by a machine"),
    ],
)
async def test_newest_person_says_whether_the_agents_own_notes_are_read(log: Told, own: bool, tmp_path: Path) -> None:
    agent = ada(tmp_path / "ada")
    assert await reads_own_notes(log, agent) == own
    assert await shown_sections(log, agent, [SOUL, NOTES]) == ((SOUL, NOTES) if own else (SOUL,))
    assert (await private_notes(log, agent) == ()) == own


async def test_notes_of_all_agents_are_closed(tmp_path: Path) -> None:
    for name in ("ada", "eve"):
        (tmp_path / name / "memory").mkdir(parents=True)
    (tmp_path / "without").mkdir()
    closed = await private_notes(told(said(OWNER), chat="-100"), ada(tmp_path / "ada"))
    assert closed == (tmp_path / "ada" / "memory", tmp_path / "eve" / "memory")
    # Also when its own folder comes into being only now.
    assert await private_notes(told(said(BO)), ada(tmp_path / "bob")) == (tmp_path / "bob" / "memory", *closed)


async def test_agent_that_remembers_nothing_reads_no_record(tmp_path: Path) -> None:
    log = told(said(BO), chat="-100")
    assert await reads_own_notes(log, ada(memory=False))
    assert await shown_sections(log, ada(), [SOUL]) == (SOUL,)
    assert log.read == 0


async def test_person_is_looked_for_page_by_page_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_now, "PAGE", 3)
    machine = said(None, "process")
    assert await reads_own_notes(told(said(OWNER), *[machine] * 10), ada())
    assert not await reads_own_notes(told(said(BO), *[machine] * 10), ada())
    monkeypatch.setattr(access_now, "MOST_RECORDS", 6)
    far = told(said(OWNER), *[machine] * 20, source="http")
    assert not await reads_own_notes(far, ada()), "who is too far back is a stranger"
    assert far.read <= 9


# --- before a call ----------------------------------------------------------------------------------------------------


class Looking(Deed):
    """A deed that looks at files before it is done."""

    def __init__(self) -> None:
        super().__init__("pure", nothing)
        self.closed: list[tuple[Path, ...]] = []

    def planned(self, arguments: Deed.Arguments, places: Places) -> Sequence[PlannedChange]:
        self.closed.append(places.closed)
        return ()


@pytest.mark.parametrize(("mode", "kind"), [("ask", "approval_requested"), ("dangerous", "tool_finished")])
async def test_what_is_closed_to_a_call_is_closed_to_the_look_before_it(tmp_path: Path, mode: Mode, kind: str) -> None:
    tool, memory = Looking(), tmp_path.resolve() / "assistant" / "memory"
    memory.mkdir(parents=True)
    model = ScriptedModel([DO_IT, "done"])
    bench = given(tmp_path, tool, mode)
    async with open_house(MemoryStore(), model, tmp_path, agent_rest="  memory: {}", workbench=bench) as house:
        session = await house.new_in_group("session_01JXGROUP")
        await house.say_as(session, BO, "do it")
        while kind not in await house.kinds(session):
            await asyncio.sleep(0)
    assert [memory in closed for closed in tool.closed] == [True]
