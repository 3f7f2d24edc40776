"""A response that waits for the end of a turn."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import Message

from duragent.errors import SessionDeleted
from duragent.journal.answer import TurnAnswer
from duragent.journal.events import ModelFailed
from duragent.journal.inputs import Pause
from duragent.server.problems import RequestRefused
from duragent.server.turn_response import TurnResponse, cancelled_attempt, completed_or_cancelled
from duragent.testing import Line
from duragent.wire import Accepted
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House

FAILED = ModelFailed(turn="t", step=1, attempt=1, error="cancelled", partial_text="ye", message_id="p")


def shape(answer: TurnAnswer) -> Accepted:
    """A body that says how the turn ended."""
    return Accepted(session_id="s", message_id=completed_or_cancelled(answer).outcome, seq=answer.reply_seq)


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
        completed_or_cancelled(answer)
    assert (refused.value.code, refused.value.detail) == (code, detail)


def test_a_turn_with_an_answer_is_the_answer() -> None:
    for answer in (TurnAnswer("completed"), TurnAnswer("cancelled")):
        assert completed_or_cancelled(answer) is answer


@pytest.mark.parametrize(
    ("answer", "attempt"),
    [
        (TurnAnswer("cancelled", failed=FAILED, failed_seq=7), (FAILED, 7)),
        (TurnAnswer("cancelled"), (None, 0)),
        (
            TurnAnswer("cancelled", failed=FAILED.model_copy(update={"error": "model-timeout"}), failed_seq=7),
            (None, 0),
        ),
    ],
)
def test_only_the_attempt_that_was_stopped_is_a_part_of_the_answer(
    answer: TurnAnswer, attempt: tuple[ModelFailed | None, int]
) -> None:
    assert cancelled_attempt(answer) == attempt
