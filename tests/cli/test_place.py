"""Which workspace a command is about."""

from pathlib import Path

import pytest

from duragent.cli.place import find_config, serve_arguments
from tests.cli.commands import Command


def test_the_nearest_workspace_upwards_is_the_one(
    duragent: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    duragent("init", "--no-interactive")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    found = find_config(None, None)
    assert found is not None
    assert found.workspace == folder / ".duragent"
    (folder / "a" / "duragent.yaml").write_text("workspace: elsewhere\n")
    found = find_config(None, None)
    assert found is not None
    assert found.workspace == folder / "a" / "elsewhere"
    assert serve_arguments(found) == ["--config", str(folder / "a" / "duragent.yaml")]


def test_the_variable_names_a_configuration_that_lies_beside_no_workspace(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "etc").mkdir()
    (folder / "etc/duragent.yaml").write_text(f"workspace: {folder}/served\n")
    (folder / ".duragent").mkdir()
    monkeypatch.setenv("DURAGENT_CONFIG", str(folder / "etc/duragent.yaml"))
    found = find_config(None, None)
    assert found is not None
    assert found.workspace == folder / "served"
    named = find_config(None, folder / ".duragent")
    assert named is not None
    assert named.workspace == folder / ".duragent"


def test_a_workspace_may_have_any_name(folder: Path) -> None:
    found = find_config(None, Path("my-place"))
    assert found is not None
    assert found.workspace == folder / "my-place"
    assert serve_arguments(found) == ["--workspace", str(folder / "my-place")]


def test_a_workspace_that_was_named_and_is_not_there_is_not_made(duragent: Command, folder: Path) -> None:
    ran = duragent("chat", "-w", "nowhere")
    assert (ran.code, list(folder.iterdir())) == (66, [])


def test_the_folder_around_a_workspace_is_not_taken_for_one(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    ran = duragent("session", "list", "-w", ".")
    assert ran.code == 2
    assert "--workspace .duragent" in ran.err
    assert [path.name for path in folder.iterdir()] == [".duragent"]
