"""`/stream`: the events that clients of duragent v0.5 know."""

import asyncio

import pytest

from duragent.bus import OutputDelta
from duragent.errors import AuthenticationFailed, ModelUnavailable
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    Call,
    Event,
    ModelCalled,
    ModelReplied,
    PolicyFinding,
    SessionClosed,
    SessionPaused,
    SessionResumed,
    ToolFinished,
    ToolLost,
    ToolResolved,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.server.routes.stream import AnswerStream
from duragent.testing import Line
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import House, Stream, opened


async def test_answer_is_streamed_and_done_when_it_is_durable(house: House) -> None:
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "hi"}) as stream:
        start, *tokens, done = await stream.until("done")
        assert await stream.next() is None
    assert (start.name, start.data) == ("start", {})
    assert {token.name for token in tokens} == {"token"}
    assert "".join(token.data["content"] for token in tokens) == "hello there friend"
    record = next(record for record in await house.log(session_id) if record["type"] == "model_replied")
    assert (done.data["message_id"], done.data["seq"]) == (record["message_id"], record["seq"])
    assert done.data["content"] == "hello there friend"
    assert done.data["usage"]["completion_tokens"] == 3


async def test_replay_of_a_finished_message_is_its_answer_at_once(house: House) -> None:
    session_id = await house.create()
    answer = (await house.say(session_id, "hi", **{"Idempotency-Key": "k"})).json()
    await house.say(session_id, "something else")
    path = f"/api/v1/sessions/{session_id}/stream"
    headers = {"Idempotency-Key": "k"}
    async with house.live() as http, opened(http, path, "POST", json={"content": "hi"}, headers=headers) as stream:
        events = await stream.rest()
    assert stream.response.headers["idempotency-replayed"] == "true"
    assert [event.name for event in events] == ["start", "token", "done"]
    assert events[1].data == {"content": "hello there friend"}
    assert events[2].data["message_id"] == answer["message_id"]


async def test_failed_turn_ends_with_an_error(house: House) -> None:
    house.model.add(AuthenticationFailed("the key was refused"))
    path = f"/api/v1/sessions/{await house.create()}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "hi"}) as stream:
        events = await stream.rest()
    assert [event.name for event in events] == ["start", "error"]
    assert "the key was refused" in events[1].data["message"]
    assert events[1].data["code"] == "authentication-failed"


async def test_cancelled_turn_ends_with_cancelled(house: House) -> None:
    house.model.add(Line("one two three", gate=asyncio.Event(), gate_after_chunks=1))
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "count"}) as stream:
        await stream.until("token")
        await http.post(f"/api/v1/sessions/{session_id}/cancel")
        events = await stream.rest()
    assert [(event.name, event.data) for event in events] == [("cancelled", {})]


async def test_attempt_that_begins_again_the_same_way_is_continued(house: House) -> None:
    house.model.add(Line("one two", error=ModelUnavailable("broke")), "one two three")
    events = await _streamed_over_a_retry(house)
    assert [event for event in events if event[0] == "token"] == [
        ("token", "one"),
        ("token", " two"),
        ("token", " three"),
    ]


async def test_attempt_that_begins_differently_is_set_apart_and_done_has_the_answer(house: House) -> None:
    house.model.add(Line("one two", error=ModelUnavailable("broke")), "eins zwei")
    events = await _streamed_over_a_retry(house)
    assert events == [
        ("start", None),
        ("token", "one"),
        ("token", " two"),
        ("token", "\n\neins"),
        ("token", " zwei"),
        ("done", "eins zwei"),
    ]


async def _streamed_over_a_retry(house: House) -> list[tuple[str, str | None]]:
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "count"}) as stream:
        seen = await stream.until("token") + await stream.until("token")
        async with asyncio.timeout(LIMIT_SECONDS):
            while "model_failed" not in [record["type"] for record in await house.log(session_id)]:
                await house.clock.settle()
        await house.clock.settle()
        await house.clock.advance(60)
        seen += await stream.rest()
    return [(event.name, event.data.get("content")) for event in seen]


async def test_client_that_goes_away_changes_nothing_of_the_turn(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("one two three", gate=gate, gate_after_chunks=1))
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/stream"
    async with house.live() as http:
        async with opened(http, path, "POST", json={"content": "count"}) as stream:
            await stream.until("token")
        gate.set()
        await house.say(session_id, "next")
    said = (await house.http.get(f"/api/v1/sessions/{session_id}/messages")).json()["messages"]
    assert "one two three" in [message["content"] for message in said]


async def test_each_stream_has_the_answer_to_its_own_message(house: House) -> None:
    gate = asyncio.Event()
    house.model.add(Line("first answer", gate=gate), "second answer")
    session_id = await house.create()
    path = f"/api/v1/sessions/{session_id}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "a"}) as one:
        await asyncio.wait_for(house.model.asked(), LIMIT_SECONDS)
        async with opened(http, path, "POST", json={"content": "b"}) as two:
            gate.set()
            answers = [await _text(one), await _text(two)]
    assert answers == ["first answer", "second answer"]


async def _text(stream: Stream) -> str:
    return "".join(event.data["content"] for event in await stream.rest() if event.name == "token")


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"content": 1}', b'{"content": "x", "contents": "y"}'])
async def test_bad_body_is_a_problem_before_any_stream(house: House, body: bytes) -> None:
    session_id = await house.create()
    headers = {"Content-Type": "application/json"}
    response = await house.http.post(f"/api/v1/sessions/{session_id}/stream", content=body, headers=headers)
    assert response.status_code in (400, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert len(await house.log(session_id)) == 2


# --- what is told of what, without a server -------------------------------------------------------------------------


def _told(*events: Event, seq: int = 3, live: bool = True, tools: bool = True) -> tuple[list[str], bool]:
    answer = AnswerStream(seq, tools=tools)
    told = answer.caught_up() if live else b""
    for number, event in enumerate(events, start=seq + 1):
        told += answer.records([Record(number, "2026-11-20T23:58:16.123Z", event)]) + answer.pause()
    told += b"" if live else answer.caught_up()
    return told.decode().split("\n\n")[:-1], answer.ended


def _asked(step: int = 1) -> ModelCalled:
    return ModelCalled(turn="t", step=step, attempt=1, epoch=1, model="m", input_seq=4)


def test_tools_and_approvals_are_told() -> None:
    call = Call(call="c1", tool="bash", arguments='{"command":"ls"}')
    asking = ApprovalRequested(
        turn="t",
        call="c1",
        tool="bash",
        arguments_sha256="0",
        invocation="ls",
        findings=(PolicyFinding(text="ls", reason="not allowed"),),
        patterns=("bash:ls",),
        place="here",
    )
    told, ended = _told(
        TurnStarted(turn="t", trigger=3),
        _asked(),
        ModelReplied(message_id="m1", turn="t", text="Looking.", calls=(call,)),
        asking,
        ToolFinished(turn="t", call="c1", outcome="ok", content="a.txt"),
        _asked(2),
        ModelReplied(message_id="m2", turn="t", step=2, text="One file."),
        TurnEnded(turn="t", outcome="completed"),
    )
    assert ended
    assert told[:-1] == [
        'event: token\ndata: {"content":"Looking."}',
        'event: tool_call\ndata: {"call_id":"c1","tool_name":"bash","arguments":{"command":"ls"}}',
        'event: approval_required\ndata: {"call_id":"c1","command":"ls","kind":"approval","arguments_sha256":"0",'
        '"findings":[{"text":"ls","reason":"not allowed"}],"patterns":["bash:ls"],"offers":[],"preview":"",'
        '"place":"here"}',
        'event: tool_result\ndata: {"call_id":"c1","success":true,"content":"a.txt","outcome":"ok"}',
        'event: token\ndata: {"content":"One file."}',
    ]
    assert '"message_id":"m2"' in told[-1]


def test_a_question_of_the_past_is_told_only_when_it_is_still_open() -> None:
    call = Call(call="c1", tool="write_file", arguments="{}")
    begun = (TurnStarted(turn="t", trigger=3), ModelReplied(message_id="m1", turn="t", calls=(call,)))
    asked = ApprovalRequested(turn="t", call="c1", tool="write_file", arguments_sha256="0")
    decided = ApprovalDecided(call="c1", decision="allow_once", arguments_sha256="0")
    lost = ToolLost(turn="t", call="c1", evidence="no result", asks=True)
    shown = (
        'event: approval_required\ndata: {"call_id":"c1","command":"write_file","kind":"lost","evidence":"no result"}'
    )
    assert [len(_told(*begun, *more, live=False)[0]) for more in ((asked,), (asked, decided))] == [2, 1]
    assert _told(*begun, asked, decided, lost, live=False)[0][1:] == [shown]
    assert len(_told(*begun, lost, ToolResolved(call="c1", resolution="done"), live=False)[0]) == 1


def test_tool_frames_are_only_for_clients_that_ask_for_them() -> None:
    call = Call(call="c1", tool="bash", arguments="{}")
    happened = (
        TurnStarted(turn="t", trigger=3),
        ModelReplied(message_id="m1", turn="t", text="Looking.", calls=(call,)),
        ToolFinished(turn="t", call="c1", outcome="ok", content="a.txt"),
    )
    assert _told(*happened, tools=False)[0] == ['event: token\ndata: {"content":"Looking."}']
    assert [told.split("\n")[0] for told in _told(*happened)[0]] == [
        "event: token",
        "event: tool_call",
        "event: tool_result",
    ]


def test_arguments_that_are_no_json_are_told_as_they_are() -> None:
    call = Call(call="c1", tool="bash", arguments='{"command":')
    told, _ = _told(TurnStarted(turn="t", trigger=3), ModelReplied(message_id="m1", turn="t", calls=(call,)))
    assert told == ['event: tool_call\ndata: {"call_id":"c1","tool_name":"bash","arguments":"{\\"command\\":"}']


def test_turn_of_another_message_is_not_told() -> None:
    told, ended = _told(
        TurnStarted(turn="other", trigger=2),
        ModelCalled(turn="other", step=1, attempt=1, epoch=1, model="m", input_seq=2),
        ModelReplied(message_id="m0", turn="other", text="not yours"),
        TurnEnded(turn="other", outcome="completed"),
        TurnStarted(turn="t", trigger=3),
    )
    assert (told, ended) == ([], False)


def test_live_pause_ends_the_stream_and_a_past_one_only_when_nobody_resumed() -> None:
    started, pause = TurnStarted(turn="t", trigger=3), SessionPaused(reason="the last client went away")
    error = 'event: error\ndata: {"message":"the last client went away","code":"turn-paused"}'
    assert _told(started, pause) == ([error], True)
    assert _told(started, pause, live=False) == ([error], True)
    assert _told(started, pause, SessionResumed(), live=False) == ([], False)


def test_pieces_that_the_client_has_are_not_sent_again() -> None:
    answer = AnswerStream(3)
    answer.records([Record(4, "", TurnStarted(turn="t", trigger=3))])

    def delta(offset: int, text: str, attempt: int = 1) -> bytes:
        return answer.delta(OutputDelta("t", 1, attempt, "text", offset, text))

    assert delta(0, "one ") == b'event: token\ndata: {"content":"one "}\n\n'
    assert delta(0, "one two") == b'event: token\ndata: {"content":"two"}\n\n'
    assert delta(0, "one", attempt=2) == b""
    assert delta(3, " two three", attempt=2) == b'event: token\ndata: {"content":" three"}\n\n'


def test_who_waits_when_the_session_is_closed_is_told_so() -> None:
    assert _told(SessionClosed()) == (["event: cancelled\ndata: {}"], True)


def test_a_pause_that_is_resumed_in_the_same_commit_ends_nothing() -> None:
    answer = AnswerStream(3)
    answer.caught_up()
    events: tuple[Event, ...] = (TurnStarted(turn="t", trigger=3), SessionPaused(reason="lunch"), SessionResumed())
    frames = answer.records(Record(seq, "", event) for seq, event in enumerate(events, 4))
    assert (frames + answer.pause(), answer.ended) == (b"", False)


def test_a_stream_ends_with_its_first_end() -> None:
    events = (TurnStarted(turn="t", trigger=3), TurnEnded(turn="t", outcome="cancelled"), SessionPaused())
    assert _told(*events) == (["event: cancelled\ndata: {}"], True)


async def test_a_question_that_is_older_than_the_message_is_told_with_all_its_fields(house: House) -> None:
    await house.worker()
    waiting = await house.waits("rm -f x")
    path = f"/api/v1/sessions/{waiting['session_id']}/stream"
    async with house.live() as http, opened(http, path, "POST", json={"content": "and?"}) as stream:
        *_, told = await stream.until("approval_required")
    names = (
        "call_id",
        "command",
        "kind",
        "arguments_sha256",
        "findings",
        "patterns",
        "offers",
        "preview",
        "place",
        "evidence",
    )
    assert tuple(told.data) == names
    assert (told.data["call_id"], told.data["command"]) == (waiting["call_id"], "rm -f x")
