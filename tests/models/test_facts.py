"""litellm's table of models, read without importing litellm."""

import importlib.util
import json
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from duragent.models.base import ModelChoice
from duragent.models.facts import looked_up, model_facts, takes_images, takes_pdfs, thinks
from tests.support.bounds import LIMIT_SECONDS

TABLE = {
    "gpt-y": {"litellm_provider": "openai", "note": 'braces } and "quotes"', "list": [{"b": 2}]},
    "gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 8, "nested": {"gpt-y": {"a": 1}}},
    "openai/gpt-é": {"litellm_provider": "openai", "last": True},
}


def test_table_is_read_without_importing_litellm() -> None:
    program = (
        "import sys; from duragent.models.base import ModelChoice;"
        "from duragent.models.text_tools.choice import wants_text;"
        "from duragent.models.facts import model_facts;"
        "assert not wants_text(ModelChoice('openai', 'gpt-4o'), 'auto');"
        "assert model_facts('openai', 'gpt-4o')['max_input_tokens'] == 128000;"
        "assert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=LIMIT_SECONDS)


def test_only_what_was_asked_for_is_kept_of_the_table() -> None:
    program = """
        import tracemalloc
        from duragent.models.facts import model_facts
        tracemalloc.start()
        for name in ("gpt-4o", "gpt-5", "a-model-of-tomorrow"):
            model_facts("openai", name)
        kept, most = tracemalloc.get_traced_memory()
        assert kept < 500_000, kept
        assert most < 4_000_000, most
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=LIMIT_SECONDS)


def test_model_is_found_by_its_name_only_for_its_own_provider() -> None:
    assert model_facts("openai", "gpt-4o")["litellm_provider"] == "openai"
    assert model_facts("openrouter", "gpt-4o") == {}
    assert model_facts("openai", "a-model-of-tomorrow") == {}
    assert model_facts("gemini", "models/gemini-2.5-pro") == model_facts("gemini", "gemini-2.5-pro") != {}


def test_every_entry_of_the_table_is_found() -> None:
    spec = importlib.util.find_spec("litellm")
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0])
    table = json.loads((folder / "model_prices_and_context_window_backup.json").read_bytes())
    known = [(key, facts) for key, facts in table.items() if facts.get("litellm_provider") in ("anthropic", "ollama")]
    assert len(known) > 40
    for key, facts in known:
        assert model_facts(facts["litellm_provider"], key.removeprefix("ollama/")) == facts


@pytest.mark.parametrize("indent", [4, 2, "\t", None])
def test_every_layout_of_the_table_says_the_same(indent: int | str | None, tmp_path: Path) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError")
    (package / "model_prices_and_context_window_backup.json").write_text(json.dumps(TABLE, indent=indent))
    program = """
        import json
        from duragent.models.facts import model_facts
        print(json.dumps([model_facts("openai", name) for name in ("gpt-y", "gpt-x", "gpt-é", "gpt-z", "nested")]))
    """
    asked = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{textwrap.dedent(program)}"]
    said = subprocess.run(asked, check=True, timeout=LIMIT_SECONDS, capture_output=True, encoding="utf-8")
    assert json.loads(said.stdout) == [*TABLE.values(), {}, {}]


def test_an_unreadable_table_says_nothing(tmp_path: Path) -> None:
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model_prices_and_context_window_backup.json").write_text('{\n    "gpt-x": {\n        "a')
    program = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from duragent.models.facts import model_facts
        assert model_facts("openai", "gpt-x") == {{}}
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=LIMIT_SECONDS)


@pytest.mark.parametrize(
    ("provider", "name", "sees", "pdfs", "thinking"),
    [
        ("openai", "gpt-4o", True, True, False),
        ("openai", "gpt-5", True, True, True),
        ("openai", "gpt-3.5-turbo", False, False, False),
        ("openai", "ft:gpt-4o-2024-08-06:us::1", True, True, False),
        ("openai", "gpt-5-of-tomorrow", True, True, True),
        ("openai", "my-own-model", None, None, None),
        ("openai", "Qwen2.5-VL-7B-Instruct", True, None, None),
        ("anthropic", "claude-sonnet-4-5", True, True, True),
        ("gemini", "gemini-2.5-flash", True, True, True),
        ("openrouter", "anthropic/claude-sonnet-4.5", True, True, True),
        ("openrouter", "google/gemini-2.5-pro", True, True, True),
        ("openrouter", "openai/gpt-3.5-turbo", False, False, False),
        ("openrouter", "someone/some-model", None, None, None),
        ("deepseek", "deepseek-chat", False, False, False),
        ("ollama", "llava:13b", True, False, None),
        ("ollama", "qwen3", None, False, True),
        ("ollama", "gemma3:4b", True, False, None),
        ("ollama", "gemma3n", None, False, None),
    ],
)
def test_what_a_model_can_do_is_known_by_the_table_else_by_its_name(
    provider: str, name: str, sees: bool | None, pdfs: bool | None, thinking: bool | None
) -> None:
    choice = ModelChoice(provider, name)
    assert (takes_images(choice), takes_pdfs(choice), thinks(choice)) == (sees, pdfs, thinking)


async def test_facts_are_looked_up_in_a_thread_once_and_then_at_hand() -> None:
    threads = list[int]()

    def look() -> str:
        threads.append(threading.get_ident())
        return f"said {len(threads)}"

    what = ("test", object())
    assert [await looked_up(what, look), await looked_up(what, look)] == ["said 1", "said 2"]
    assert [ident == threading.get_ident() for ident in threads] == [False, True]
