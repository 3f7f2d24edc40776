"""What is kept in sight, by the client."""

from duragent.wire import AimAt, PinRecord, SessionView
from tests.client.fake_server import FakeServer, client_of

ONE = "/api/v1/sessions/s%2F1"
PATHS = ("view", "pins", "pins/3", "goals", "goals/g%2F1", "summaries/4/expand")


async def test_each_method_asks_its_route_and_answers_how_things_are() -> None:
    view = SessionView(session_id="s/1", boundary=0, summaries=[], pins=[], goals=[])
    server = FakeServer(statuses={f"{ONE}/{path}": (200, view.model_dump()) for path in PATHS})
    async with client_of(server) as client:
        answers = [
            await client.view("s/1"),
            await client.pin("s/1", PinRecord(seq=3, by="Ada")),
            await client.unpin("s/1", 3),
            await client.set_goal("s/1", AimAt(text="reach it", by="Ada")),
            await client.end_goal("s/1", "g/1", "dropped"),
            await client.expand_summary("s/1", 4),
        ]
    assert answers == [view] * len(PATHS)
    assert [asked.query for asked in server.asked][-2] == {"outcome": "dropped"}
