"""`duragent session prune`: which sessions go, and that none goes that went on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from duragent.cli.session.prune import PruneRule
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.wire import SendMessage, SessionInfo
from tests.cli.desk import Desk
from tests.cli.place import Place
from tests.support.http_house import TOKEN

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ANY = PruneRule(timedelta(days=30))


def session(age: timedelta, **about: Any) -> SessionInfo:
    used = (NOW - age).isoformat()
    fields = {
        "session_id": "s",
        "agent": "a",
        "status": "active",
        "created_at": used,
        "updated_at": used,
        "messages": 1,
    }
    return SessionInfo(**fields | about)


@pytest.mark.parametrize(
    ("rule", "found", "goes"),
    [
        (ANY, session(timedelta(days=30)), True),
        (ANY, session(timedelta(days=29)), False),
        (ANY, session(timedelta(days=31), status="completed"), True),
        (ANY, session(timedelta(days=31), status="paused", waits_for="c1"), False),
        (ANY, session(timedelta(days=31), status="running"), False),
        (ANY, session(timedelta(days=31), damage="a hole"), False),
        (ANY, session(timedelta(days=31), unread=True), False),
        (PruneRule(timedelta(days=30), "b"), session(timedelta(days=31)), False),
        (PruneRule(timedelta(days=30), "a"), session(timedelta(days=31)), True),
        (PruneRule(), session(timedelta(days=31)), False),
        (PruneRule(), session(timedelta(days=31), messages=0), True),
        (PruneRule(), session(timedelta(minutes=59), messages=0), False),
        (PruneRule(), session(timedelta(days=31), messages=0, turns=1), False),
        (PruneRule(), session(timedelta(days=31), messages=0, parent="t@3"), False),
    ],
)
def test_which_sessions_go(rule: PruneRule, found: SessionInfo, goes: bool) -> None:
    assert rule.fits(found, NOW) is goes


def test_old_sessions_are_named_asked_about_and_deleted(place: Place) -> None:
    for question in ("1+1", "2+2"):
        assert place.run("ask", "assistant", question).returncode == 0
    prune = ("session", "prune", "--older-than")
    assert place.run(*prune, "12h", "--yes").stderr == "There is nothing to delete.\n"
    assert place.run("session", "prune", "--yes").stderr == "There is nothing to delete.\n"
    unasked = place.run(*prune, "0m", stdin="y\n")
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "--yes or --dry-run" in unasked.stderr
    told = place.run(*prune, "0m", "--dry-run")
    assert sorted(line.split("\t")[0] for line in told.stdout.splitlines()) == place.ids()
    assert told.stderr == "2 sessions would be deleted.\n"
    with place.terminal(*prune, "0m") as terminal:
        terminal.expect(r"2\+2.*1\+1.*Delete 2 sessions for good\?")
        terminal.type("n\n")
        assert terminal.end() == 1
    assert len(place.ids()) == 2
    done = place.run(*prune, "0m", "--yes", "--agent", "assistant")
    assert (done.returncode, done.stderr, place.ids()) == (0, "Deleted 2 sessions.\n", [])
    assert "'soon' is no time such as 12h, 30d or 8w" in " ".join(place.run(*prune, "soon").stderr.split())


def test_session_that_goes_on_while_the_person_is_asked_stays(place: Place) -> None:
    assert place.run("ask", "assistant", "1+1").returncode == 0
    [session_id] = place.ids()
    with place.terminal("session", "prune", "--older-than", "0m") as terminal:
        terminal.expect(r"Delete 1 session for good\?")
        assert place.run("ask", "--session", session_id, "2+2").returncode == 0
        terminal.type("y\n")
        terminal.expect(r"Deleted 0 sessions\. 1 session went on in the meantime and stayed\.")
        assert terminal.end() == 0
    assert place.ids() == [session_id]


async def test_session_that_went_on_since_it_was_looked_at_is_not_deleted(desk: Desk) -> None:
    async with Client(always(Endpoint(desk.url, TOKEN, local=True))) as client:
        looked_at = await client.create_session("assistant")
        await client.ask(looked_at.session_id, SendMessage(content="wait!"))
        with pytest.raises(ProblemResponse) as refused:
            await client.delete_session(looked_at.session_id, head=looked_at.head)
        assert (refused.value.status, refused.value.problem) == (409, "not-now")
        assert "has gone on: its newest record is " in refused.value.detail
        now = await client.session(looked_at.session_id)
        assert now.messages == 1
        await client.delete_session(now.session_id, head=now.head)
        assert (await client.sessions()).sessions == []
