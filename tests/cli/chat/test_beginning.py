"""The session of a talk is made once, when it is needed, whatever goes wrong with the answers of the server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from duragent.cli.chat.beginning import Beginning, NotBegun, draft, is_unused
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.errors import ServerUnreachable
from duragent.wire import EventList, SendMessage, SessionInfo
from tests.cli.desk import Desk
from tests.support.http_house import TOKEN


class LosesAnAnswer(Client):
    """The first session that it makes is made, but the answer to it is lost."""

    lost = False

    async def create_session(self, *arguments: str | None, **options: str | None) -> SessionInfo:
        made = await super().create_session(*arguments, **options)  # type: ignore[arg-type]  # the same ones
        if not self.lost:
            self.lost = True
            raise ServerUnreachable("here", "it died")
        return made


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[LosesAnAnswer]:
    async with LosesAnAnswer(always(Endpoint(desk.url, TOKEN, local=True))) as client:
        yield client


async def test_session_whose_making_was_not_answered_is_made_once(client: LosesAnAnswer) -> None:
    beginning = Beginning(client, draft("assistant", "Sums"))
    with pytest.raises(NotBegun):
        beginning.session_id  # noqa: B018 - to ask for it is the test
    waiting = asyncio.create_task(beginning.there())
    with pytest.raises(ServerUnreachable):
        await beginning.begin()
    made = await asyncio.gather(beginning.begin(), beginning.begin(), waiting)
    sessions = (await client.sessions()).sessions
    assert {session.session_id for session in sessions} == set(made) == {beginning.session_id}
    assert [session.title for session in sessions] == ["Sums"]


async def test_only_what_was_made_here_and_is_unused_is_deleted(desk: Desk, client: LosesAnAnswer) -> None:
    client.lost = True
    used, unused = Beginning(client, draft("assistant")), Beginning(client, draft("assistant"))
    await client.post_message(await used.begin(), SendMessage(content="hello"))
    await unused.begin()
    other = await client.session(await desk.house.create())
    assert [await each.delete_unused() for each in (used, unused, Beginning(client, other))] == [False, True, False]
    left = {session.session_id for session in (await client.sessions()).sessions}
    assert left == {used.session_id, other.session_id}


@pytest.mark.parametrize(
    ("types", "head", "unused"),
    [
        (["session_created", "owner_claimed"], 2, True),
        (["session_created", "owner_claimed", "model_chosen", "session_renamed", "owner_claimed"], 5, True),
        (["session_created", "owner_claimed", "message_received"], 3, False),
        (["session_created", "owner_claimed", "command_requested", "command_finished"], 4, False),
        (["session_created", "owner_claimed"], 3, False),
    ],
)
def test_session_is_unused_while_nothing_was_said_or_done(types: list[str], head: int, unused: bool) -> None:
    assert is_unused(EventList(events=[{"type": each} for each in types], head=head, oldest=1)) is unused
