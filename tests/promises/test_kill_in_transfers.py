"""kill -9 in the middle of a fork, an import and a repair: all of a session is there or nothing, damaged or mended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx
import pytest

from duragent.client.client import Client
from duragent.errors import ServerError
from duragent.journal import events as e
from duragent.stores.files.checkup import check
from duragent.stores.files.store import FileStore
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.logs import lines_of
from tests.support.real_server import RealServer, told

SESSION = "session_01killed"


def asked(server: RealServer) -> str:
    """An idle session, of a server that is gone."""
    happened: list[list[e.Event]] = [
        [e.SessionCreated(agent="assistant"), e.OwnerClaimed(epoch=1, node="gone")],
        [e.MessageReceived(message_id="msg_1", text="hi", source="legacy")],
        [e.SessionRenamed(title="Old")],
        [e.SessionRenamed(title="Older")],
    ]
    store = FileStore(server.sessions_dir)
    store.open()
    lines: list[bytes] = []
    for group in happened:
        lines += lines_of(len(lines) + 1, group, SESSION)
    (server.sessions_dir / SESSION).mkdir()
    server.events_file(SESSION).write_bytes(b"".join(lines))
    store.close()
    return SESSION


async def dies(server: RealServer, doing: Awaitable[object]) -> None:
    """It is done, and kills the server; the client's wish ends one way or the other."""
    task = asyncio.ensure_future(doing)
    async with asyncio.timeout(LIMIT_SECONDS):
        await server.wait_until_dead()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def shown(server: RealServer) -> list[str]:
    return sorted(path.name for path in server.sessions_dir.iterdir() if path.name not in (".index.jsonl", ".lock"))


LONG = pytest.mark.campaign


@pytest.mark.parametrize("point", ["adopt.written", pytest.param("adopt.named", marks=LONG)])
async def test_fork_that_is_cut_short_is_there_or_not_and_is_made_once_under_its_key(
    server: RealServer, point: str
) -> None:
    parent = asked(server)
    before = server.events_file(parent).read_bytes()
    server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
    async with server.client() as client:
        forking = asyncio.ensure_future(client.fork(parent, at=4, key="f"))
        async with asyncio.timeout(LIMIT_SECONDS):
            await server.wait_until_dead()
        names = [name for name in shown(server) if name != parent]
        assert [name.startswith(".adopted-") for name in names] == [point == "adopt.written"]
        server.start()
        # The client asks again with the same key, until a server answers.
        async with asyncio.timeout(LIMIT_SECONDS):
            child = (await forking).session_id
        assert shown(server) == sorted([parent, child])
        assert (await client.fork(parent, at=4, key="f")).session_id == child
        assert (await told(client, child, "repeat on")).content
    assert [check(server.sessions_dir, each).damage for each in (parent, child)] == [None, None]
    assert server.events_file(parent).read_bytes().startswith(before)


@pytest.mark.parametrize("point", [pytest.param("adopt.written", marks=LONG), "adopt.named"])
async def test_import_that_is_cut_short_is_there_or_not(server: RealServer, tmp_path: Path, point: str) -> None:
    session, path = asked(server), tmp_path / "session.zip"
    before = server.events_file(session).read_bytes()
    server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
    async with server.client() as client:
        with path.open("wb") as file:
            await client.export(session, file.write)
        await client.delete_session(session)
        taking = asyncio.ensure_future(take_in(client, path))
        async with asyncio.timeout(LIMIT_SECONDS):
            await server.wait_until_dead()
            with pytest.raises(ServerError, match="may have been taken in: `duragent session list`"):
                await taking
        server.start()
        if point == "adopt.named":
            with pytest.raises(ServerError, match="exists"):
                await take_in(client, path)
        else:
            assert shown(server) == []
            await take_in(client, path)
        again = await _posted_again(server, path)
        assert (again.status_code, again.headers["idempotency-replayed"], again.json()["session_id"]) == (
            201,
            "true",
            session,
        )
        assert shown(server) == [session]
        assert server.events_file(session).read_bytes() == before
        assert (await told(client, session, "repeat on")).content


async def _posted_again(server: RealServer, path: Path) -> httpx.Response:
    """The import once more, by a client that sends a key."""
    endpoint = await server.locate()
    headers = {"Authorization": f"Bearer {endpoint.token}", "Content-Type": "application/zip", "Idempotency-Key": "k"}
    async with httpx.AsyncClient(timeout=LIMIT_SECONDS, trust_env=False) as http:
        return await http.post(f"{endpoint.url}/api/v1/imports", content=path.read_bytes(), headers=headers)


@pytest.mark.parametrize("point", ["adopt.written", "adopt.named"])
async def test_import_under_a_new_id_that_is_cut_short_is_sent_again_and_made_once(
    server: RealServer, tmp_path: Path, point: str
) -> None:
    session, path = asked(server), tmp_path / "session.zip"
    server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})

    async def read() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    async with server.client() as client:
        with path.open("wb") as file:
            await client.export(session, file.write)
        importing = asyncio.ensure_future(client.import_session(read(), new_id=True, again=read))
        async with asyncio.timeout(LIMIT_SECONDS):
            await server.wait_until_dead()
        server.start()
        async with asyncio.timeout(LIMIT_SECONDS):
            child = (await importing).session_id
        assert shown(server) == sorted([session, child])
        assert (await told(client, child, "repeat on")).content


async def take_in(client: Client, path: Path) -> None:
    async def read() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    await client.import_session(read())


@pytest.mark.parametrize("point", [pytest.param("mend.set_aside", marks=LONG), "mend.replaced"])
async def test_repair_that_is_cut_short_leaves_a_damaged_session_or_a_mended_one(
    server: RealServer, point: str
) -> None:
    session = asked(server)
    log = server.events_file(session)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b'"ts":"2', b'"ts":"3')]))
    spoilt = log.read_bytes()
    server.start({"DURAGENT_CRASHPOINT": f"{point}:1"})
    async with server.client() as client:
        await dies(server, client.repair(session))
    kept = b"".join(path.read_bytes() for path in log.parent.glob("events*"))
    assert all(line in kept for line in spoilt.splitlines(keepends=True))
    server.start()
    async with server.client() as client:
        info = await client.session(session)
        if info.problem:
            info = await client.repair(session)
        assert info.problem is None
        await client.post_message(session, SendMessage(content="on"))
    assert server.kinds(session)[len(lines) - 1 :][:2] == ["log_recovered", "owner_claimed"]
