"""What must hold of a run of the turn simulator, by the logs, by what happened, and by what people were told."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from duragent.journal.apply import apply
from duragent.journal.events import (
    ApprovalDecided,
    ApprovalRequested,
    CancelRequested,
    Event,
    HistorySummarised,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    OwnerClaimed,
    SessionPaused,
    ToolFinished,
    ToolResolved,
    ToolsSkipped,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from tests.campaigns.campaign import Campaign
from tests.campaigns.turns_call_rules import of_call
from tests.campaigns.turns_people import Person
from tests.campaigns.turns_plan import FINAL_FAULTS, End, Plan
from tests.campaigns.turns_play import played, round_trip
from tests.campaigns.turns_world import World


def problems(world: World, people: Sequence[Person]) -> list[str]:
    """What is wrong with how it ended; nothing should be."""
    found = list(world.faults)
    for person in people:
        records = world.records(person.id)
        events = [record.event for record in records]
        here = [*_of_log(records), *_of_turns(world, events), *_of_cancels(events)]
        here += [*_of_questions(events), *_of_requests(person, records), *_of_what_was_shown(person, events)]
        here += _of_calls(world, events)
        found += [f"session {person.number}: {each}" for each in here]
    return [*found, *_of_all(world)]


def _of_log(records: Sequence[Record]) -> Iterator[str]:
    if [record.seq for record in records] != list(range(1, len(records) + 1)):
        yield "the log has gaps"
    state = SessionState("session")
    for record in records:
        state = apply(state, record)
        if state.seq % 16 == 3 or state.seq == len(records):
            yield from round_trip(state)
    if state.turn is not None or (state.waiting and not state.closed):
        yield "it is not at rest"


# --- turns ----------------------------------------------------------------------------------------------------------


def _of_turns(world: World, events: Sequence[Event]) -> Iterator[str]:
    open_turn, outcomes = "", []
    for place, event in enumerate(events):
        if isinstance(event, TurnStarted):
            if open_turn:
                yield f"{event.turn} began in {open_turn}"
            open_turn = event.turn
        elif isinstance(event, TurnEnded):
            if event.turn != open_turn:
                yield f"{event.turn} ended in {open_turn or 'no turn'}"
            open_turn = ""
            outcomes.append(event.outcome)
            yield from _of_outcome(world, event)
            if event.code == "too-many-recoveries" and (lives := lives_without_progress(events[:place])) < 4:
                yield f"a turn was given up after {lives} lives without progress"
        elif (turn := getattr(event, "turn", "")) and turn != open_turn:
            yield f"{event.type} of {turn} came in {open_turn or 'no turn'}"
        yield from (["there is a tools_skipped"] if isinstance(event, ToolsSkipped) else ())
    if open_turn:
        yield f"{open_turn} never ended"
    if outcomes and outcomes[-1] == "paused":
        yield "the last turn is paused"


def lives_without_progress(events: Sequence[Event]) -> int:
    """How many owners in a row, up to the end of these events, left no words, no reply, no finished call."""
    lives = 0
    for event in reversed(events):
        words = isinstance(event, ModelFailed) and bool(event.partial_text or event.partial_reasoning)
        finished = isinstance(event, ToolFinished) and event.outcome != "interrupted"
        if isinstance(event, ModelReplied | TurnStarted) or words or finished:
            break
        lives += isinstance(event, OwnerClaimed)
    return lives


def _of_outcome(world: World, ended: TurnEnded) -> Iterator[str]:
    many_failures = len(world.failed) >= 4
    allowed = {
        "completed": True,
        "cancelled": world.plan.does("cancel"),
        "failed": many_failures or any(fault in FINAL_FAULTS for fault in world.failed),
        "paused": world.plan.few_steps
        if ended.code == "max-tool-iterations"
        else world.lives > 4 and ended.code == "too-many-recoveries",
    }
    if not allowed[ended.outcome]:
        yield f"a turn ended as {ended.outcome}: {ended.code}: {ended.reason}"


def _of_cancels(events: Sequence[Event]) -> Iterator[str]:
    """Nothing begins behind a durable cancel, in this process or in a later one."""
    cancelled: set[str] = set()
    for event in events:
        if isinstance(event, CancelRequested):
            if event.turn in cancelled:
                yield f"{event.turn} was cancelled twice"
            cancelled.add(event.turn)
        elif isinstance(event, ToolStarted | ApprovalRequested | ModelCalled | TurnStarted) and event.turn in cancelled:
            yield f"{event.type} behind the cancel"
        elif isinstance(event, TurnEnded) and event.turn in cancelled and event.outcome != "cancelled":
            yield f"a cancelled turn ended as {event.outcome}"


# --- the model ------------------------------------------------------------------------------------------------------


def _of_questions(events: Sequence[Event]) -> Iterator[str]:
    """Each question has one end before the next is asked; attempts count from 1, steps have one reply."""
    asked: ModelCalled | None = None
    attempts: dict[tuple[str, int], int] = {}
    replied: set[tuple[str, int]] = set()
    for event in events:
        if isinstance(event, ModelCalled):
            where = (event.turn, event.step)
            if asked is not None:
                yield f"step {event.step} was asked while step {asked.step} was open"
            if event.attempt != attempts.get(where, 0) + 1:
                yield f"attempt {event.attempt} of step {event.step} came behind {attempts.get(where, 0)}"
            if where in replied:
                yield f"step {event.step} was asked again when it had its reply"
            asked, attempts[where] = event, event.attempt
        elif isinstance(event, ModelReplied | ModelFailed):
            mine = (event.turn, event.step, event.attempt)
            if asked is None or (asked.turn, asked.step, asked.attempt) != mine:
                yield f"{event.type} to no question"
            asked = None
            if isinstance(event, ModelReplied):
                replied.add((event.turn, event.step))


def _of_what_was_shown(person: Person, events: Sequence[Event]) -> Iterator[str]:
    """What a watcher has seen of an answer that came to nothing is kept; what was seen of one that came is its text."""
    # A summary may come when the session is at rest, and nobody watches any more.
    late = (HistorySummarised, OwnerClaimed) if person.world.plan.remembers else ()
    if not all(isinstance(event, late) for event in events[len(person.lines) :]):
        yield f"a watcher saw {len(person.lines)} of {len(events)} records"
    for event in events:
        if isinstance(event, ModelFailed | ModelReplied):
            seen = person.shown.get((event.turn, event.step, event.attempt), "")
            text = event.text if isinstance(event, ModelReplied) else event.partial_text
            if not text.startswith(seen):
                yield f"a watcher had seen {seen!r}, and {event.type} has {text!r}"


# --- calls and requests ---------------------------------------------------------------------------------------------


def _of_calls(world: World, events: Sequence[Event]) -> Iterator[str]:
    effects = Counter(world.effects)
    of: dict[str, list[Event]] = {}
    for event in events:
        if call_id := getattr(event, "call", ""):
            of.setdefault(call_id, []).append(event)
    calls = [call for event in events if isinstance(event, ModelReplied) for call in event.calls]
    for call in calls:
        mine = of.pop(call.call, [])
        yield from (f"{call.tool}: {each}" for each in of_call(call, mine, effects[call.call], world.plan))
    yield from (f"{call_id} is a call of no reply" for call_id in of)


def _of_requests(person: Person, records: Sequence[Record]) -> Iterator[str]:
    """Each request counts once, at the record that everybody was told of; messages keep their order."""
    counted: dict[str, list[int]] = {}
    for record in records:
        event = record.event
        if isinstance(event, MessageReceived | CancelRequested | ApprovalDecided | ToolResolved):
            counted.setdefault(event.idempotency_key or "", []).append(record.seq)
    for key, seqs in counted.items():
        if key and len(seqs) > 1:
            yield f"{key} counts {len(seqs)} times"
        if key in person.given and person.given[key][0] not in seqs:
            yield f"{key} was told to be record {person.given[key][0]}, and is {seqs}"
    yield from (f"{key} was acknowledged, and is not there" for key in person.given.keys() - counted.keys())
    for key, before in person.posted.items():
        late = [each for each in before if counted.get(each, [0])[0] > counted.get(key, [1 << 30])[0]]
        yield from (f"{key} was sent behind {each}, and came before it" for each in late)


# --- all of it ------------------------------------------------------------------------------------------------------


def _of_all(world: World) -> Iterator[str]:
    events = world.events()
    called = sum(isinstance(event, ModelCalled) for event in events)
    if world.requests > called:
        yield f"{world.requests} questions left, {called} are in the log"
    again = sum(isinstance(event, ModelFailed) and event.error == "interrupted" for event in events)
    # A session that is paused and goes on at once has interrupted a question too.
    pauses = sum(isinstance(event, SessionPaused) for event in events)
    if again > world.crashes * len(world.plan.scripts) + pauses:
        yield f"{again} questions were asked again; there were {world.crashes} crashes and {pauses} pauses"
    calls = {call.call for event in events if isinstance(event, ModelReplied) for call in event.calls}
    if stray := set(world.effects) - calls:
        yield f"{stray} took effect, and nobody asked for it"


def tried(plan: Plan) -> World:
    """Run the plan. Raises AssertionError when anything is wrong with how it went."""
    world, people = played(plan)
    found = problems(world, people)
    assert not found, f"{plan}\n{found}\n{[event.type for event in world.events()]}"
    return world


def crashed_twice(campaign: Campaign, plan: Plan, shard: int) -> int:
    """Every eighth pair of points at which two processes die: how many were tried."""
    points, tries = tried(plan).points, 0
    for number in campaign.cases(range(shard, points * points, 8)):
        with campaign.case(number):
            tried(replace(plan, ends=(End(1 + number // points), End(1 + number % points))))
            tries += 1
    print(f"\n{tries} pairs")  # noqa: T201  # what was tried
    return tries


def model_calls(world: World) -> int:
    return sum(isinstance(event, ModelCalled) for event in world.events())


def turns(world: World) -> int:
    return sum(isinstance(event, TurnStarted) for event in world.events())


def without_crashes(plan: Plan) -> Plan:
    """The same, in one process from beginning to end."""
    return replace(plan, ends=())
