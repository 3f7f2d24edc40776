"""A response that waits for the end of a turn."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Message

from duragent.errors import SessionDeleted
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ModelFailed, ModelReplied
from duragent.journal.inputs import Pause
from duragent.server.problems import RequestRefused
from duragent.server.turn_response import AnswerContent, TurnResponse, content_of
from duragent.testing import Line
from duragent.wire import Accepted
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House


def shape(answer: TurnAnswer, input_seq: int) -> Accepted:
    """A body that says how the turn ended."""
    content_of(answer, input_seq)
    return Accepted(session_id="s", message_id=answer.outcome, seq=answer.reply_seq)


async def _receive() -> Message:
    raise AssertionError("nothing is received")


async def sent_by(response: TurnResponse) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST"}
    await asyncio.wait_for(response(scope, _receive, send), LIMIT_SECONDS)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


async def _said(house: House, agent: str = "assistant") -> tuple[str, int]:
    session_id = await house.create(agent)
    accepted = await house.say(session_id, "hi", Prefer="respond-async")
    return session_id, accepted.json()["seq"]


async def test_a_turn_that_has_ended_is_a_200_with_the_shape_and_the_headers(house: House) -> None:
    session_id, seq = await _said(house)
    response = TurnResponse(house.dependencies, session_id, seq, shape, {"X-Mine": "1"})
    status, headers, body = await sent_by(response)
    assert (status, headers["x-mine"], body["message_id"]) == (200, "1", "completed")


async def test_a_turn_that_waits_for_a_person_is_a_202_with_the_call(house: House) -> None:
    await house.worker()
    waiting = await house.waits("rm -f x")
    session_id, seq = waiting["session_id"], waiting["seq"]
    status, _, body = await sent_by(TurnResponse(house.dependencies, session_id, seq - 1, shape))
    assert (status, body) == (202, waiting)


async def test_a_turn_that_is_paused_is_refused(house: House) -> None:
    house.model.add(Line("one two", gate=asyncio.Event(), gate_after_chunks=1))
    session_id, seq = await _said(house)
    await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
    await house.sessions.post(session_id, Pause(reason="lunch"))
    with pytest.raises(RequestRefused, match="lunch") as refused:
        await sent_by(TurnResponse(house.dependencies, session_id, seq, shape))
    assert refused.value.code == "turn-paused"


async def test_a_turn_that_takes_too_long_is_refused_with_the_place_of_its_answer(house: House) -> None:
    house.model.add(Line("one two", gate=asyncio.Event(), gate_after_chunks=1))
    session_id, seq = await _said(house)
    settings = house.dependencies.settings.model_copy(update={"request_timeout_seconds": 0.001})
    with pytest.raises(RequestRefused, match=f"/api/v1/sessions/{session_id}/events\\?after={seq}") as refused:
        await sent_by(TurnResponse(replace(house.dependencies, settings=settings), session_id, seq, shape))
    assert refused.value.code == "timeout"


async def test_a_session_that_was_deleted_before_the_wait_began_is_said_to_be_deleted(house: House) -> None:
    session_id, seq = await _said(house)
    await house.sessions.delete(session_id)
    with pytest.raises(SessionDeleted):
        await sent_by(TurnResponse(house.dependencies, session_id, seq, shape))


@pytest.mark.parametrize(
    ("answer", "code", "detail"),
    [
        (TurnAnswer("failed", "model-timeout", "too slow"), "model-failed", "too slow"),
        (TurnAnswer("failed", "model-timeout"), "model-failed", "model-timeout"),
        (TurnAnswer("failed"), "model-failed", "the model gave no answer"),
        (TurnAnswer("paused", "turn-budget", "spent"), "turn-paused", "spent"),
        (TurnAnswer("paused", "turn-paused"), "turn-paused", "the turn waits for a person"),
    ],
)
def test_a_turn_without_an_answer_is_refused(answer: TurnAnswer, code: str, detail: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        content_of(answer, 10)
    assert (refused.value.code, refused.value.detail) == (code, detail)


REPLY = ModelReplied(message_id="m", turn="t", text="look")
STOPPED = ModelFailed(turn="t", step=2, attempt=1, error="cancelled", partial_text="ye", message_id="p")
SILENT = STOPPED.model_copy(update={"partial_text": "", "message_id": None})
OTHER = STOPPED.model_copy(update={"error": "model-timeout"})


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (TurnAnswer("completed", reply=REPLY, reply_seq=12), AnswerContent("m", "look", 12, reply=REPLY)),
        (TurnAnswer("cancelled", failed=STOPPED, failed_seq=14), AnswerContent("p", "ye", 14, interrupted=True)),
        (
            TurnAnswer("cancelled", reply=REPLY, reply_seq=12, failed=STOPPED, failed_seq=14),
            AnswerContent("p", "ye", 14, interrupted=True),
        ),
        (TurnAnswer("cancelled", reply=REPLY, reply_seq=12), AnswerContent("", "", 12, interrupted=True)),
        (TurnAnswer("cancelled", failed=SILENT, failed_seq=14), AnswerContent("", "", 14, interrupted=True)),
        (TurnAnswer("cancelled", failed=OTHER, failed_seq=14), AnswerContent("", "", 10, interrupted=True)),
        (TurnAnswer("cancelled"), AnswerContent("", "", 10, interrupted=True)),
    ],
)
def test_the_content_of_an_answer_has_the_seq_of_its_record(answer: TurnAnswer, content: AnswerContent) -> None:
    assert content_of(answer, 10) == content
