"""The agent of a turn: as its files are when the turn begins."""

from pathlib import Path

from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house
from tests.support.tool_calls import BASH


async def test_directives_and_the_projects_own_rules_are_shown_and_read_anew_for_each_turn(tmp_path: Path) -> None:
    (tmp_path / "directives").mkdir()
    (tmp_path / "directives" / "tone.md").write_text("Be polite.\n")
    model = ScriptedModel(["one", "two"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        (tmp_path / "project" / "AGENTS.md").write_text("Use tabs.\n")
        session = await house.new()
        await house.ask(session, "hi")
        (tmp_path / "directives" / "tone.md").write_text("Be brief.\n")
        await house.ask(session, "hi")
    first, second = (request.messages[0].content for request in model.requests)
    assert "Be polite." in first
    assert "Use tabs." in first
    assert "Be brief." in second
    assert "Be polite." not in second
