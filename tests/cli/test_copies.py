"""Forks, files, damage and folds, as a person uses them: with a real server where one is needed."""

import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command, Ran
from tests.support.bounds import LIMIT_SECONDS
from tests.support.places import ROOT

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

    def wait_for_summary(self) -> None:
        """Return when `state.yaml` is as new as the log. The server writes it a moment after the answer."""
        deadline = time.monotonic() + LIMIT_SECONDS
        path = self.root / self.first / "state.yaml"
        while not path.exists() or f"last_seq: {self.head}" not in path.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)

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

    def program(
        self, *arguments: str, stdin: bytes = b"", more: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "duragent", *arguments]
        everything = os.environ | {"PYTHONPATH": str(ROOT), **more}
        return subprocess.run(command, input=stdin, capture_output=True, cwd=self.folder, env=everything, check=False)


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
    assert ran.err == f"duragent: session '{home.first}' has the records 1 to {home.head}, not 99999\n"
    assert "\tOther way (fork)\n" in home.run("session", "list").out
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
    assert "the session was not imported: it is cut off, or no export of a session" in ran.err
    for name, problem in (("absent.zip", "cannot be read: No such file or directory"), (".", "is a folder: ")):
        ran = home.run("session", "import", name)
        assert (ran.code, ran.out, ran.err.count("\n")) == (66, "", 1)
        assert ran.err.startswith(f"duragent: {name} {problem}")
    shutil.rmtree(home.folder / ".duragent/agents/assistant")
    assert home.run("serve", "reload-agents").code == 0
    ran = home.run("session", "import", path.name, "--new-id")
    assert "There is no agent 'assistant' here yet: `duragent agent create assistant`." in ran.err


def test_damage_is_found_told_and_repaired(home: Home) -> None:
    assert said(home.run("session", "verify")) == (0, f"1 session, {home.head} records: all are whole.\n", "")
    ran = home.run("session", "repair", home.first, "--yes")
    assert (ran.code, ran.err) == (
        1,
        f"duragent: the log of session '{home.first}' is not damaged: there is nothing to repair\n",
    )
    # Looked at first: of a whole one there is nothing to ask.
    assert said(home.run("session", "repair", home.first)) == said(ran)
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

    ran = home.run("fork", home.first)
    assert (ran.code, f"; `duragent fork {home.first}@4` shares the good ones\n" in ran.err) == (DAMAGED, True)
    assert home.run("fork", f"{home.first}@4").code == 0
    ran = home.run("fork", f"{home.first}@7")
    assert (ran.code, "shares the good ones" in ran.err) == (DAMAGED, False)
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
    assert "`duragent doctor` says what is lost, what can be saved, and how." in ran.err


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
    assert (ran.code, "but state.yaml has seen " in ran.err) == (DAMAGED, True)


def test_export_replaces_nothing_unasked_and_writes_through_what_is_no_file(home: Home) -> None:
    notes = home.folder / "notes.txt"
    notes.write_text("mine")
    assert home.run("session", "export", home.first).code == 0
    for arguments in (("-o", "notes.txt"), ()):
        ran = home.run("session", "export", home.first, *arguments)
        assert (ran.code, ran.out, "is there already: --force replaces it" in ran.err) == (2, "", True)
    assert notes.read_text() == "mine"
    assert home.run("session", "export", home.first, "-o", "notes.txt", "--force").code == 0
    assert zipfile.is_zipfile(notes)

    link, target = home.folder / "link.zip", home.folder / "target.zip"
    link.symlink_to(target)
    assert home.run("session", "export", home.first, "-o", "link.zip").code == 0
    assert (link.is_symlink(), zipfile.is_zipfile(target)) == (True, True)
    assert home.run("session", "export", home.first, "-o", "link.zip").code == 2
    (home.folder / "full").symlink_to("/dev/full")
    ran = home.run("session", "export", home.first, "-o", "full")
    assert (ran.code, ran.err) == (75, "duragent: full cannot be written: No space left on device\n")
    assert (home.folder / "full").is_symlink()
    assert Path("/dev/full").is_char_device()

    fifo = home.folder / "fifo"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(fifo.read_bytes)
        assert home.run("session", "export", home.first, "-o", "fifo").out == ""
        with zipfile.ZipFile(io.BytesIO(reading.result(20))) as read:
            assert read.read("events.jsonl") == home.log.read_bytes()
    assert fifo.is_fifo()
    assert [each.name for each in home.folder.iterdir() if each.name.endswith(".new")] == []


def test_exports_and_an_older_workspace_are_closed_to_others(home: Home) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((home.folder / name).stat().st_mode)

    home.stop()
    assert mode(".duragent") == 0o700
    (home.folder / ".duragent").chmod(0o755)
    (home.folder / ".new.zip.new").touch(0o666)  # An export that was killed has left this.
    (home.folder / "old.zip").touch(0o666)
    before = os.umask(0)
    try:
        assert home.run("session", "export", home.first, "-o", "new.zip").code == 0
        assert home.run("session", "export", home.first, "-o", "old.zip", "--force").code == 0
    finally:
        os.umask(before)
    assert [mode(name) for name in ("new.zip", "old.zip", ".duragent")] == [0o600, 0o600, 0o700]
    log = home.folder / ".duragent" / "logs" / "server.log"
    assert log.read_text().count("was open to other users (mode 755): now only its owner can enter it") == 1
    home.stop()
    home.sessions()
    assert log.read_text().count("was open to other users") == 1


def test_which_session_is_meant_and_which_record_is_said_in_plain_words(home: Home) -> None:
    for command in (("log",), ("verify",), ("export",), ("show",), ("repair", "--yes")):
        ran = home.run("session", *command, f"{home.short}@3")
        assert (ran.code, ran.out) == (2, ""), command
        assert "only `duragent fork` and `duragent replay` take a record behind @" in ran.err
    shown = home.run("session", "log", home.first).out
    last = home.run("session", "log", home.first, "-n", "1").out
    assert last.startswith("answer ")
    assert shown.endswith(last)
    assert len(home.run("session", "log", home.first, "-n", "2", "--json").out.splitlines()) == 2

    made = [home.first, *(home.run("fork", home.first).out.strip() for _ in range(5))]
    ran = home.run("session", "show", "session_")
    assert (ran.code, ran.err.startswith("duragent: 'session_' fits several sessions: ")) == (2, True)
    assert ran.err.splitlines()[0].endswith(", …")
    ran = home.run("session", "log", "session_")
    assert ran.err.splitlines()[0] == f"duragent: 'session_' fits 6 sessions: {', '.join(sorted(made)[:5])}, …"

    for name in ("fork", "replay"):
        usage = home.run(name, "--help").out
        assert (" {ID@SEQ}\n" in usage, "which may be left out" in " ".join(usage.split())) == (True, True)
        words = {"COMP_WORDS": f"duragent {name} {home.first[:-1]}", "COMP_CWORD": "2"}
        completed = home.program(name, more={"_DURAGENT_COMPLETE": "complete_bash", **words})
        assert completed.stdout.decode().split() == [home.first]
    assert " [ID]...\n" in home.run("session", "verify", "--help").out


def test_commands_tell_that_a_log_became_shorter_while_it_was_in_use_and_what_to_do(home: Home) -> None:
    home.wait_for_summary()
    os.truncate(home.log, 300)
    ran = home.run("session", "log", home.first)
    assert (ran.code, f"but state.yaml has seen {home.head}" in ran.err) == (DAMAGED, True)
    for words in (["ask", "assistant", "--session", home.first, "hi"], ["session", "repair", home.first, "--yes"]):
        ran = home.run(*words)
        problem, hint = ran.err.splitlines()[-2:]
        assert (ran.code, ran.out) == (1, "")
        assert "was changed while it was in use: it has 300 bytes" in problem
        assert "read-only until the server is started again (`duragent serve stop`)" in hint


def test_summary_that_is_no_summary_is_one_line(home: Home) -> None:
    home.stop()
    summary = home.root / home.first / "state.yaml"
    text = summary.read_text()
    for content in ("", "\0\xff: nonsense\n" * 9):
        summary.write_text(content)
        ran = home.run("replay", home.first, "--verify")
        assert (ran.code, ran.err, ran.out.count("\n")) == (1, "", 1)
        assert f"{home.first}: state.yaml cannot be read as a summary; it counts as absent" in ran.out
        told = json.loads(home.run("replay", home.first, "--verify", "--json").out)
        assert (told["same"], told["differences"]) == (False, [])
    summary.write_text(text.replace("checksum: ", "checksum: 0"))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "its own checksum does not fit" in ran.out) == (1, True)
    summary.unlink()
    summary.mkdir()
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "state.yaml cannot be read: it is a folder, not a file" in ran.out) == (1, True)


def said(ran: Ran) -> tuple[int, str, str]:
    return ran.code, ran.out, ran.err
