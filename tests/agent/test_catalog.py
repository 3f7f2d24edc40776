"""All agents by name: a broken one never takes others down, nor its own last good version."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from duragent.agent.catalog import Catalog, Reloaded
from duragent.config import load_config
from duragent.errors import AgentBroken, AgentNotFound, InvalidFile
from tests.support.bounds import LIMIT_SECONDS
from tests.support.places import EXAMPLE


def write(agents_dir: Path, name: str, soul: str = "", model: str = "{provider: demo}") -> Path:
    folder = agents_dir / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SOUL.md").write_text(soul)
    (folder / "agent.yaml").write_text(
        f"apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  model: {model}\n"
    )
    return folder


def test_example_workspace_is_whole() -> None:
    config = load_config(EXAMPLE / "duragent.yaml", {})

    catalog = Catalog.open(config.agents_dir)

    assert (list(catalog.agents), dict(catalog.broken)) == (["assistant", "researcher"], {})
    assert all(agent.soul and agent.system_prompt and agent.instructions for agent in catalog.agents.values())


def test_absent_or_empty_folder_has_no_agents(tmp_path: Path) -> None:
    assert Catalog.open(tmp_path).agents == {}
    assert Catalog.open(tmp_path / "absent").agents == {}


def test_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "agents").write_text("")

    with pytest.raises(InvalidFile, match="cannot be read as a folder"):
        Catalog.open(tmp_path / "agents")


def test_only_visible_folders_with_an_agent_file_count(tmp_path: Path) -> None:
    write(tmp_path, "zoe")
    write(tmp_path, "bob")
    write(tmp_path, ".hidden")
    (tmp_path / "notes").mkdir()
    (tmp_path / "README.md").write_text("")

    catalog = Catalog.open(tmp_path)

    assert (list(catalog.agents), dict(catalog.broken)) == (["bob", "zoe"], {})


def test_symlinked_agent_folder_counts(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "ada")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/ada").symlink_to("../elsewhere/ada")

    assert list(Catalog.open(tmp_path / "agents").agents) == ["ada"]


def test_broken_agent_leaves_the_others(tmp_path: Path) -> None:
    write(tmp_path, "ada")
    bad = write(tmp_path, "bad", model="5")
    odd = write(tmp_path, "odd")
    (odd / "agent.yaml").unlink()
    (odd / "agent.yaml").mkdir()

    catalog = Catalog.open(tmp_path)

    assert list(catalog.agents) == ["ada"]
    assert dict(catalog.broken) == {
        "bad": f"{bad}/agent.yaml:5: spec.model: must be a mapping (key: value), not 5",
        "odd": f"{odd}/agent.yaml: is a folder, not a file",
    }


def test_get_tells_what_is_known(tmp_path: Path) -> None:
    write(tmp_path, "assistant")
    write(tmp_path, "bad", model="5")
    catalog = Catalog.open(tmp_path)

    assert catalog.get("assistant").name == "assistant"
    with pytest.raises(AgentBroken, match=r"agent 'bad' cannot be used: .*agent.yaml:5: spec.model: must be a mapping"):
        catalog.get("bad")
    with pytest.raises(AgentNotFound) as caught:
        catalog.get("Asistant")
    assert str(caught.value) == "agent 'Asistant' not found; there are: assistant; did you mean 'assistant'?"
    assert caught.value.known == ("assistant",)
    with pytest.raises(AgentNotFound, match=r"agent 'zzz' not found; there are: assistant$"):
        catalog.get("zzz")


# --- reload ---------------------------------------------------------------------------------------------------------


def test_reload_tells_what_came_went_and_changed(tmp_path: Path) -> None:
    for name in ("same", "edited", "gone"):
        write(tmp_path, name)
    catalog = Catalog.open(tmp_path)
    write(tmp_path, "edited", soul="new")
    write(tmp_path, "new")
    shutil.rmtree(tmp_path / "gone")

    assert catalog.reload() == Reloaded(loaded=3, broken={}, changed=("edited", "gone", "new"))
    assert list(catalog.agents) == ["edited", "new", "same"]
    assert catalog.get("edited").soul == "new"


def test_reload_keeps_the_last_good_version(tmp_path: Path) -> None:
    folder = write(tmp_path, "ada", soul="good")
    catalog = Catalog.open(tmp_path)
    good = catalog.get("ada")
    (folder / "SOUL.md").write_text("newer")
    (folder / "agent.yaml").write_text("kind: [\n")

    reloaded = catalog.reload()

    assert (reloaded.loaded, reloaded.changed, list(reloaded.broken)) == (0, (), ["ada"])
    assert "agent.yaml:2: is not valid YAML" in catalog.broken["ada"]
    assert catalog.get("ada") is good

    write(tmp_path, "ada", soul="mended")
    assert catalog.reload() == Reloaded(loaded=1, broken={}, changed=("ada",))
    assert catalog.get("ada").soul == "mended"


def test_broken_agent_whose_folder_goes_is_gone(tmp_path: Path) -> None:
    folder = write(tmp_path, "ada")
    catalog = Catalog.open(tmp_path)
    (folder / "agent.yaml").write_text("kind: [\n")
    catalog.reload()
    shutil.rmtree(folder)

    assert catalog.reload() == Reloaded(loaded=0, broken={}, changed=("ada",))
    assert (dict(catalog.agents), dict(catalog.broken)) == ({}, {})


def test_reload_swaps_the_mapping_whole(tmp_path: Path) -> None:
    write(tmp_path, "ada")
    catalog = Catalog.open(tmp_path)
    before = catalog.agents
    write(tmp_path, "bob")

    catalog.reload()

    assert (list(before), list(catalog.agents)) == (["ada"], ["ada", "bob"])
    with pytest.raises(TypeError):
        before["eve"] = before["ada"]  # type: ignore[index]  # that it cannot be done is the test


# --- watch ----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def watching(catalog: Catalog) -> AsyncIterator["asyncio.Queue[Reloaded]"]:
    stop, seen = asyncio.Event(), asyncio.Queue[Reloaded]()
    async with asyncio.timeout(LIMIT_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(catalog.watch(stop, seen.put_nowait, poll_seconds=0.1, debounce_seconds=0.05))
        yield seen
        stop.set()


async def test_watch_reacts_to_an_edit(tmp_path: Path) -> None:
    folder = write(tmp_path, "ada", soul="one")
    catalog = Catalog.open(tmp_path)

    async with watching(catalog) as seen:
        (folder / "SOUL.md").write_text("two")
        assert (await seen.get()).changed == ("ada",)
        assert catalog.get("ada").soul == "two"

        (folder / "agent.yaml").write_text("kind: [\n")
        assert list((await seen.get()).broken) == ["ada"]
        assert catalog.get("ada").soul == "two"

        write(tmp_path, "ada", soul="two")
        assert await seen.get() == Reloaded(loaded=1, broken={}, changed=())


async def test_watch_waits_for_a_folder_and_survives_its_end(tmp_path: Path) -> None:
    agents_dir = tmp_path / "agents"
    catalog = Catalog.open(agents_dir)

    async with watching(catalog) as seen:
        write(tmp_path / "made", "ada")
        (tmp_path / "made").rename(agents_dir)
        assert (await seen.get()).changed == ("ada",)

        agents_dir.rename(tmp_path / "away")
        assert await seen.get() == Reloaded(loaded=0, broken={}, changed=("ada",))

        (tmp_path / "away").rename(agents_dir)
        assert (await seen.get()).changed == ("ada",)

        write(tmp_path / "other", "bob")
        agents_dir.rename(tmp_path / "away")
        (tmp_path / "other").rename(agents_dir)
        assert await until_only(catalog, seen, "bob")


async def test_watch_sees_what_agents_use_of_the_workspace(tmp_path: Path) -> None:
    agents_dir, models, shared = (tmp_path / name for name in ("agents", "models", "shared"))
    folder = write(agents_dir, "ada", soul="{{include:shared/units.txt}}", model="{use: fast}")
    catalog = Catalog.open(agents_dir)
    assert "there is no models/fast.yaml" in catalog.broken["ada"]

    async with watching(catalog) as seen:
        shared.mkdir()
        (shared / "units.txt").write_text("metres")
        models.mkdir()
        (models / "fast.yaml").write_text("apiVersion: duragent/v1alpha1\nkind: Model\nspec: {provider: demo}\n")
        assert await until_only(catalog, seen, "ada")
        assert catalog.get("ada").soul == "metres"

        (agents_dir / "always.md").write_text("Be short.")
        while not catalog.get("ada").always:
            await seen.get()
        # Notes of the agent are no part of what it is.
        (folder / "memory").mkdir()
        (folder / "memory" / "MEMORY.md").write_text("a note")
        (shared / "units.txt").write_text("feet")
        while catalog.get("ada").soul != "feet":
            await seen.get()


async def test_watch_sees_a_new_and_a_removed_agent(tmp_path: Path) -> None:
    write(tmp_path, "ada")
    catalog = Catalog.open(tmp_path)

    async with watching(catalog) as seen:
        write(tmp_path, "bob")
        assert await until_only(catalog, seen, "ada", "bob")

        shutil.rmtree(tmp_path / "ada")
        assert await until_only(catalog, seen, "bob")


async def test_watch_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    task = asyncio.create_task(catalog.watch(asyncio.Event()))
    await asyncio.sleep(0)

    task.cancel()

    async with asyncio.timeout(LIMIT_SECONDS):
        with pytest.raises(asyncio.CancelledError):
            await task


async def until_only(catalog: Catalog, seen: "asyncio.Queue[Reloaded]", *names: str) -> bool:
    """Several changes may arrive in several bursts; the last one counts."""
    while tuple(catalog.agents) != names:
        await seen.get()
    return True


async def test_agents_are_read_again_also_where_no_watch_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As watchfiles says that no file descriptor is free: with a RuntimeError of its own."""

    def awatch(*_: object, **__: object) -> AsyncIterator[None]:
        raise RuntimeError("Error creating recommended watcher: Too many open files (os error 24)")

    monkeypatch.setattr("watchfiles.awatch", awatch)
    catalog = Catalog.open(tmp_path)
    async with watching(catalog) as seen:
        write(tmp_path, "ada")
        assert await until_only(catalog, seen, "ada")
