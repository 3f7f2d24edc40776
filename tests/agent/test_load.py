"""One agent, read from its folder."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.agent.load import Agent, load_agent, render, variables
from duragent.agent.spec import Metadata
from duragent.errors import InvalidFile

YAML = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: ada}\nspec:\n  model: {provider: demo}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "ada"
    folder.mkdir()
    (folder / "agent.yaml").write_text(YAML)
    return folder


def error_of(folder: Path) -> str:
    with pytest.raises(InvalidFile) as caught:
        load_agent(folder)
    return str(caught.value).removeprefix(f"{folder}/")


def test_minimal_agent_has_no_prompts(folder: Path, tmp_path: Path) -> None:
    agent = load_agent(folder)

    assert agent == Agent(
        name="ada",
        folder=folder,
        metadata=Metadata(name="ada"),
        spec=agent.spec,
        soul="",
        system_prompt="",
        instructions="",
        fingerprint=agent.fingerprint,
        home=agent.home,
    )
    assert agent.home == f"{tmp_path.name}/ada"
    assert agent.spec.model.name == "demo"


def test_conventional_prompt_files_are_found(folder: Path) -> None:
    (folder / "SOUL.md").write_text("soul ü\n")
    (folder / "SYSTEM_PROMPT.md").write_bytes(b"\xef\xbb\xbfprompt")
    (folder / "INSTRUCTIONS.md").write_text("{{date}}")

    agent = load_agent(folder)

    assert (agent.soul, agent.system_prompt, agent.instructions) == ("soul ü\n", "prompt", "{{date}}")


def test_named_prompt_file_wins_over_the_conventional_one(folder: Path) -> None:
    (folder / "SOUL.md").write_text("old")
    (folder / "deep").mkdir()
    (folder / "deep/soul.md").write_text("new")
    (folder / "agent.yaml").write_text(YAML + "  soul: ./deep/../deep/soul.md\n")

    assert load_agent(folder).soul == "new"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("soul: gone.md", "agent.yaml:6: spec.soul: names 'gone.md', which does not exist in "),
        ("instructions: ../secret.md", "agent.yaml:6: spec.instructions: leads out of {folder}"),
        ("system_prompt: /etc/passwd", "agent.yaml:6: spec.system_prompt: leads out of {folder}"),
        ("soul: link.md", "agent.yaml:6: spec.soul: leads out of {folder}"),
        ("soul: linked/secret.md", "agent.yaml:6: spec.soul: leads out of {folder}"),
        ("soul: loop.md", "agent.yaml:6: spec.soul: "),
        ('soul: "a\\0b"', "agent.yaml:6: spec.soul: must not have a NUL character in it"),
        ("soul: .", ": is a folder, not a file"),
        ("soul: latin.md", "latin.md:2: is not UTF-8 text"),
        ("soul: large.md", "large.md: is larger than 256 KiB"),
    ],
)
def test_prompt_file_must_be_there_inside_and_readable(folder: Path, line: str, message: str) -> None:
    (folder.parent / "secret.md").write_text("secret")
    (folder / "link.md").symlink_to("../secret.md")
    (folder / "linked").symlink_to("..")
    (folder / "loop.md").symlink_to("loop.md")
    (folder / "latin.md").write_bytes(b"a\ncaf\xe9")
    (folder / "large.md").write_bytes(b"x" * (256 * 1024 + 1))
    (folder / "agent.yaml").write_text(f"{YAML}  {line}\n")

    assert error_of(folder).removeprefix(str(folder)).startswith(message.format(folder=folder))


def test_conventional_prompt_file_must_not_lead_out(folder: Path) -> None:
    (folder.parent / "secret.md").write_text("secret")
    (folder / "SOUL.md").symlink_to("../secret.md")

    assert error_of(folder) == f"SOUL.md: leads out of {folder}"


def test_conventional_prompt_file_that_leads_nowhere_is_told(folder: Path) -> None:
    (folder / "SOUL.md").symlink_to("gone.md")

    assert error_of(folder) == "SOUL.md: does not exist"


def test_symlink_inside_the_folder_is_fine(folder: Path) -> None:
    (folder / "real.md").write_text("soul")
    (folder / "SOUL.md").symlink_to("real.md")

    assert load_agent(folder).soul == "soul"


def test_folder_itself_may_be_a_symlink(folder: Path, tmp_path: Path) -> None:
    (folder / "SOUL.md").write_text("soul")
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/ada").symlink_to(folder)

    assert load_agent(tmp_path / "agents/ada").soul == "soul"


def test_name_must_be_the_folders_name(folder: Path) -> None:
    other = folder.rename(folder.with_name("bob"))

    assert error_of(other) == (
        "agent.yaml:3: metadata.name: is 'ada', but the folder is 'bob' (give both the same name)"
    )


def test_agent_in_the_current_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    assert load_agent(Path()).name == "ada"


# --- fingerprint ----------------------------------------------------------------------------------------------------


def test_fingerprint_is_16_hex_digits_and_ignores_form(folder: Path) -> None:
    before = load_agent(folder).fingerprint

    (folder / "agent.yaml").write_text(f"# comment\n{YAML}  session:\n    ttl_hours:\n    llm_timeout_seconds: 300\n")

    assert len(before) == 16
    assert int(before, 16) >= 0
    assert load_agent(folder).fingerprint == before


def test_fingerprint_sees_spec_and_prompts(folder: Path) -> None:
    found = {load_agent(folder).fingerprint}
    (folder / "SOUL.md").write_text("x")
    found.add(load_agent(folder).fingerprint)
    (folder / "SOUL.md").rename(folder / "SYSTEM_PROMPT.md")
    found.add(load_agent(folder).fingerprint)
    (folder / "agent.yaml").write_text(YAML + "  session: {ttl_hours: 1}\n")
    found.add(load_agent(folder).fingerprint)

    assert len(found) == 4


# --- templates ------------------------------------------------------------------------------------------------------


def test_variables_are_told_in_utc(folder: Path) -> None:
    late = datetime(2026, 11, 21, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert variables(load_agent(folder), late) == {
        "date": "2026-11-20",
        "time": "23:30 UTC",
        "agent.name": "ada",
        "agent.home": str(folder),
    }
    assert variables(load_agent(folder), datetime(2026, 1, 2, 3, 4, tzinfo=UTC))["time"] == "03:04 UTC"


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("{{a}} {{ a }}{{\ta.b  }}", "1 1{{x}}"),
        ("{{unknown}} {{ }} {{}} {a} {{a b}}", "{{unknown}} {{ }} {{}} {a} {{a b}}"),
        ("{{a", "{{a"),
        ("{{ a }", "{{ a }"),
        ("{{{a}}}", "{1}"),
        ("{{ {{a}} }}", "{{ 1 }}"),
    ],
)
def test_render_replaces_known_names_only(text: str, rendered: str) -> None:
    assert render(text, {"a": "1", "a.b": "{{x}}", "x": "never"}) == rendered


@given(st.text())
def test_render_without_variables_changes_nothing(text: str) -> None:
    assert render(text, {}) == text
