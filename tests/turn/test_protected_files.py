"""Files that decide about agents are put aside when a command has made one."""

from pathlib import Path

import pytest

from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.turn.protected_files import missing, put_aside
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


def test_only_files_that_are_missing_in_folders_that_are_there_can_be_created(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    watched = missing(tmp_path / name for name in ("there", "link", "new", "folder/new"))
    assert watched == (tmp_path / "new",)


def test_each_created_file_is_renamed_and_an_earlier_one_is_kept(tmp_path: Path) -> None:
    watched = (tmp_path / "policy.yaml", tmp_path / "hooks")
    for text in ("first", "second"):
        watched[0].write_text(text)
        assert put_aside(watched) == [watched[0]]
    watched[1].mkdir()
    assert put_aside(watched) == [watched[1]]
    assert put_aside(watched) == []
    aside = "policy.yaml.put-aside-by-duragent"
    assert {path.name: path.is_dir() or path.read_text() for path in tmp_path.iterdir()} == {
        aside: "first",
        f"{aside}-1": "second",
        "hooks.put-aside-by-duragent": True,
    }
