"""Forks, files, damage and folds, as a person uses them: with a real server where one is needed."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command, Ran

DAMAGED = 65


class Home:
    """A workspace with one session, `first`, of nine records; and the server that was needed to make it."""

    def __init__(self, folder: Path, run: Command) -> None:
        self.folder, self.run = folder, run
        run("init", "--no-interactive")
        assert run("ask", "assistant", "hi").code == 0
        [self.first] = [path.name for path in self.root.iterdir() if not path.name.startswith(".")]
        self.head = len(self.log.read_bytes().splitlines())

    @property
    def root(self) -> Path:
        return self.folder / ".duragent" / "sessions"

    @property
    def log(self) -> Path:
        return self.root / self.first / "events.jsonl"

    @property
    def short(self) -> str:
        """The id without its beginning, as people may write it."""
        return self.first.removeprefix("session_")

    def sessions(self) -> dict[str, dict[str, Any]]:
        return {each["session_id"]: each for each in json.loads(self.run("session", "list", "--json").out)}

    def stop(self) -> None:
        assert self.run("serve", "stop").code == 0

    def kill(self) -> None:
        path = self.folder / ".duragent/run/server.json"
        if path.exists():
            os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)

    def spoil(self, seq: int) -> None:
        data = self.log.read_bytes()
        at = data.index(b'{"seq":%d,' % seq)
        self.log.write_bytes(data[:at] + data[at:].replace(b'"ts":"2', b'"ts":"3', 1))

    def program(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "duragent", *arguments]
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.run(command, input=stdin, capture_output=True, cwd=self.folder, env=environ, check=False)


@pytest.fixture
def home(folder: Path, duragent: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    home = Home(folder, duragent)
    yield home
    home.kill()


def test_fork_export_and_import_of_a_session(home: Home) -> None:
    forked = home.run("fork", f"{home.short}@3", "--title", "Other way")
    child = forked.out.strip()
    assert (forked.code, forked.err) == (
        0,
        f"Shares the past of {home.first}@3. Go on with: duragent attach {child}\n",
    )
    told = home.sessions()[child]
    assert (told["title"], told["parent"], told["head"] > 3) == ("Other way", f"{home.first}@3", True)
    assert f"fork of\t{home.first}@3\n" in home.run("session", "show", child).out
    as_json = home.run("fork", home.first, "--json")
    assert json.loads(as_json.out)["parent"] == f"{home.first}@{home.head}"
    for wrong in ("@0", "@x", "@", "@-1", "@99999"):
        ran = home.run("fork", home.first + wrong)
        assert (ran.code, ran.out, ran.err.count("\n") <= 3) == (2, "", True), wrong
    assert home.run("fork", "nothing@3").code == 66

    ran = home.run("session", "export", home.short)
    assert (ran.code, ran.out) == (0, f"{home.first}.zip\t{home.head} records\n")
    path = home.folder / f"{home.first}.zip"
    with zipfile.ZipFile(path) as reading:
        assert reading.read("events.jsonl") == home.log.read_bytes()
    before = path.read_bytes()
    piped = home.program("session", "export", home.first, "-o", "-")
    assert (piped.returncode, piped.stderr, piped.stdout[:2]) == (0, b"", b"PK")
    (home.folder / "file").write_text("")
    for place in ("nowhere/x.zip", "file/x.zip"):
        ran = home.run("session", "export", home.first, "-o", place)
        assert (ran.code, "internal error" in ran.err, "cannot be written" in ran.err) == (2, False, True), place
    assert path.read_bytes() == before
    (home.folder / "backups").mkdir()
    assert home.run("session", "export", home.first, "-o", "backups").out.startswith(f"backups/{home.first}.zip\t")
    assert [each.name for each in home.folder.iterdir() if each.name.endswith(".new")] == []

    ran = home.run("session", "import", path.name)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1:] == ["`--new-id` takes it in beside the one that is here."]
    beside = home.run("session", "import", path.name, "--new-id")
    assert (beside.code, beside.out.split("\t")[1]) == (0, f"{home.head} records\n")
    home.run("session", "delete", home.first, "--yes")
    assert home.program("session", "import", "-", stdin=piped.stdout).returncode == 0
    assert home.first in home.sessions()
    (home.folder / "no.zip").write_bytes(before[:-30])
    ran = home.run("session", "import", "no.zip")
    assert (ran.code, ran.err.startswith("duragent: ")) == (DAMAGED, True)
    assert "the session was not imported: it is no export of a session" in ran.err
    assert home.run("session", "import", "absent.zip").code == 66
    assert home.run("session", "import", ".").code == 66
    shutil.rmtree(home.folder / ".duragent/agents/assistant")
    assert home.run("serve", "reload-agents").code == 0
    ran = home.run("session", "import", path.name, "--new-id")
    assert "There is no agent 'assistant' here yet: `duragent agent create assistant`." in ran.err


def test_damage_is_found_told_and_repaired(home: Home) -> None:
    assert said(home.run("session", "verify")) == (0, f"1 session, {home.head} records: all are whole.\n", "")
    ran = home.run("session", "repair", home.first, "--yes")
    assert (ran.code, ran.err) == (1, f"duragent: session '{home.first}' is not damaged: there is nothing to repair\n")
    home.spoil(5)
    ran = home.run("session", "verify")
    assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (DAMAGED, [home.first, "4"])
    assert "events.jsonl:5: the checksum does not fit" in ran.out
    assert ran.err.splitlines() == ["1 session, 4 records: 1 damaged.", f"duragent session repair {home.first}"]
    [told] = json.loads(home.run("session", "verify", home.short, "--json").out)
    assert (told["whole"], told["good_records"], told["behind_bytes"] > 100) == (False, 4, True)
    assert told["damage"] == {"file": "events.jsonl", "line": 5, "problem": "the checksum does not fit"}
    doctor = json.loads(home.run("doctor", "--json").out)["findings"]
    assert ("problem", f"`duragent session repair {home.first}` goes on behind its 4 good records") in [
        (each["status"], each["hint"]) for each in doctor if each["section"] == "sessions"
    ]

    ran = home.run("session", "repair", home.first)
    assert (ran.code, "--yes is needed" in ran.err, home.log.read_bytes().count(b"\n")) == (2, True, home.head)
    ran = home.run("session", "repair", home.short, "--yes")
    assert ran.code == 0
    assert ran.out.startswith(f"{home.first} goes on behind its good records; it has ")
    assert "damaged at events.jsonl:5" in ran.err
    assert ran.err.splitlines()[-1] == f"Set aside: {home.root / home.first / 'events.damaged-5'}"
    assert said(home.run("session", "verify"))[::2] == (0, "")
    assert home.run("ask", "assistant", "on", "--session", home.first).code == 0
    ran = home.run("session", "verify", home.first)
    assert (ran.code, "whole; beside it: events.damaged-5" in ran.out) == (0, True)
    assert home.run("session", "verify", "nothing").code == 66


def test_damaged_session_is_not_exported_and_the_way_out_is_named(home: Home) -> None:
    home.stop()
    home.spoil(6)
    ran = home.run("session", "export", home.first)
    assert (ran.code, ran.out, list(home.folder.glob("*.zip*"))) == (DAMAGED, "", [])
    assert "`duragent session repair ID` mends it" in ran.err


def test_fold_is_shown_at_any_record_and_compared_with_the_summary(home: Home) -> None:
    home.stop()
    whole = home.run("replay", home.short)
    assert (whole.code, whole.err) == (0, "")
    summary = home.root / home.first / "state.yaml"
    text = summary.read_text()
    assert whole.out == "".join(line for line in text.splitlines(keepends=True) if line[0] != "#")
    early = json.loads(home.run("replay", f"{home.first}@3", "--json").out)
    assert early["last_seq"] == 3
    assert home.run("replay", f"{home.first}@99").code == 2
    assert home.run("replay", f"{home.first}@3", "--verify").code == 2

    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, ran.out.endswith("and is what the records up to it add up to.\n")) == (0, True)
    summary.write_text(text.replace('agent: "assistant"', 'agent: "somebody"'))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, ran.err, "\x1b" in ran.out) == (1, "", False)
    assert ["agent", '"assistant"', '"somebody"'] in [line.split() for line in ran.out.splitlines()]
    told = json.loads(home.run("replay", home.first, "--verify", "--json").out)
    assert (told["same"], told["differences"]) == (
        False,
        [{"field": "agent", "log": "assistant", "state_yaml": "somebody"}],
    )
    summary.unlink()
    assert "there is no state.yaml" in home.run("replay", home.first, "--verify").out
    summary.write_text(text)
    home.log.write_bytes(b"".join(home.log.read_bytes().splitlines(keepends=True)[:-2]))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "which state.yaml has seen" in ran.err) == (DAMAGED, True)


def said(ran: Ran) -> tuple[int, str, str]:
    return ran.code, ran.out, ran.err
