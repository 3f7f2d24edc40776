import asyncio

import pytest

from duragent.client.turn import ask as ask_turn
from duragent.errors import ProblemResponse
from duragent.wire import Approval, Decide, SendMessage, Waiting
from tests.client.fake_server import FakeServer, client_of
from tests.support.bounds import LIMIT_SECONDS

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
