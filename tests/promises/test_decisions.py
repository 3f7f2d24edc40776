"""Decisions over HTTP: of two people one is heard, and only about what they saw. Promise 6."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.journal.events import ApprovalDecided
from duragent.wire import Decide
from tests.support.hands import Hands, make_hands, whole
from tests.support.until import until


@pytest.fixture
def hands(tmp_path: Path) -> Iterator[Hands]:
    hands = make_hands(tmp_path)
    hands.server.start()
    yield hands
    hands.server.stop()


async def _outcome(client: Client, session: str, decision: Decide) -> str:
    try:
        await client.post_decision(session, decision)
    except ProblemResponse as refused:
        return refused.problem
    return "decided"


def _always(hands: Hands) -> str:
    path = hands.server.workspace / "agents" / "assistant" / "policy.local.yaml"
    return path.read_text() if path.exists() else ""


async def test_two_people_decide_at_once_and_the_command_runs_once(hands: Hands) -> None:
    async with hands.server.client() as one, hands.server.client() as two:
        for number in range(6):
            session = await hands.say(one, f"./ask w{number}")
            call = (await hands.asked(one)).call_id
            outcomes = await asyncio.gather(
                _outcome(one, session, Decide(call_id=call, decision="allow_once", by="one")),
                _outcome(two, session, Decide(call_id=call, decision="allow_always", by="two")),
            )
            assert sorted(outcomes) == ["already-decided", "decided"]
            await hands.settle(one, [session])
            # Who comes too late leaves nothing behind.
            assert (f"./ask w{number}" in _always(hands)) == (outcomes[1] == "decided")
            winner = ("one", "two")[outcomes.index("decided")]
            assert [e.by for e in hands.events(session) if isinstance(e, ApprovalDecided)] == [winner]
            whole(hands, session, [f"./ask w{number}"])
    assert hands.count() == {f"w{number}": 1 for number in range(6)}


async def test_a_decision_that_was_made_is_not_made_again_after_a_crash(hands: Hands) -> None:
    async with hands.server.client() as client:
        session = await hands.say(client, "./ask word")
        asked = await hands.asked(client)
        body = Decide(call_id=asked.call_id, decision="allow_once", by="one")
        await client.post_decision(session, body)
        hands.server.kill()
        hands.server.start()
        await hands.settle(client, [session])
        assert await _outcome(client, session, body.model_copy(update={"by": "two"})) == "already-decided"
    assert hands.count() == {"word": 1}


@pytest.mark.parametrize("point", ["tool.started:1", "tool.ran:1", "tool.finished:1"])
async def test_what_a_session_allows_holds_after_a_kill_before_the_next_call(tmp_path: Path, point: str) -> None:
    hands = make_hands(tmp_path)
    hands.server.start({"DURAGENT_CRASHPOINT": point})
    async with hands.server.client() as client:
        session = await hands.say(client, "./ask word", "./ask later", "./ask again")
        asked = await hands.asked(client)
        body = Decide(call_id=asked.call_id, decision="allow_session", patterns=["bash:./ask *"])
        await client.post_decision(session, body)
        await hands.server.wait_until_dead()
        hands.server.start()
        assert (await client.session(session)).allowed == ["bash:./ask *"]
        await hands.settle(client, [session])
        whole(hands, session, ["./ask word", "./ask later", "./ask again"])
        # Nobody was asked about a call that the allowance names, and it is no other session's.
        assert hands.decided == []
        assert "./ask" not in _always(hands)
        other = await hands.say(client, "./ask other")
        assert (await hands.asked(client)).session_id == other
    hands.server.stop()
    assert hands.count() == {"word": 1, "later": 1, "again": 1}


async def test_an_approval_of_another_call_than_the_one_that_waits_is_refused(hands: Hands) -> None:
    async with hands.server.client() as client:
        session = await hands.say(client, "./ask word", "./ask later")
        asked = await hands.asked(client)
        yes = Decide(call_id=asked.call_id, decision="allow_once")
        for wrong in ({"arguments_sha256": "0" * 64}, {"command": "./ask something else"}, {"command": ""}):
            for decision in ("allow_once", "allow_always"):
                body = yes.model_copy(update={**wrong, "decision": decision})
                assert await _outcome(client, session, body) == "call-changed", body
        assert _always(hands) == ""
        assert hands.count() == {}
        await client.post_decision(session, yes.model_copy(update={"arguments_sha256": asked.arguments_sha256}))
        await until(lambda: hands.count() == {"word": 1})
        second = await hands.asked(client)
        # What was approved for the first does not hold for the second.
        crossed = Decide(call_id=second.call_id, decision="allow_once", arguments_sha256=asked.arguments_sha256)
        assert await _outcome(client, session, crossed) == "call-changed"
        assert await _outcome(client, session, crossed.model_copy(update={"call_id": asked.call_id})) == (
            "already-decided"
        )
        await hands.settle(client, [session])
    assert hands.count() == {"word": 1, "later": 1}
