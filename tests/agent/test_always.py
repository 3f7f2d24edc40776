"""What a model reads again with every question: the agent's always.md, else that of all agents, then its model's."""

from pathlib import Path

import pytest

from duragent.agent.always import MAX_BYTES, joined
from duragent.agent.load import Agent, load_agent
from duragent.errors import InvalidFile

USING = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: ada}\nspec:\n  model: {use: fast}\n"
LONG = "models/fast.yaml:5: spec.always: is longer than 4 KiB"
FAST = "apiVersion: duragent/v1alpha1\nkind: Model\nspec:\n  provider: demo\n  always: {always}\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "agents" / "ada").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    write(tmp_path)
    return tmp_path


def write(workspace: Path, own: str | None = None, general: str | None = None, of_model: str = '""') -> Agent:
    (workspace / "agents" / "ada" / "agent.yaml").write_text(USING)
    (workspace / "models" / "fast.yaml").write_text(FAST.format(always=of_model))
    for path, text in (
        (workspace / "agents" / "ada" / "always.md", own),
        (workspace / "agents" / "always.md", general),
    ):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
    return load_agent(workspace / "agents" / "ada")


def test_without_files_nothing_is_said(workspace: Path) -> None:
    assert write(workspace).always == ()


@pytest.mark.parametrize(
    ("own", "general", "of_model", "said", "sources"),
    [
        ("own\n", "general", '""', "own", ["agents/ada/always.md"]),
        (None, "general\n\n", '""', "general", ["agents/always.md"]),
        ("", "general", '""', "", []),
        (None, None, '" model "', "model", ["models/fast.yaml"]),
        ("own", None, "model", "own\n\nmodel", ["agents/ada/always.md", "models/fast.yaml"]),
    ],
)
def test_agents_file_replaces_the_general_one_and_the_models_words_follow(
    workspace: Path, own: str | None, general: str | None, of_model: str, said: str, sources: list[str]
) -> None:
    agent = write(workspace, own, general, of_model)
    assert (joined(agent.always), [part.source for part in agent.always]) == (said, sources)
    assert [part.of_model for part in agent.always] == [source.startswith("models/") for source in sources]


def test_another_text_makes_another_fingerprint(workspace: Path) -> None:
    found = [write(workspace, *texts).fingerprint for texts in ((), ("a",), ("b",), ("b", None, "c"))]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("own", "of_model", "told"),
    [
        ("line\n" + "x" * MAX_BYTES, '""', "agents/ada/always.md:2: is longer than 4 KiB from here on"),
        ("a\nb\n{{include:long.md}}", '""', "agents/ada/always.md:3: is longer than 4 KiB from here on"),
        (
            "x" * 3000,
            "y" * 2000,
            "models/fast.yaml:5: spec.always: is longer than 4 KiB together with agents/ada/always.md",
        ),
        (None, "y" * 5000, LONG),
    ],
)
def test_more_than_4_kib_is_a_fault_with_its_line(workspace: Path, own: str | None, of_model: str, told: str) -> None:
    (workspace / "agents" / "ada" / "long.md").write_text("ä" * 2500)
    with pytest.raises(InvalidFile) as caught:
        write(workspace, own, None, of_model)
    assert str(caught.value) == f"{workspace}/{told}"
    assert joined(write(workspace, "x" * MAX_BYTES).always) == "x" * MAX_BYTES
