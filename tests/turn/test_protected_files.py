"""Files that decide about agents are put aside when a command has made one."""

from pathlib import Path

import pytest

from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import open_house
from tests.support.tool_calls import BASH, bash


@pytest.mark.parametrize("name", ["policy.yaml", "project/.git/commondir"])
async def test_a_file_that_decides_about_agents_cannot_be_made_by_a_command(tmp_path: Path, name: str) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "assistant").mkdir()
    (tmp_path / "assistant" / "policy.yaml").write_text("mode: dangerous\n")
    model = ScriptedModel([bash(f"echo planted > {tmp_path / name}; echo made"), "done"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=BASH) as house:
        session = await house.new()
        await house.ask(session, "go")
    assert not (tmp_path / name).exists()
    assert (tmp_path / f"{name}.put-aside-by-duragent").read_text() == "planted\n"
    assert "only a person may make this" in model.requests[1].messages[-1].content
