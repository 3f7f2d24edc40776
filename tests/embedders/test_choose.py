"""Which embedder a setting stands for."""

import sys
from pathlib import Path

import pytest

from duragent.agent.memory_spec import EmbeddingSpec
from duragent.embedders.choose import EmbedderChooser
from duragent.errors import EmbedderUnavailable, ModelNotConfigured
from duragent.testing import FakeClock


def chooser(**environ: str) -> EmbedderChooser:
    return EmbedderChooser(FakeClock(), environ)


def test_the_same_choice_is_the_same_embedder() -> None:
    both = chooser()
    small = EmbeddingSpec(provider="openai", model="small")
    assert both.embedder_for(small) is both.embedder_for(small.model_copy())
    assert both.embedder_for(small) is not both.embedder_for(small.model_copy(update={"dimensions": 8}))


@pytest.mark.parametrize(
    ("dimensions", "label"), [(None, "gemini/gemini-embedding-001"), (256, "gemini/gemini-embedding-001@256")]
)
def test_a_label_names_what_may_be_compared(dimensions: int | None, label: str) -> None:
    spec = EmbeddingSpec(provider="gemini", model="gemini-embedding-001", dimensions=dimensions)
    assert chooser().embedder_for(spec).label == label


@pytest.mark.parametrize("provider", ["anthropic", "deepseek", "demo"])
def test_provider_without_embeddings_is_told_with_what_would_be_right(provider: str) -> None:
    with pytest.raises(ModelNotConfigured, match="`ollama`"):
        chooser().embedder_for(EmbeddingSpec(provider=provider, model="m"))


async def test_an_address_of_the_environment_is_checked_as_one_of_the_file() -> None:
    embedder = chooser(OLLAMA_HOST="10.0.0.9").embedder_for(EmbeddingSpec(provider="ollama", model="m"))
    with pytest.raises(EmbedderUnavailable, match="over https, or to this machine"):
        await embedder.embed(["one"], "note")


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import a_package_that_is_not_there", "No module named 'a_package_that_is_not_there'"),
        ("def make(choice, environ):\n    raise RuntimeError(environ['KEY'])", "RuntimeError"),
        ("raise SystemExit", "SystemExit"),
        ("", "AttributeError"),
    ],
)
def test_embedder_of_another_package_that_cannot_be_loaded_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    info = tmp_path / "broken_vectors-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-vectors\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[duragent.embedders]\nbroken = broken_vectors:make\n")
    (tmp_path / "broken_vectors.py").write_text(program)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_vectors", raising=False)
    with pytest.raises(ModelNotConfigured) as told:
        chooser(KEY="a-secret").embedder_for(EmbeddingSpec(provider="broken", model="m"))
    assert str(told.value) == f"the embedder of broken_vectors:make cannot be loaded: {why}"
