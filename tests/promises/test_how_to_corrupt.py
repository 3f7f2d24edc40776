"""The page on how to corrupt a session says what happens: each of its lines is done, and looked at."""

import asyncio
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from duragent.client.address import Endpoint
from duragent.client.client import Client
from duragent.errors import ProblemResponse, ServerUnreachable
from duragent.stores.memory import MemoryStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.wire import SendMessage
from tests.promises.corrupting import RUNNING, STOPPED, Deed, Seen, begun, goes_further, seen, summed_up
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import open_house
from tests.support.places import ROOT
from tests.support.real_server import RealServer, told

PAGE = ROOT / "docs" / "how-to-corrupt.md"
YEAR_SECONDS = 365 * 24 * 3600.0
NOT_TOLD = ("state.yaml", "duragent fork", "session import", "duragent session delete")
"""Names on the page that are no quotations."""

_NOT_THERE = r"not the folder that this server has locked|it was removed|No such file|there are no agents"
_CODE = re.compile(r"`([^`]+)`")

ELSEWHERE = {
    "`agent.yaml` is edited to nonsense while the server runs": "tests/promises/test_agent_edits.py::"
    "test_a_broken_edit_leaves_the_last_good_agent_and_is_listed_with_its_line",
    "A second server is started on it": "tests/promises/test_stop.py::"
    "test_a_second_server_on_the_workspace_is_refused_and_told_who_holds_it",
    "Another workspace names the same `sessions` folder, by whatever path": "tests/promises/test_one_writer.py::"
    "test_second_server_on_a_sessions_folder_is_refused_and_told_who_holds_it",
    "The folder `sessions` is replaced by another one while the server runs": "tests/promises/test_one_writer.py::"
    "test_server_whose_sessions_folder_was_replaced_acknowledges_nothing_and_the_new_folders_server_all",
    "The server is killed with `kill -9`": "tests/promises/test_kill_in_answers.py::"
    "test_an_answer_that_was_killed_goes_on_and_every_client_sees_each_record_once",
    "The runner of a command is killed with `kill -9`": "tests/promises/test_commands_outlive_the_server.py::"
    "test_a_command_whose_runner_was_killed_is_asked_about",
    "The disk is full": "tests/campaigns/test_real_faults.py::"
    "test_full_disk_is_told_and_the_same_session_goes_on_when_there_is_room",
    "duragent v0.5 left cut, merged, repeated or blank lines": "tests/journal/legacy/test_log.py::"
    "test_all_that_was_said_is_there_once_and_in_order",
    "duragent v0.5 was killed while it compacted a log": "tests/journal/legacy/test_log.py::"
    "test_any_part_that_the_snapshot_covers_may_be_gone",
    "duragent v0.5 writes to a session that is open here": "tests/legacy/test_golden_workspace.py::"
    "test_v05_that_writes_meanwhile_is_noticed_before_anything_is_written",
    "The server is killed with `kill -9` while a session of v0.5 becomes one of today": "tests/promises/"
    "test_kill_in_adoption.py::test_adoption_that_is_cut_short_loses_nothing",
    "It lies on a network drive": "tests/stores/test_locks.py::"
    "test_network_file_systems_are_told_by_the_mount_that_is_nearest",
}
HERE = {
    "The folder `run` is deleted while the server runs": "test_server_goes_on_without_its_folder_run",
    "It is copied while the server runs": "test_copy_of_a_running_workspace_goes_on_behind_its_last_whole_records",
    "It is moved while no server runs": "test_workspace_may_be_moved_but_not_under_a_server",
    "It is moved while the server runs": "test_workspace_may_be_moved_but_not_under_a_server",
    "It is deleted while the server runs": "test_nothing_is_written_back_to_a_workspace_that_was_deleted",
    "It is opened to other users with `chmod`": "test_workspace_that_was_opened_to_others_is_closed_again",
    "The clock goes back, or forward": "test_records_keep_their_order_when_the_clock_jumps",
}


def rows() -> dict[str, list[str]]:
    """The tables' lines by their first cell, in order."""
    table = (line for line in PAGE.read_text().splitlines() if line.startswith("| "))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    return {row[0]: row[1:] for row in cells if row[0] not in ("what is done", "---")}


def test_each_line_of_the_page_has_a_test() -> None:
    assert list(rows()) == [*STOPPED, *RUNNING, *(line for line in rows() if line in HERE or line in ELSEWHERE)]
    assert set(rows()) == {*STOPPED, *RUNNING, *HERE, *ELSEWHERE}
    for test in HERE.values():
        assert test in globals()
    for path, _, test in (each.partition("::") for each in ELSEWHERE.values()):
        assert f"def {test}(" in (ROOT / path).read_text()


# --- sessions -------------------------------------------------------------------------------------------------------


LATER = {
    "`sed -i`, or an editor that saves": "the checksum does not fit",
    "`git checkout` or `git stash` of an older log": "the log ends at record 4, but state.yaml has seen 8",
    "A line is added": "not JSON",
    "The log is truncated in place": "the log ends at record 2, but state.yaml has seen 8",
    "Letters are changed in place": "the checksum does not fit",
    "The log is deleted": "the log is gone, but state.yaml is there",
    "The folder is deleted": "not found",
    "The folder is renamed": "not found",
}
"""What is reported at the next start, when the file that is there counts."""

KEPT = {
    "The last lines are deleted": ("repeat once",),
    "A line is added": ("repeat once", "once"),
    "An older copy of the session's folder takes its place": ("repeat once", "once", "repeat again", "again"),
}
"""The messages that can be read."""


async def test_what_is_done_to_a_session_ends_as_the_page_says(server: RealServer) -> None:
    """One server for all: those that are done before its start, and those under it."""
    found = await _all(server)
    wrong = {line: problem for line, (then, words) in _of_sessions() if (problem := _wrong(found[line], then, words))}
    later = {line: "\n".join(found[f"{line}, and later"].told) for line in LATER}
    wrong |= {f"{line}, and later": told for line, told in later.items() if LATER[line] not in told}
    wrong |= {line: str(found[line].kept) for line, kept in KEPT.items() if found[line].kept != kept}
    assert not wrong, "\n\n".join(f"{line}:\n{seen}" for line, seen in wrong.items())


def _of_sessions() -> Iterator[tuple[str, list[str]]]:
    return ((line, cells) for line, cells in rows().items() if line in STOPPED or line in RUNNING)


def _wrong(found: Seen, then: str, words: str) -> str:
    """What was seen, if it is not what the page says: how it ended, and each of the words that the page quotes."""
    told = "\n".join(found.told)
    quoted = (each for each in _CODE.findall(words) if each not in NOT_TOLD)
    return "" if found.then == then and all(each in told for each in quoted) else f"{found.then}\n{told}"


async def _all(server: RealServer) -> Mapping[str, Seen]:
    server.start()
    async with server.client() as client:
        stopped = {line: await begun(client, deed) for line, deed in STOPPED.items()}
        for line, deed in STOPPED.items():
            if deed.later:
                await goes_further(server, client, stopped[line], deed.later)
        assert await asyncio.to_thread(server.terminate) == 0
        for line, deed in STOPPED.items():
            deed.does(server.sessions_dir / stopped[line])
        server.start()
        found = {line: await seen(server, client, f"{id_}{STOPPED[line].beside}") for line, id_ in stopped.items()}
        running = {line: await begun(client, deed) for line, deed in RUNNING.items()}
        for line, deed in RUNNING.items():
            await summed_up(server, running[line])
            deed.does(server.sessions_dir / running[line])
        found |= {line: await seen(server, client, id_) for line, id_ in running.items()}
        bystander = await begun(client, Deed(lambda _: None))
        assert (await seen(server, client, bystander)).answered
        assert await asyncio.to_thread(server.terminate) == 0
        server.start()
        found |= {f"{line}, and later": await seen(server, client, id_) for line, id_ in running.items()}
    assert "Traceback" not in server.log.read_text()
    return found


# --- the workspace --------------------------------------------------------------------------------------------------


async def test_server_goes_on_without_its_folder_run(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        shutil.rmtree(server.workspace / "run")
        assert (await told(client, session, "repeat after me")).content == "after me"
    second = server.spawn()
    assert second.wait(LIMIT_SECONDS) == 73
    async with server.client() as client:
        assert (await told(client, session, "repeat and again")).content == "and again"


async def test_copy_of_a_running_workspace_goes_on_behind_its_last_whole_records(
    server: RealServer, tmp_path: Path
) -> None:
    server.start()
    copy = RealServer(tmp_path / "copy" / ".duragent")
    try:
        async with server.client() as client:
            session = (await client.create_session("assistant")).session_id
            await told(client, session, "repeat after me")
            await client.post_message(session, SendMessage(content="count to 60"))
            shutil.copytree(server.workspace, copy.workspace, ignore=_no_sockets)
            copy.start()
            async with copy.client() as other:
                assert (await told(other, session, "repeat in the copy")).content == "in the copy"
                contents = [message.content for message in (await other.messages(session)).messages]
            assert contents[:2] == ["repeat after me", "after me"]
            assert "repeat in the copy" not in [each.content for each in (await client.messages(session)).messages]
    finally:
        copy.stop()


def _no_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (Path(folder) / name).is_file() and not (Path(folder) / name).is_dir()]


def _impatient(endpoint: Endpoint) -> Client:
    """A client that knows where the server is, and that waits for nothing."""

    async def there(*, wanted: bool = False) -> Endpoint:
        return endpoint

    return Client(there, patience_seconds=0.0)


async def test_workspace_may_be_moved_but_not_under_a_server(server: RealServer, tmp_path: Path) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "repeat after me")
    assert server.terminate() == 0
    (tmp_path / "elsewhere").mkdir()
    there = RealServer(server.workspace.rename(tmp_path / "elsewhere" / ".duragent"))
    try:
        there.start()
        async with there.client() as client:
            assert (await told(client, session, "repeat over there")).content == "over there"
            endpoint = await there.locate()
            there.workspace.rename(server.workspace)
            async with _impatient(endpoint) as hasty:
                with pytest.raises((ProblemResponse, ServerUnreachable), match=_NOT_THERE):
                    await told(hasty, session, "repeat nowhere")
            server.workspace.rename(there.workspace)
            assert (await told(client, session, "repeat there again")).content == "there again"
        assert there.terminate() == 0
        there.workspace.rename(server.workspace)
    finally:
        there.stop()
    server.start()
    async with server.client() as client:
        contents = [message.content for message in (await client.messages(session)).messages]
        assert contents[2:] == ["repeat over there", "over there", "repeat there again", "there again"]
        assert (await told(client, session, "repeat back home")).content == "back home"


async def test_nothing_is_written_back_to_a_workspace_that_was_deleted(server: RealServer) -> None:
    server.start()
    async with server.client() as client:
        session = (await client.create_session("assistant")).session_id
        await told(client, session, "repeat after me")
        endpoint = await server.locate()
        shutil.rmtree(server.workspace)
        async with _impatient(endpoint) as hasty:
            for asked in (told(hasty, session, "repeat nowhere"), hasty.create_session("assistant")):
                with pytest.raises((ProblemResponse, ServerUnreachable), match=_NOT_THERE):
                    await asked
            assert (await hasty.ready()).status == "degraded"
    assert server.terminate() == 0
    assert not server.workspace.exists()


async def test_workspace_that_was_opened_to_others_is_closed_again(server: RealServer) -> None:
    server.workspace.chmod(0o777)
    server.start()
    assert server.workspace.stat().st_mode & 0o777 == 0o700
    assert "was open to other users" in server.log.read_text()


async def test_records_keep_their_order_when_the_clock_jumps(tmp_path: Path) -> None:
    clock = FakeClock(hurried=True)
    async with open_house(MemoryStore(), ScriptedModel(["one", "two", "three"]), tmp_path, clock=clock) as house:
        session = await house.new()
        await house.ask(session, "hi")
        clock.jump(-6 * YEAR_SECONDS)
        await house.ask(session, "and now?")
        clock.jump(20 * YEAR_SECONDS)
        answered = await house.ask(session, "and then?")
        assert answered.reply is not None
        assert (answered.outcome, answered.reply.text) == ("completed", "three")
        records = await house.records(session)
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert [record.ts[:4] for record in records if record.event.type == "turn_ended"] == ["2026", "2020", "2039"]
