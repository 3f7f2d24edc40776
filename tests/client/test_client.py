import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from duragent.cli import main
from duragent.client import backoff
from duragent.client.address import Endpoint, always, endpoint_of_url, local_url, workspace_hash
from duragent.client.client import Client
from duragent.client.find import find_server
from duragent.client.launch import LocalServer
from duragent.client.server_process import is_gone
from duragent.client.turn import ask as ask_turn
from duragent.clock import SystemClock
from duragent.errors import InvalidRequest, OlderServer, ProblemResponse, ServerStartFailed, ServerUnreachable
from duragent.journal.record import timestamp
from duragent.system.private_folder import make_place, opened, places, workspace_key, write_text
from duragent.wire import Approval, Decide, SendMessage, ServerAddress, Waiting
from tests.client.fake_server import FakeServer, running
from tests.support.bounds import LIMIT_SECONDS


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(backoff, "LIMIT_SECONDS", 0.002)


@asynccontextmanager
async def client_of(server: FakeServer, **options: Any) -> AsyncIterator[Client]:
    async with running(server), Client(always(Endpoint(server.url, "secret", local=True)), **options) as client:
        yield client


def write_address(workspace: Path, server: FakeServer, **changes: Any) -> None:
    (workspace / "run").mkdir(exist_ok=True)
    address = {
        "host": "127.0.0.1",
        "port": int(server.url.rpartition(":")[2]),
        "pid": os.getpid(),
        "started_at": timestamp(SystemClock().now()),
        "version": "0",
        "workspace_hash": server.workspace_hash,
    }
    (workspace / "run" / "server.json").write_text(json.dumps(address | changes))
    place = next(iter(places()))
    assert make_place(place)
    folder = place / workspace_key(workspace_hash(workspace))
    folder.mkdir(mode=0o700, exist_ok=True)
    with opened(folder) as descriptor:
        write_text(descriptor, "server.json", json.dumps(address | changes))
        write_text(descriptor, "token", "workspace-token\n")
        write_text(descriptor, "key", f"{server.key}\n")


async def test_a_post_whose_answer_is_lost_is_sent_again_and_counts_once() -> None:
    server = FakeServer(drops=3)
    async with client_of(server) as client:
        accepted = await client.post_message("s", SendMessage(content="hi"))
    assert accepted.seq == 1
    assert len(server.records) == 1
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
    assert len(server.asked) == 4


async def test_text_with_lone_surrogates_and_nulls_is_sent_as_it_is() -> None:
    server = FakeServer()
    async with client_of(server) as client:
        await client.post_message("s", SendMessage(content="a\ud800\0b"))
    assert server.records[0]["text"] == "a\ud800\0b"


async def test_a_problem_is_an_error_with_its_status_code_and_faults() -> None:
    body = {
        "type": "urn:duragent:problem:invalid-request",
        "title": "Unprocessable",
        "status": 422,
        "detail": "the body is wrong",
        "errors": [{"field": "content", "problem": "is missing"}],
    }
    server = FakeServer(statuses={"/api/v1/agents": (422, body)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse) as caught:
            await client.agents()
    error = caught.value
    assert (error.status, error.problem) == (422, "invalid-request")
    assert error.detail == "the body is wrong: content: is missing"


async def test_a_server_that_is_not_duragent_is_told_apart() -> None:
    server = FakeServer(statuses={"/api/v1/agents": (200, {"hello": "world"}), "/version": (418, {})})
    async with client_of(server) as client:
        with pytest.raises(ServerUnreachable, match="not duragent"):
            await client.agents()
        with pytest.raises(ProblemResponse, match="418"):
            await client.version()


async def test_an_unreachable_server_is_told_when_patience_ends() -> None:
    async with Client(always(Endpoint("http://127.0.0.1:9", None, local=True)), patience_seconds=0.05) as client:
        with pytest.raises(ServerUnreachable):
            await client.ready()


async def test_a_named_server_gets_patience_once_it_has_answered() -> None:
    server = FakeServer()
    async with running(server), Client(always(endpoint_of_url(server.url, environ={}))) as client:
        server.drops = 1
        with pytest.raises(ServerUnreachable) as caught:
            await client.post_message("s", SendMessage(content="hi"))
        await client.post_message("s", SendMessage(content="hi"))
        server.drops = 2
        await client.post_message("s", SendMessage(content="hi"))
    assert caught.value.named


async def test_the_workspace_token_goes_to_the_server_of_the_workspace(tmp_path: Path) -> None:
    async with running(FakeServer(workspace_hash=workspace_hash(tmp_path))) as server:
        write_address(tmp_path, server)
        assert await find_server(tmp_path) == Endpoint(server.url, "workspace-token", local=True)
    assert all("authorization" not in asked.headers for asked in server.asked)


async def test_the_workspace_token_never_goes_to_another_workspaces_server(tmp_path: Path) -> None:
    async with running(FakeServer(workspace_hash="f" * 64)) as server:
        write_address(tmp_path, server, workspace_hash=workspace_hash(tmp_path))
        with pytest.raises(ServerUnreachable, match="another workspace"):
            await find_server(tmp_path)


async def test_a_server_of_version_0_1_0_is_told_and_asked_nothing(tmp_path: Path) -> None:
    """It says where it is in the workspace, and nowhere else."""
    async with running(FakeServer(workspace_hash=workspace_hash(tmp_path))) as server:
        write_address(tmp_path, server, version="0.1.0")
        shutil.rmtree(next(iter(places())) / workspace_key(workspace_hash(tmp_path)))
        with pytest.raises(OlderServer, match=rf"older duragent \(0.1.0\).*kill {os.getpid()}") as caught:
            await find_server(tmp_path)
    assert (server.asked, main.exit_code(caught.value)) == ([], 76)


async def test_a_server_of_v0_5_is_told_before_it_is_sent_a_message() -> None:
    version = {"version": "0.5.4", "commit": "abc", "build_date": "2026-01-01"}
    server = FakeServer(is_v0_5=True, statuses={"/version": (200, version)})
    async with running(server), Client(always(endpoint_of_url(server.url, environ={"DURAGENT_TOKEN": "x"}))) as client:
        with pytest.raises(OlderServer, match=r"an older duragent \(0.5.4\) answers at http://127.0.0.1:"):
            await client.post_message("s", SendMessage(content="hi"))
    assert [asked.path for asked in server.asked] == ["/readyz", "/version"]
    assert all("authorization" not in asked.headers for asked in server.asked)


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "169.254.169.254"])
def test_the_workspace_token_never_leaves_this_machine(host: str) -> None:
    address = ServerAddress(host=host, port=80, pid=1, started_at="", version="", workspace_hash="")
    with pytest.raises(ServerUnreachable, match="loopback"):
        local_url(address)


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:8"), ("::1", "http://[::1]:8")])
def test_a_server_that_listens_on_this_machine_has_a_local_url(host: str, url: str) -> None:
    assert local_url(ServerAddress(host=host, port=8, pid=1, started_at="", version="", workspace_hash="")) == url


def test_a_url_gets_its_token_from_the_environment_or_a_file_only(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of-file\n")
    assert endpoint_of_url("http://example.com/", None, {}) == Endpoint("http://example.com", None, named=True)
    assert endpoint_of_url("https://example.com", None, {"DURAGENT_TOKEN": "x"}).token == "x"
    assert endpoint_of_url("https://example.com", file, {"DURAGENT_TOKEN": "x"}).token == "of-file"
    here = Endpoint("http://localhost:8080", None, local=True, named=True)
    assert endpoint_of_url("localhost:8080", None, {}) == here
    with pytest.raises(InvalidRequest):
        endpoint_of_url("ftp://example.com", None, {})


async def test_a_broken_address_file_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "server.json").write_text("{")
    with pytest.raises(ServerUnreachable, match="no server is running"):
        await find_server(tmp_path)


async def test_a_server_that_was_stopped_is_not_started_by_a_mere_watcher(tmp_path: Path) -> None:
    local = LocalServer(tmp_path, lambda: pytest.fail("started"), lambda _: None)
    with pytest.raises(ServerUnreachable):
        await local(wanted=False)


async def test_a_server_that_lives_but_does_not_answer_is_not_started_again(tmp_path: Path) -> None:
    write_address(tmp_path, FakeServer(url="http://127.0.0.1:9"))
    local = LocalServer(tmp_path, lambda: pytest.fail("started"), lambda _: None)
    with pytest.raises(ServerUnreachable):
        await local(wanted=True)


async def test_a_server_whose_log_cannot_be_written_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(ServerStartFailed, match=r"logs.*cannot be written"):
        await LocalServer(tmp_path, list, lambda _: None)(wanted=True)


def test_a_dead_child_that_nobody_asked_about_is_gone() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(pid)
    assert not is_gone(os.getpid())


def test_another_process_that_got_the_id_later_is_not_the_server() -> None:
    assert is_gone(os.getpid(), "2001-01-01T00:00:00.000Z")
    assert not is_gone(os.getpid(), timestamp(SystemClock().now()))


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_what_cannot_be_a_process_id_is_gone(pid: int) -> None:
    assert is_gone(pid)


async def test_a_fault_that_the_detail_tells_already_is_told_once() -> None:
    body = {
        "type": "urn:duragent:problem:invalid-request",
        "title": "Invalid Request",
        "status": 422,
        "detail": "the query cannot be used: limit: is too small",
        "errors": [{"field": "limit", "problem": "is too small"}],
    }
    async with client_of(FakeServer(statuses={"/api/v1/agents": (422, body)})) as client:
        with pytest.raises(ProblemResponse) as caught:
            await client.agents()
    assert caught.value.detail == "the query cannot be used: limit: is too small"


WAITS = {"session_id": "s", "call_id": "c1", "command": "rm x", "seq": 7, "status": "pending_approval"}
APPROVAL = {
    "session_id": "s",
    "agent": "a",
    "title": "",
    "kind": "approval",
    "call_id": "c1",
    "tool": "bash",
    "command": "rm x",
    "arguments_sha256": "5a",
    "requested_at": "2026-11-20T23:58:16.123Z",
    "seq": 7,
}


async def test_an_answer_or_what_it_waits_for_is_told_apart_by_the_status() -> None:
    complete = {"status": "complete", "message_id": "m", "content": "done", "seq": 9}
    answered = {"message_id": "m", "content": "hi", "seq": 2, "input_seq": 1}
    server = FakeServer()
    decision = Decide(call_id="c1", decision="deny", reason="no")
    async with client_of(server) as client:
        for status, said, done in ((200, answered, complete), (202, WAITS, WAITS)):
            server.statuses = {
                "/api/v1/sessions/s/messages": (status, said),
                "/api/v1/sessions/s/approve": (status, done),
            }
            asked = await client.ask("s", SendMessage(content="hi"))
            decided = await client.decide("s", decision)
            assert isinstance(asked, Waiting) == isinstance(decided, Waiting) == (status == 202)
    sent = [asked.json() for asked in server.asked if asked.path.endswith("/approve")]
    assert sent == [{"call_id": "c1", "decision": "deny", "patterns": [], "reason": "no", "by": ""}] * 2


async def test_a_decision_that_comes_second_says_what_the_first_was() -> None:
    detail = "call 'c1' was decided before: deny, by Ada"
    problem = {"type": "urn:duragent:problem:already-decided", "title": "x", "status": 409, "detail": detail}
    server = FakeServer(statuses={"/api/v1/sessions/s/approve": (409, problem)})
    async with client_of(server) as client:
        with pytest.raises(ProblemResponse, match="decided before: deny, by Ada") as caught:
            await client.decide("s", Decide(call_id="c1", decision="allow_once"))
    assert (caught.value.problem, len(server.asked)) == ("already-decided", 1)


async def test_a_question_that_is_older_than_the_message_ends_the_wait_for_an_answer() -> None:
    server = FakeServer(approvals=[APPROVAL])
    server.add("message_received", message_id="m0", text="first")
    async with client_of(server) as client, asyncio.timeout(LIMIT_SECONDS):
        result = await ask_turn(client, "s", "second")
    assert (result.outcome, result.code, result.approval) == (
        "waiting",
        "approval-required",
        Approval.model_validate(APPROVAL),
    )
    [listed] = [asked for asked in server.asked if asked.path == "/api/v1/approvals"]
    assert listed.query == {"session_id": "s"}


async def test_address_file_that_is_a_named_pipe_is_no_server(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "server.json")
    with pytest.raises(ServerUnreachable, match="no server is running"):
        await find_server(tmp_path)


async def test_log_that_is_a_named_pipe_does_not_keep_a_command_waiting(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    os.mkfifo(tmp_path / "logs" / "server.log")
    with pytest.raises(ServerStartFailed, match="No such option"):
        await LocalServer(tmp_path, lambda: ["--no-such-option"], lambda _: None)(wanted=True)


async def test_server_that_was_started_again_is_asked_with_its_new_token() -> None:
    refusal = {"type": "urn:duragent:problem:unauthorized", "title": "Unauthorized", "status": 401, "detail": "no"}
    looked: list[str] = []
    async with running(FakeServer()) as server:

        async def locate(*, wanted: bool) -> Endpoint:
            looked.append("old" if not looked else "new")
            if looked[-1] == "new" and not final:
                server.statuses.clear()
            return Endpoint(server.url, looked[-1], local=True)

        async with Client(locate) as client:
            final = False
            await client.approvals()
            server.statuses["/api/v1/approvals"] = (401, refusal)
            await client.approvals()
            assert server.asked[-1].headers["authorization"] == "Bearer new"
            final = True
            server.statuses["/api/v1/approvals"] = (401, refusal)
            with pytest.raises(ProblemResponse, match="no"):
                await client.approvals()
    assert looked == ["old", "new", "new"]
