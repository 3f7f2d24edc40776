from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.agent.starter import PROVIDER_KEYS
from duragent.cli import main, place


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Command = Callable[..., Ran]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder on a machine without any model."""
    for key in (*PROVIDER_KEYS.values(), "DURAGENT_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setattr(place, "_ollama_models", lambda: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def duragent(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in the folder, in this process."""

    def ran(*arguments: str) -> Ran:
        code = main.run(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran
