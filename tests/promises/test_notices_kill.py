"""kill -9 of a real server between the result of a call and its notice."""

import asyncio
from pathlib import Path

from tests.support.bounds import LIMIT_SECONDS
from tests.support.hands import make_hands
from tests.support.until import until
from tests.support.webhooks import webhook


async def test_killed_before_a_webhook_has_answered_the_next_server_tells_it_again(tmp_path: Path) -> None:
    hands = make_hands(tmp_path)
    answers = asyncio.Event()
    async with webhook(wait_for=answers) as (url, bodies), asyncio.timeout(LIMIT_SECONDS):
        policy = hands.server.workspace / "policy.yaml"
        notify = f"notify: {{enabled: true, deliveries: [{{type: webhook, url: '{url}'}}]}}\n"
        policy.write_text(policy.read_text() + notify)
        try:
            hands.server.start()
            async with hands.server.client() as client:
                session = await hands.say(client, "./do a1")
                await hands.settle(client, [session])
                first = await bodies.get()
            # The turn has ended, and the webhook has not answered yet.
            positions = hands.server.workspace / "run" / "listeners" / "notices"
            assert [path.name for path in positions.iterdir()] == [session]
            hands.server.kill()
            answers.set()
            hands.server.start()
            assert await bodies.get() == first
            await until(lambda: not any(positions.iterdir()))
        finally:
            hands.server.stop()
    assert first["command"] == "./do a1"
    assert hands.count() == {"a1": 1}
