"""The /tmp of a session, over a kill -9 of the server: a command keeps its own, nobody else's is seen, none is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hands import Hands, make_hands
from tests.support.machine import needs_bubblewrap
from tests.support.real_server import told
from tests.support.until import until

LONG = '#!/bin/sh\necho "$1" > /tmp/mine\ntouch begun\nwhile [ ! -e go ]; do sleep 0.02; done\ncat /tmp/mine\n'
LOOK = "#!/bin/sh\necho in $1: $(ls -A /tmp/mine 2> /dev/null && cat /tmp/mine)\n"

pytestmark = needs_bubblewrap


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = make_hands(tmp_path, sandbox={"mode": "bubblewrap"})
    hands.script("long", LONG)
    hands.script("do", LOOK)
    yield hands
    (tmp_path / "go").touch()
    hands.server.stop()


def _printed(hands: Hands, session: str) -> list[str]:
    return [result.content for result in hands.results(session)]


async def test_a_command_that_outlives_its_server_keeps_its_tmp_and_no_other_session_sees_it(hands: Hands) -> None:
    hands.server.start()
    async with hands.server.client() as client:
        session = await hands.say(client, "./long secret")
        await until((hands.folder / "begun").exists)
        hands.server.kill()
        hands.server.start()
        other = await hands.say(client, "./do other")
        await hands.settle(client, [other])
        assert _printed(hands, other) == ["in other:\n"]
        (hands.folder / "go").touch()
        await hands.settle(client, [session])
        await told(client, session, "run `./do own`")
    assert hands.lost(session) == []
    assert _printed(hands, session) == ["secret\n", "in own: /tmp/mine secret\n"]


async def test_what_a_killed_server_left_of_a_session_that_rests_is_gone_after_the_next_start(hands: Hands) -> None:
    (hands.folder / "go").touch()
    hands.server.start()
    async with hands.server.client() as client:
        session = await hands.say(client, "./long secret")
        await hands.settle(client, [session])
        left = hands.server.workspace / "run/tmp" / session
        assert (left / "mine").read_text() == "secret\n"
        hands.server.kill()
        assert left.exists()
        hands.server.start()
        await until(lambda: not left.exists())
        await told(client, session, "run `./do own`")
    assert _printed(hands, session) == ["secret\n", "in own:\n"]
