from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from duragent.agent.first_model import PROVIDER_KEYS
from duragent.cli import main
from duragent.testing import FakeClock
from tests.cli.commands import Command, Ran, stdin_of
from tests.cli.desk import Desk
from tests.cli.home import Home
from tests.cli.place import Place
from tests.support.http_house import TOKEN, House
from tests.support.left_servers import end_servers
from tests.support.remembering import SearchedFolders


@pytest.fixture
def folder(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder on a machine without any model."""
    for key in (*PROVIDER_KEYS.values(), "DURAGENT_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    # Keys that a developer keeps are no part of that machine.
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def duragent(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in the folder, in this process."""

    def ran(*arguments: str, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr("sys.stdin", stdin_of(stdin))
        code = main.run(list(arguments))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return ran


@pytest.fixture
async def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Desk]:
    monkeypatch.setenv("DURAGENT_TOKEN", TOKEN)
    monkeypatch.setenv("LOGNAME", "me")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", stdin_of())
    house = House(tmp_path, memories=SearchedFolders(tmp_path, FakeClock()))
    house.start()
    await house.worker()
    async with house.served() as (_, client):
        yield Desk(house, tmp_path, str(client.base_url).rstrip("/"), capsys)
    await house.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.end()


@pytest.fixture
def home(folder: Path, duragent: Command) -> Iterator[Home]:
    home = Home(folder, duragent)
    yield home
    end_servers(folder)
