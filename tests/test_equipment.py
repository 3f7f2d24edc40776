"""What agents are equipped with, the same for the server and for commands that need none."""

from pathlib import Path

import pytest

from duragent.agent.catalog import Catalog
from duragent.config import Config, ConfigFile
from duragent.equipment import equip, make_workbench, section_sources
from duragent.process.spool import Spool
from duragent.session.session_past import OwnSessions
from duragent.tools.base import ToolOwner
from duragent.tools.web.tool import WebTool
from duragent.turn.workbench import Workbench
from tests.support.house import write_agent


def no_sessions() -> OwnSessions:
    raise AssertionError("no tool that reads sessions was made")


def bench(config: Config) -> Workbench:
    return make_workbench(config, config.agents_dir, Spool(config.workspace / "run" / "spool", "spool_1"), no_sessions)


def names(base: Path, paths: tuple[Path, ...]) -> list[str]:
    return [str(path.relative_to(base.resolve())) for path in paths]


def test_agents_write_neither_their_own_files_nor_the_configuration(tmp_path: Path) -> None:
    apart = Config(base=tmp_path, file=ConfigFile(workspace=str(tmp_path / ".duragent")))
    assert names(tmp_path, bench(apart).frozen) == [".duragent", ".duragent/agents", "duragent.yaml"]


def test_project_that_is_the_workspace_itself_can_be_worked_in(tmp_path: Path) -> None:
    inside = Config(base=tmp_path, file=ConfigFile(workspace=str(tmp_path)))
    assert names(tmp_path, bench(inside).frozen) == [
        *("agents", "duragent.yaml", "policy.yaml", "tools", "skills", "directives", "commands", "memory", "models"),
        "shared",
    ]


@pytest.mark.parametrize(
    ("written", "environment", "key"),
    [(None, "", None), (None, "from-env", "from-env"), ("from-file", "from-env", "from-file")],
)
def test_web_search_has_the_key_of_the_file_or_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str | None, environment: str, key: str | None
) -> None:
    monkeypatch.setenv("BRAVE_API_KEY", environment)
    web = {"brave_api_key": written} if written else {}
    file = ConfigFile.model_validate({"workspace": str(tmp_path / ".duragent"), "web": web})
    config = Config(base=tmp_path, file=file)
    write_agent(config.agents_dir)
    agent = Catalog.open(config.agents_dir).get("assistant")
    made = bench(config)
    tool = made.factories["web"](ToolOwner(agent, made.places(agent)))
    assert isinstance(tool, WebTool)
    settings = tool.settings
    assert (settings.brave_api_key.get_secret_value() if settings.brave_api_key else None) == key


async def test_commands_without_a_server_see_the_agent_that_a_turn_would_have(tmp_path: Path) -> None:
    config = Config(base=tmp_path, file=ConfigFile(workspace=str(tmp_path / ".duragent")))
    write_agent(config.agents_dir, rest="  tools: [{type: builtin, name: bash}, {type: builtin, name: thing}]")
    (config.workspace / "directives").mkdir()
    (config.workspace / "directives" / "tone.md").write_text("Be kind.\n")
    (config.workspace / "directives" / "broken.md").write_bytes(b"\xff\xfe\xfd")
    agent = Catalog.open(config.agents_dir).get("assistant")
    has = equip(agent, config.workspace, config.base)
    assert [tool.name for tool in has.loaded.tools.tools] == ["bash", "read_output"]
    assert [section.source for section in has.loaded.sections.sections] == ["directives: workspace/tone"]
    assert len(has.faults) == 2
    assert [type(source) for source in section_sources(tmp_path)] == [type(source) for source in bench(config).sources]
