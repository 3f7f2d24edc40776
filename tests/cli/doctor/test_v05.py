"""`duragent doctor` on a workspace of v0.5: what is not served yet is said, each with its number."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import Command
from tests.cli.doctor.machine import findings, of, write_agent
from tests.support.legacy_workspace import MADE, WORKSPACE, session_id

CONFIG = """\
gateways:
  telegram: {bot_token: "123:abc"}
  external:
    - {name: irc, command: irc-gateway}
routes:
  - {match: {}, agent: assistant}
"""


@pytest.fixture
def old(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with something of everything."""
    workspace = folder / ".duragent"
    shutil.copytree(WORKSPACE / "sessions", workspace / "sessions")
    (workspace / "sessions/session_04").mkdir()
    (workspace / "sessions/session_04/state.yaml").write_text("schema_version: '1'\n")
    home = write_agent(folder, "assistant")
    for path in (
        workspace / "schedules/sched_1.yaml",
        workspace / "schedules/sched_2.yaml",
        workspace / "schedules/runs/sched_1.jsonl",
        home / "memory/MEMORY.md",
        home / "memory/daily/2026-02-18.md",
        workspace / "memory/world/people.md",
        workspace / "processes/01khr.meta.json",
        workspace / "processes/01khr.log",
        folder / "home/.duragent/auth.json",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (folder / "duragent.yaml").write_text(CONFIG)
    monkeypatch.setenv("HOME", str(folder / "home"))
    return workspace


def test_everything_that_is_not_served_yet_is_said_with_its_number(duragent: Command, old: Path) -> None:
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    _, found = findings(duragent)
    archived = "3 with an events.archive.jsonl, which is read as their past"
    assert [(status, text) for status, text, _ in of("duragent v0.5", found)] == [
        ("ok", f"{len(MADE)} sessions of v0.5, as v0.5 left them; {archived}"),
        ("note", "not read: 1 session of v0.4, of which only state.yaml is there (session_04)"),
        ("warning", f"{session_id('WA1T')} waited for an approval of: rm -r build"),
        ("note", "not served yet: 2 schedules (sched_1.yaml, sched_2.yaml)"),
        ("note", "not served yet: 3 memory files (MEMORY.md, 2026-02-18.md, people.md)"),
        ("note", "not served yet: 1 background process (01khr.meta.json)"),
        ("note", "not served yet: 2 gateways in duragent.yaml (telegram, irc)"),
        ("note", f"{old.parent / 'home/.duragent/auth.json'} is not read"),
    ]
    unread = [text for status, text, _ in of("sessions", found) if status == "note"]
    assert any(
        text.startswith(f"{session_id('DAMG')}: events.jsonl: 4 lines of v0.5 cannot be read") for text in unread
    )
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before


def test_memory_of_agents_that_remember_is_served(duragent: Command, old: Path) -> None:
    write_agent(old.parent, "assistant", rest="  memory: {}")
    _, found = findings(duragent)
    assert [text for _, text, _ in of("duragent v0.5", found) if "memory file" in text] == []


def test_nothing_is_said_where_v05_never_was(duragent: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    duragent("init", "--no-interactive")
    assert of("duragent v0.5", findings(duragent)[1]) == []


def test_verify_says_what_could_not_be_read_and_that_it_is_no_damage(duragent: Command, old: Path) -> None:
    shutil.rmtree(old / "sessions/session_04")
    ran = duragent("session", "verify")
    assert ran.code == 0
    assert f"{len(MADE)} sessions" in ran.out
    assert "all are whole" in ran.out
    assert (
        f"{session_id('DAMG')}: events.jsonl: 4 lines of v0.5 cannot be read, or only in part: 8, 19, 22, 28" in ran.err
    )
    told = json.loads(duragent("session", "verify", "--json").out)
    notes = {each["session_id"]: each["notes"] for each in told}
    assert [len(notes[session_id(name)]) for name in ("WHLE", "DAMG", "STAT")] == [0, 1, 2]
    assert (len(told), all(each["whole"] for each in told)) == (len(MADE), True)


def test_log_shows_the_whole_past_and_where_it_is_from(duragent: Command, old: Path) -> None:
    ran = duragent("session", "log", session_id("EMPT"), "--no-pager")
    assert (ran.code, "question 1 of EMPT" in ran.out, "adopted" in ran.out) == (0, True, True)
    assert "duragent v0.5" in ran.out
