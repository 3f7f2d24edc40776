"""`duragent doctor` in a folder, in this process or as a program beside a server."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.commands import Command
from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import without_models

AGENT = "apiVersion: duragent/v1alpha1\nkind: Agent\nmetadata: {{name: {name}}}\nspec:\n  model: {model}\n{rest}"


def write_agent(folder: Path, name: str, rest: str = "", model: str = "{provider: demo}") -> Path:
    home = folder / ".duragent/agents" / name
    home.mkdir(parents=True, exist_ok=True)
    (home / "agent.yaml").write_text(AGENT.format(name=name, model=model, rest=rest))
    return home


def findings(duragent: Command, *options: str) -> tuple[int, list[dict[str, str]]]:
    ran = duragent("doctor", "--json", *options)
    assert ran.err == ""
    found = json.loads(ran.out)
    assert found["ok"] == (ran.code == 0)
    return ran.code, found["findings"]


def of(section: str, found: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(each["status"], each["text"], each["hint"]) for each in found if each["section"] == section]


class Machine:
    """A folder with a workspace, and a server that may run there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace = folder, folder / ".duragent"
        self.environ = without_models(folder)
        self.server: subprocess.Popen[str] | None = None

    def start(self) -> int:
        """The process id of a server that is ready."""
        command = [sys.executable, "-m", "duragent", "serve", "--port", "0"]
        self.server = subprocess.Popen(command, cwd=self.folder, env=self.environ, stderr=subprocess.PIPE, text=True)
        assert self.server.stderr is not None
        assert any("serving" in line for line in self.server.stderr)
        return self.server.pid

    def end(self) -> None:
        if self.server is not None:
            self.server.kill()
            self.server.communicate(timeout=LIMIT_SECONDS)

    def doctor(self) -> tuple[int, list[tuple[str, str, str]]]:
        ran = subprocess.run(
            [sys.executable, "-m", "duragent", "doctor", "--json"],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS,
        )  # fmt: skip
        assert ran.stderr == ""
        return ran.returncode, of("server", json.loads(ran.stdout)["findings"])
