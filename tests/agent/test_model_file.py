"""Models that agents use by name: field by field, and the agent's own fields go before."""

from pathlib import Path

import pytest

from duragent.agent.load import Agent, load_agent
from duragent.agent.memory_spec import EmbeddingSpec
from duragent.agent.model_file import load_model_file
from duragent.agent.spec import ModelSpec
from duragent.errors import InvalidFile

HEAD = "apiVersion: duragent/v1alpha1\nkind: Model\n"
FAST = f"{HEAD}spec:\n  provider: openai\n  name: gpt-5-mini\n  temperature: 0.9\n  max_tokens: 100\n  thinking: off\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "agents" / "ada").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "fast.yaml").write_text(FAST)
    return tmp_path


def agent(workspace: Path, model: str, rest: str = "") -> Agent:
    head = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {name: ada}\nspec:\n"
    (workspace / "agents" / "ada" / "agent.yaml").write_text(f"{head}  model: {model}\n{rest}")
    return load_agent(workspace / "agents" / "ada")


def fault(workspace: Path, model: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        agent(workspace, model)
    return str(caught.value).removeprefix(f"{workspace}/")


def test_fields_come_from_the_file_and_own_ones_go_before(workspace: Path) -> None:
    found = agent(workspace, "{use: fast, temperature: 0.2, max_output_tokens: 7}")
    assert found.spec.model == ModelSpec(
        use="fast", provider="openai", name="gpt-5-mini", temperature=0.2, max_output_tokens=7, thinking="off"
    )
    assert found.from_model_file == ("provider", "name", "thinking")
    assert agent(workspace, "{use: fast}").spec.model.max_output_tokens == 100


def test_another_file_makes_another_fingerprint(workspace: Path) -> None:
    before = agent(workspace, "{use: fast}").fingerprint
    (workspace / "models" / "fast.yaml").write_text(FAST.replace("0.9", "0.8"))
    assert agent(workspace, "{use: fast}").fingerprint != before


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("{use: fats}", "there is no models/fats.yaml (did you mean 'fast'?)"),
        ("{use: zzz}", "there is no models/zzz.yaml (there are: fast)"),
        ("{use: ../agents/ada/agent}", "there is no models/../agents/ada/agent.yaml (there are: fast)"),
        ("{use: ''}", "there is no models/.yaml (there are: fast)"),
        ("{use: 5}", 'must be text, not 5 (put it in quotes: "5")'),
    ],
)
def test_unknown_name_is_told_with_those_that_are_there(workspace: Path, model: str, told: str) -> None:
    assert fault(workspace, model).startswith(f"agents/ada/agent.yaml:5: spec.model.use: {told}")


def test_without_models_that_is_what_is_told(workspace: Path) -> None:
    (workspace / "models" / "fast.yaml").unlink()
    assert fault(workspace, "{use: fast}").endswith("(models/ has no model yet)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (FAST + "  temprature: 1\n", "models/fast.yaml:9: spec.temprature: is not a known key (did you mean `temper"),
        (FAST + "  use: other\n", "models/fast.yaml:9: spec.use: is not a known key"),
        (f"{HEAD}spec:\n  provider: openai\n", "models/fast.yaml:3: spec.name: is missing"),
        (FAST.replace("kind: Model", "kind: Agent"), "models/fast.yaml:2: kind: must be 'Model', not 'Agent'"),
        (
            f"{HEAD}metadata: {{name: slow}}\nspec: {{provider: demo}}\n",
            "models/fast.yaml:3: metadata.name: is 'slow', b",
        ),
        (f"{HEAD}", "models/fast.yaml:1: spec: is missing"),
        ("[", "models/fast.yaml:2: is not valid YAML"),
    ],
)
def test_fault_in_the_file_is_told_at_its_line(workspace: Path, text: str, told: str) -> None:
    (workspace / "models" / "fast.yaml").write_text(text)
    assert fault(workspace, "{use: fast}").startswith(told)


def test_own_field_with_a_fault_is_told_at_its_own_line(workspace: Path) -> None:
    assert fault(workspace, "{use: fast, temperature: 9}").startswith(
        "agents/ada/agent.yaml:5: spec.model.temperature: "
    )


def test_link_that_leads_out_is_refused(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text(FAST)
    (workspace / "models" / "linked.yaml").symlink_to("../elsewhere.yaml")
    assert "leads out of" in fault(workspace, "{use: linked}")


def test_file_is_read_by_its_name_for_other_uses(workspace: Path) -> None:
    found = load_model_file(workspace, "fast")
    assert (found.name, found.spec.provider, found.spec.max_output_tokens) == ("fast", "openai", 100)
    with pytest.raises(InvalidFile, match=r"does not exist .did you mean 'fast'."):
        load_model_file(workspace, "fost")


def test_a_model_that_works_in_the_background_is_named_by_its_file(workspace: Path) -> None:
    made = agent(workspace, "{provider: demo}", "  memory: {sleep: {model: fast}}\n")
    assert made.background_model is not None
    assert (made.background_model.provider, made.spec.model.provider) == ("openai", "demo")
    assert agent(workspace, "{use: fast}").background_model is None


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("  memory: {sleep: {model: fats}}\n", "spec.memory.sleep.model: there is no models/fats.yaml"),
        (
            "  session: {context: {summaries: model}}\n",
            "spec.session.context.summaries: `model` needs spec.memory.sleep.model, the name of a file in models/",
        ),
    ],
)
def test_a_model_in_the_background_that_is_not_there_is_told(workspace: Path, more: str, problem: str) -> None:
    with pytest.raises(InvalidFile) as error:
        agent(workspace, "{provider: demo}", more)
    assert problem in str(error.value)


def embedder(workspace: Path, block: str) -> EmbeddingSpec | None:
    memory = agent(workspace, f"{{provider: demo}}\n  memory:\n    embedding: {block}").spec.memory
    return memory.embedding if memory else None


def test_embedder_has_its_provider_and_address_from_a_file(workspace: Path) -> None:
    file = f"{HEAD}spec: {{provider: openai, name: bge, base_url: 'http://localhost:1/v1', temperature: 0.5}}\n"
    (workspace / "models" / "meaning.yaml").write_text(file)
    found = embedder(workspace, "{use: meaning, dimensions: 8}")
    address = "http://localhost:1/v1"
    assert found == EmbeddingSpec(use="meaning", provider="openai", model="bge", base_url=address, dimensions=8)
    own = embedder(workspace, "{use: meaning, model: small}")
    assert own == EmbeddingSpec(use="meaning", provider="openai", model="small", base_url=address)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{use: meening}", "7: spec.memory.embedding.use: there is no models/meening.yaml (there are: fast)"),
        ("{use: 5}", '7: spec.memory.embedding.use: must be text, not 5 (put it in quotes: "5")'),
        ("{provider: openai}", "7: spec.memory.embedding.model: is missing"),
    ],
)
def test_unknown_file_of_an_embedder_is_told_at_its_place(workspace: Path, block: str, told: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        embedder(workspace, block)
    assert str(caught.value).removeprefix(f"{workspace}/agents/ada/agent.yaml:").startswith(told)
