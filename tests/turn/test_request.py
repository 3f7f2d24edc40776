"""What a model is sent."""

from pathlib import Path

from duragent.context.sections import PromptSection, SourcedSections
from duragent.journal.apply import reduce
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.models.base import ModelChoice
from duragent.models.messages import ChatMessage
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.bash import Bash
from duragent.tools.think import Think
from duragent.tools.toolset import Toolset
from duragent.turn.history import HistoryNeed
from duragent.turn.request import prepare
from duragent.turn.workbench import LoadedAgent
from tests.context.logs import NOW, Log, agent_with
from tests.support.house import open_house


class Stored:
    """A history of which at most the `newest` records are given at once."""

    def __init__(self, log: Log, newest: int = 1_000) -> None:
        self._records, self._newest = log.records, newest
        self.state = reduce(SessionState("s"), log.records)

    async def newest(self, need: HistoryNeed) -> tuple[list[Record], bool]:
        return self._records[-self._newest :], self._newest >= len(self._records)

    async def blob(self, sha256: str) -> bytes:
        raise AssertionError(f"no record refers to {sha256}")

    async def read_records(self, after: int, limit: int) -> list[Record]:
        return [record for record in self._records if record.seq > after][:limit]


async def test_the_model_sees_soul_system_prompt_and_instructions_in_order(tmp_path: Path) -> None:
    model = ScriptedModel(["one", "two"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await house.ask(session, "first")
        await house.ask(session, "second")
    system, *rest = model.requests[1].messages
    assert system.role == "system"
    kind, named, brief = (system.content.index(text) for text in ("You are kind.", "You are assistant.", "Be brief."))
    assert kind < named < brief
    assert rest == [
        ChatMessage(role="user", content="first"),
        ChatMessage(role="assistant", content="one"),
        ChatMessage(role="user", content="second"),
    ]


async def test_tools_that_an_earlier_request_of_the_turn_had_are_offered_again() -> None:
    log, loaded = Log(), LoadedAgent(agent_with(), Toolset((Think(), Bash())))
    log.start("go")
    history = Stored(log)
    chosen = await prepare(history, loaded, NOW)
    assert [tool.name for tool in chosen.request.tools] == ["think", "bash"]
    again = await prepare(history, loaded, NOW, offered=chosen.frame.tools[:1])
    assert [tool.name for tool in again.request.tools] == ["think"]
    assert again.sha256 != chosen.sha256 == (await prepare(history, loaded, NOW)).sha256


async def test_request_takes_up_what_a_room_says_and_the_newest_record() -> None:
    log = Log()
    log.start("go")
    sections = SourcedSections((PromptSection(300, "notes", "Remember the otters."),))
    prepared = await prepare(Stored(log), LoadedAgent(agent_with(), Toolset(), sections), NOW)
    assert prepared.request.messages[0].content.endswith("Remember the otters.")
    assert (prepared.input_seq, prepared.request.messages[1].content) == (len(log.records), "go")
    assert prepared.model == ModelChoice("demo", "demo")


async def test_message_that_the_turn_is_for_is_in_also_when_it_is_too_far_back() -> None:
    log = Log()
    log.start("the reason")
    for number in range(40):
        log.say(f"{number} " + "more " * 20)
    prepared = await prepare(Stored(log, newest=5), LoadedAgent(agent_with(), Toolset()), NOW)
    assert "the reason" in [message.content for message in prepared.request.messages]
