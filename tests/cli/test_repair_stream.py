"""Streams that are no sessions: `log`, `verify`, `doctor` and `session repair` take their names."""

import asyncio
import json

from duragent.journal.mind.events import FileSeen, MindCreated
from duragent.mind.kind import MIND, MIND_FOLD
from duragent.stores.files.store import FileStore
from duragent.streams.stream_log import StreamLog, StreamPorts
from duragent.testing import FakeClock
from tests.cli.home import DAMAGED, Home
from tests.support.logs import spoil

NAME = "mind-ada"


def make_mind(home: Home) -> None:
    """A mind of four records, made as a server makes it."""

    async def work() -> None:
        store = FileStore(home.folder / ".duragent" / "streams", kind=MIND)
        ports = StreamPorts(store, FakeClock(), "n1", asyncio.ensure_future)
        log = await StreamLog.create(ports, NAME, MIND_FOLD, [MindCreated(agent="ada")])
        for file in ("MEMORY.md", "daily/2026-11-21.md"):
            seen = FileSeen(file=file, sha256="a" * 64)
            await log.commit(lambda _, seen=seen: [seen])  # type: ignore[misc]  # a default of a lambda
        store.close()

    asyncio.run(work())


def test_stream_is_shown_verified_and_repaired_by_its_name(home: Home) -> None:
    ran = home.run("log", NAME)
    assert (ran.code, f"mind '{NAME}' not found" in ran.err) == (66, True)
    make_mind(home)
    shown = [json.loads(line) for line in home.run("log", NAME, "--json").out.splitlines()]
    assert [record["type"] for record in shown] == ["mind_created", "owner_claimed", "file_seen", "file_seen"]
    assert "file_seen 4" in home.run("log", NAME).out
    assert home.run("verify").out == f"1 session and 1 stream, {home.head + 4} records: all are whole.\n"
    assert home.run("log", home.first).out == home.run("session", "log", home.first).out

    spoil(home.folder / ".duragent" / "streams" / NAME, 4)
    ran = home.run("verify", NAME)
    assert (ran.code, f"duragent session repair {NAME}" in ran.err) == (DAMAGED, True)
    doctor = json.loads(home.run("doctor", "--json").out)["findings"]
    assert [each["status"] for each in doctor if each["section"] == "streams"] == ["ok", "problem"]
    ran = home.run("session", "repair", NAME, "--yes")
    assert "is held by" in ran.err, "a server runs"
    home.stop()
    ran = home.run("session", "repair", NAME, "--yes")
    assert (ran.code, ran.out) == (0, f"{NAME} goes on behind its good records; it has 5 now.\n")
    assert home.run("verify", NAME).code == 0
    types = [json.loads(line)["type"] for line in home.run("log", NAME, "--json").out.splitlines()]
    assert types == ["mind_created", "owner_claimed", "file_seen", "log_recovered", "owner_claimed"]


def test_server_that_runs_mends_the_memory_of_its_agent(home: Home) -> None:
    home.stop()
    agent = home.folder / ".duragent" / "agents" / "assistant" / "agent.yaml"
    text = agent.read_text()
    if "\n  memory: {}\n" not in text:
        agent.write_text(f"{text.rstrip()}\n  memory: {{}}\n")
    name = "mind-assistant"
    for fact in ("Units are metric.", "Trains are late."):
        ran = home.run("memory", "add", fact)
        assert ran.code == 0, ran.err
    spoil(home.folder / ".duragent" / "streams" / name, 4)
    ran = home.run("session", "repair", name, "--yes")
    assert (ran.code, ran.out) == (0, f"{name} goes on behind its good records; it has 7 now.\n"), ran.err
    assert "Set aside: " in ran.err
    assert home.run("verify", name).code == 0
    assert home.run("memory", "add", "It goes on.").code == 0
    assert [home.run("memory", "list").out.count(each) for each in ("metric", "late", "goes on")] == [1, 1, 1]
    assert home.run("session", "repair", name, "--yes").code != 0
