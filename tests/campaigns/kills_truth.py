"""What must hold when a server has ended, and when a story is over: read off the files, not off what a server says."""

import json
from collections import Counter
from collections.abc import Sequence

from duragent.errors import SessionNotFound
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.events import (
    CancelRequested,
    CommandFinished,
    CommandRequested,
    Event,
    LogRecovered,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    SessionRenamed,
    ToolFinished,
    ToolResolved,
    ToolStarted,
    TurnEnded,
    TurnStarted,
    UndoFinished,
    UndoRequested,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.stores.base import Stream
from duragent.stores.files.disk import Disk
from duragent.stores.files.pieces import verify
from duragent.yaml.document import read_yaml
from tests.campaigns.kills_memory import memory_must_hold
from tests.campaigns.kills_world import World
from tests.campaigns.turns_call_rules import out_of_order
from tests.campaigns.turns_rules import lives_without_progress
from tests.support.attached import same, whole


def must_have_kept(world: World) -> None:
    """While no server runs: what was acknowledged is in the logs, and they are good up to where they were torn."""
    told = world.told
    for session in told.sessions[-4:]:
        if not (records := _records(world, session)):
            continue
        for key, (text, said) in list(told.messages.items()):
            if said.session_id == session:
                assert said.seq <= len(records), f"record {said.seq} of {session} was acknowledged and is not there"
                event = records[said.seq - 1].event
                assert isinstance(event, MessageReceived), f"{session} {said.seq} is a {event.type}"
                assert (event.message_id, event.text, event.idempotency_key) == (said.message_id, text, key)
        titles = [event.title for event in (each.event for each in records) if isinstance(event, SessionRenamed)]
        assert all(title in titles for each, title in list(told.titles) if each == session)
        for each, seq in list(told.cancels):
            assert each != session or isinstance(records[seq - 1].event, CancelRequested)


def must_hold(world: World) -> None:
    """Behind the last, orderly stop."""
    told, server = world.told, world.server
    must_have_kept(world)
    for session in told.sessions:
        if session in told.deleted:
            assert not (server.sessions_dir / session).exists()
        else:
            verify(Disk(), server.sessions_dir / session, Stream(session))
            _session_must_hold(world, session, _records(world, session))
    for session in told.forks:
        verify(Disk(), server.sessions_dir / session, Stream(session))
    session, log = told.idle
    assert server.events_file(session).read_bytes() == log, "the idle session was written to"
    _effects_must_hold(world)
    _undone_must_hold(world)
    memory_must_hold(world)
    assert Counter(_always(world)) <= Counter(told.always)
    left = [path.name for path in (server.workspace / "run" / "spool").iterdir() if path.is_dir()]
    assert left == [], f"left in the spool: {left}"
    assert list(server.sessions_dir.glob(".deleted-*")) == []
    said = server.log.read_text()
    assert "Traceback" not in said, said.partition("Traceback")[2][:8_000]


def _session_must_hold(world: World, session: str, records: Sequence[Record]) -> None:
    events = [record.event for record in records]
    messages = [event for event in events if isinstance(event, MessageReceived)]
    mine = {key: text for key, (text, said) in world.told.messages.items() if said.session_id == session}
    assert {event.idempotency_key: event.text for event in messages} == mine
    assert len(messages) == len(mine), "a message counted twice"
    _turns_must_hold(events)
    told = [event.saved_as for event in events if isinstance(event, LogRecovered)]
    torn = {path.name for path in (world.server.sessions_dir / session).glob("events.torn-*")}
    assert len(told) == len(set(told)), "a torn tail is told twice"
    assert torn >= set(told), "a torn tail is told and not kept"
    for each, seen in world.told.watched:
        if each == session:
            whole(seen.records)
            same(seen.records, list(records))
            assert len(seen.records) == len(records)
    _summary_must_hold(world, session, records)


def _turns_must_hold(events: Sequence[Event]) -> None:
    """Each turn ended; each call has one result, before the model is asked again; nothing ran unasked."""
    started = [event.turn for event in events if isinstance(event, TurnStarted)]
    assert started == [event.turn for event in events if isinstance(event, TurnEnded)]
    cancelled = {event.turn for event in events if isinstance(event, CancelRequested)}
    for ended in (event for event in events if isinstance(event, TurnEnded)):
        assert ended.outcome == "cancelled" if ended.turn in cancelled else ended.outcome in ("completed", "paused")
        assert ended.code == ("too-many-recoveries" if ended.outcome == "paused" else "")
        assert ended.outcome != "paused" or lives_without_progress(events[: events.index(ended)]) >= 4
    unanswered: set[str] = set()
    for event in events:
        if isinstance(event, ModelReplied):
            unanswered |= {call.call for call in event.calls}
        elif isinstance(event, ToolFinished):
            unanswered.remove(event.call)
        elif isinstance(event, ModelCalled | TurnEnded):
            assert not unanswered
    for call in {event.call for event in events if isinstance(event, ToolStarted)}:
        life = [event for event in events if getattr(event, "call", None) == call]
        assert not out_of_order(life), life
        by = {event.by for event in life if isinstance(event, ToolResolved)}
        assert by <= {"evidence", "effect class: pure", "effect class: idempotent"}, by


def _effects_must_hold(world: World) -> None:
    """Each command took effect once if its result says so, and at most once if it says that the turn was given up."""
    effects, expected = world.hands.count(), set[str]()
    for session in set(world.told.sessions) - {*world.told.deleted}:
        events = [record.event for record in _records(world, session)]
        calls = {call.call: call for event in events if isinstance(event, ModelReplied) for call in event.calls}
        paused = {event.turn for event in events if isinstance(event, TurnEnded) and event.outcome == "paused"}
        for result in (event for event in events if isinstance(event, ToolFinished)):
            if result.tool == "bash":
                word = json.loads(calls[result.call].arguments)["command"].split()[1]
                expected.add(word)
                assert effects[word] == 1 if result.outcome == "ok" else effects[word] <= 1, f"{word}: {effects[word]}"
            assert result.outcome == "ok" or result.turn in paused, f"{result.outcome}: {result.content}"
        typed = {event.command_id: event.command for event in events if isinstance(event, CommandRequested)}
        ends = [event for event in events if isinstance(event, CommandFinished)]
        assert sorted(typed) == sorted(event.command_id for event in ends), "a person's command has not one end"
        for end in ends:
            word = typed[end.command_id].split()[1]
            expected.add(word)
            assert (end.outcome, effects[word]) == ("ok", 1), f"{word}: {end.outcome}, {effects[word]} times"
    assert set(effects) <= expected


def _undone_must_hold(world: World) -> None:
    """What an undo was acknowledged for is gone, and each was carried out once."""
    for name in world.told.undone:
        assert not (world.hands.folder / name).exists(), f"{name} is there again"
    for session in set(world.told.sessions) - {*world.told.deleted}:
        events = [record.event for record in _records(world, session)]
        asked = [event for event in events if isinstance(event, UndoRequested)]
        done = [event for event in events if isinstance(event, UndoFinished)]
        assert len(asked) == len(done) <= 1, f"{session}: {len(asked)} undos were asked for, {len(done)} ended"
        assert all(not event.refused for event in done), done


def _summary_must_hold(world: World, session: str, records: Sequence[Record]) -> None:
    """`state.yaml` is the fold of the log up to the record that it stands at."""
    path = world.server.sessions_dir / session / "state.yaml"
    if path.exists():
        found = snapshot.load(path.read_bytes(), session)
        assert found is not None
        assert found.state == reduce(SessionState(session), records[: found.state.seq])


def _records(world: World, session: str) -> list[Record]:
    """Of a session that is being deleted, or has been: nothing. Raises Damaged, and SessionNotFound."""
    try:
        return world.server.records(session)
    except SessionNotFound:
        if session not in world.told.deleting:
            raise
        return []


def _always(world: World) -> list[str]:
    path = world.server.workspace / "agents" / "assistant" / "policy.local.yaml"
    return list(read_yaml(path).data["allow"]) if path.exists() else []
