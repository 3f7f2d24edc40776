"""What is said, and what comes back."""

import asyncio
import json

import pytest

from duragent.errors import AuthenticationFailed, RateLimited
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ModelFailed, ModelReplied, TokenCounts
from duragent.server.routes.approvals import completed
from duragent.server.routes.messages import answer_of
from duragent.testing import Line
from duragent.wire import Answer, Completed, Usage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House


async def test_message_is_answered(house: House) -> None:
    session_id = await house.create()
    response = await house.say(session_id, "hi")
    answer = response.json()
    assert response.status_code == 200
    assert (answer["role"], answer["content"], answer["interrupted"]) == ("assistant", "hello there friend", False)
    assert answer["usage"]["total_tokens"] == 4
    by_seq = {record["seq"]: record for record in await house.log(session_id)}
    assert by_seq[answer["seq"]]["message_id"] == answer["message_id"]
    assert by_seq[answer["input_seq"]]["text"] == "hi"


async def test_respond_async_is_accepted_at_once_and_says_where_the_answer_comes(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("later", gate=gate))
    session_id = await house.create()
    response = await house.say(session_id, "hi", Prefer="wait=10, Respond-Async")
    accepted = response.json()
    assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
    assert response.headers["location"] == f"/api/v1/sessions/{session_id}/events?after={accepted['seq']}"
    assert [record["seq"] for record in await house.log(session_id) if record["type"] == "message_received"] == [
        accepted["seq"]
    ]
    gate.set()


async def test_failed_turn_is_a_502_with_the_reason(house: House) -> None:
    house.model.add(AuthenticationFailed("the provider refused the key"))
    response = await house.say(await house.create(), "hi")
    assert (response.status_code, response.json()["type"]) == (502, "urn:duragent:problem:model-failed")
    assert "the provider refused the key" in response.json()["detail"]


async def test_answer_that_takes_too_long_is_a_408_and_the_turn_goes_on(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("at last", gate=gate))
    session_id = await house.create()
    async with house.with_settings(request_timeout_seconds=0.05) as http:
        response = await http.post(f"/api/v1/sessions/{session_id}/messages", json={"content": "hi"})
    assert response.status_code == 408
    assert f"/api/v1/sessions/{session_id}/events?after=" in response.json()["detail"]
    gate.set()
    await house.say(session_id, "and?")
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert "at last" in [message["content"] for message in said]


async def test_cancelled_answer_is_given_as_far_as_it_came(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=2))
    session_id = await house.create()
    waiting = asyncio.create_task(house.say(session_id, "count"))
    await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
    await house.clock.settle()
    cancelled = (await house.http.post(f"/api/v1/sessions/{session_id}/cancel")).json()
    response = await asyncio.wait_for(waiting, LIMIT_SECONDS)
    assert cancelled["cancelled"] is True
    assert response.status_code == 200
    assert (response.json()["content"], response.json()["interrupted"]) == ("one two", True)
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert [(message["content"], message["interrupted"]) for message in said] == [("count", False), ("one two", True)]


async def test_same_key_for_another_message_is_refused(house: House) -> None:
    session_id = await house.create()
    key = {"Idempotency-Key": "k"}
    await house.say(session_id, "hi", **key)
    response = await house.say(session_id, "ho", **key)
    assert (response.status_code, response.json()["type"]) == (422, "urn:duragent:problem:idempotency-mismatch")


async def test_messages_are_paged_from_the_newest(house: House) -> None:
    session_id = await house.create()
    for number in range(3):
        await house.say(session_id, str(number))
    path = f"/api/v1/sessions/{session_id}/messages"
    newest = (await house.http.get(path, params={"limit": 3})).json()
    older = (await house.http.get(path, params={"limit": 3, "before": newest["next_before"]})).json()
    answer = "hello there friend"
    assert [message["content"] for message in newest["messages"]] == [answer, "2", answer]
    assert [message["content"] for message in older["messages"]] == ["0", answer, "1"]


async def test_messages_of_a_session_without_any_are_an_empty_list(house: House) -> None:
    response = await house.http.get(f"/api/v1/sessions/{await house.create()}/messages")
    assert response.json() == {"messages": [], "next_before": None}


@pytest.mark.parametrize("content", ["", "a\x00b", "\ud800 alone", "line\nevent: done\n\ndata: {}", "x" * 1_200_000])
async def test_every_text_comes_back_as_it_was_said(house: House, content: str) -> None:
    session_id = await house.create()
    body = {"content": content, "sender_name": "Zoë"}
    headers = {"Content-Type": "application/json"}
    path = f"/api/v1/sessions/{session_id}/messages"
    assert (await house.http.post(path, content=json.dumps(body), headers=headers)).status_code == 200
    said = json.loads((await house.http.get(path)).content)["messages"][0]
    assert (said["content"], said["sender_name"]) == (content, "Zoë")
    stored = next(record for record in await house.log(session_id) if record["type"] == "message_received")
    assert stored["text"] == content


async def test_rate_limit_of_the_model_is_waited_for(house: House) -> None:
    house.model.add(RateLimited("slow down", retry_after_seconds=7), "there")
    session_id = await house.create()
    waiting = asyncio.create_task(house.say(session_id, "hi"))
    await asyncio.wait_for(house.model.asked(1), LIMIT_SECONDS)
    await house.clock.advance(7)
    assert (await asyncio.wait_for(waiting, LIMIT_SECONDS)).json()["content"] == "there"


# --- the body of an answer ------------------------------------------------------------------------------------------

REPLY = ModelReplied(message_id="m", turn="t", text="look", model="gpt", usage=TokenCounts(input=3, output=1))
STOPPED = ModelFailed(turn="t", step=2, attempt=1, error="cancelled", partial_text="ye", message_id="p")


def test_the_body_of_a_completed_answer_says_what_it_cost_and_who_gave_it() -> None:
    answer = TurnAnswer("completed", reply=REPLY, reply_seq=12)
    usage = Usage(prompt_tokens=3, completion_tokens=1, total_tokens=4)
    body = Answer(message_id="m", content="look", seq=12, input_seq=10, usage=usage, model="gpt", finish_reason="stop")
    assert answer_of(answer, 10) == body
    assert completed(answer, 10) == Completed(message_id="m", content="look", seq=12, usage=usage)


def test_the_body_of_a_cancelled_answer_has_what_was_said_and_its_record() -> None:
    answer = TurnAnswer("cancelled", reply=REPLY, reply_seq=12, failed=STOPPED, failed_seq=14)
    assert answer_of(answer, 10) == Answer(message_id="p", content="ye", seq=14, input_seq=10, interrupted=True)
    assert completed(answer, 10) == Completed(message_id="p", content="ye", seq=14, interrupted=True)
