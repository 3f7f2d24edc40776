"""Whole requests: they fit, providers accept them, and each begins as the one before it."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duragent.context.build import frame_of
from duragent.context.tokens import message_tokens, request_tokens
from duragent.journal.events import (
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    ToolFinished,
    ToolsSkipped,
    TurnEnded,
    TurnStarted,
)
from tests.context.logs import NOW, READ_OUTPUT, Log, agent_with, request, said
from tests.support.wellformed import refusal, shared_prefix_bytes


def text_of(size: int, name: str = "word") -> str:
    return " ".join(f"{name}{number}" for number in range(size))


# --- what is in -----------------------------------------------------------------------------------------------------


def test_everything_is_in_when_it_fits_and_nothing_is_said_of_cuts() -> None:
    log = Log()
    log.start("one")
    log.call("a.txt")
    log.end("a file")
    log.start("two")
    assert said(request(agent_with(), log).messages) == [
        ("user", "one"),
        ("assistant", ""),
        ("tool", "a.txt"),
        ("assistant", "a file"),
        ("user", "two"),
    ]


@pytest.mark.parametrize(("provider", "told"), [("ollama", 20_000), ("openai", None), ("demo", None)])
def test_a_provider_that_must_be_told_the_window_is_told_the_one_that_was_fitted_to(
    provider: str, told: int | None
) -> None:
    agent, log = agent_with(20_000), Log()
    log.start("one")
    model = agent.spec.model.model_copy(update={"provider": provider})
    asked = request(replace(agent, spec=agent.spec.model_copy(update={"model": model})), log)
    assert asked.window_tokens == told


def test_oldest_exchanges_are_left_out_first_and_their_number_is_told() -> None:
    log = Log()
    for number in range(100):
        log.start(text_of(100, f"q{number}x"))
        log.end(text_of(100, f"a{number}x"))
    log.start("a99x0")
    messages = request(agent_with(20_000), log).messages[1:]
    omitted = 201 - (len(messages) - 1)
    assert messages[0].content == f"[conversation truncated — {omitted} older messages omitted]"
    assert messages[1].role == "user"
    assert messages[-1].content.startswith("a99x0")
    # At least three quarters of what would fit.
    room = frame_of(agent_with(20_000), NOW).room_tokens
    assert 0.7 * room < sum(map(message_tokens, messages)) <= room


def test_agents_cap_holds_for_what_came_before_and_not_for_the_turn() -> None:
    log = Log()
    for number in range(30):
        log.start(text_of(100, f"q{number}x"))
        log.end("yes")
    log.start("now")
    for _ in range(5):
        log.call(text_of(400))
    messages = request(agent_with(100_000, max_history_tokens=2_000), log).messages
    at = next(at for at, message in enumerate(messages) if message.content == "now")
    assert 1_000 < sum(map(message_tokens, messages[1:at])) <= 2_000
    assert sum(map(message_tokens, messages[at:])) > 4_000
    assert sum(message.role == "tool" for message in messages) == 5


def test_last_turn_that_is_longer_than_the_cap_leaves_its_newest_rounds_and_its_answer() -> None:
    log = Log()
    log.start("the task")
    for number in range(60):
        log.call(text_of(100, f"r{number}x"))
    log.end("all done")
    log.start("thanks")
    agent = agent_with(100_000, max_history_tokens=4_000, tool_result_keep_first=0, tool_result_keep_last=0)
    found = request(agent, log)
    assert refusal(found) is None
    assert said(found.messages)[-2:] == [("assistant", "all done"), ("user", "thanks")]
    assert any(message.content.startswith("r59x0") for message in found.messages)
    assert 2_500 < sum(map(message_tokens, found.messages[1:-1])) <= 4_000


def test_newest_message_that_is_too_long_by_itself_is_cut_and_says_so() -> None:
    log = Log()
    log.start("before")
    log.end("yes")
    log.start(text_of(20_000))
    last = request(agent_with(8_000), log).messages[-1]
    assert last.role == "user"
    assert last.content.startswith("word0 word1 ")
    assert "[message truncated: kept first ~" in last.content
    assert request_tokens(request(agent_with(8_000), log)) < 8_000


def test_notices_do_not_touch_the_system_message() -> None:
    log = Log()
    log.start("one")
    short = request(agent_with(8_000), log).messages[0]
    log.end(text_of(20_000))
    log.start("two")
    assert request(agent_with(8_000), log).messages[0] == short


def test_a_turn_of_two_hundred_calls_fits_and_keeps_what_it_is_for_and_what_people_said_in_it() -> None:
    log = Log()
    log.start("earlier")
    log.end("yes")
    log.start("the task")
    for number in range(200):
        log.call(*(text_of(300, f"r{number}x") for _ in range(1 + number % 3)), arguments='{"a":"' + "x" * 800 + '"}')
        if number == 20:
            log.say("use metres, please")
    found = request(agent_with(32_000), log)
    assert refusal(found) is None
    assert request_tokens(found) <= 32_000
    texts = said(found.messages)
    assert ("user", "the task") in texts
    assert ("user", "use metres, please") in texts
    assert found.messages[-1].content.startswith("r199x0")
    assert any("older messages omitted" in text for _, text in texts)


def test_records_that_begin_within_the_turn_are_completed_by_the_message_that_it_is_for() -> None:
    log = Log()
    log.start("the task")
    for number in range(50):
        log.call(text_of(100, f"r{number}x"))
    opening = log.records[:1]
    for newest in range(1, 60):
        found = request(agent_with(), log, newest=newest, opening=opening)
        assert refusal(found) is None
        assert said(found.messages)[:2] == [
            ("user", "[conversation truncated: older messages omitted]"),
            ("user", "the task"),
        ]
    assert refusal(request(agent_with(), log, newest=30)) is None


# --- the prefix -----------------------------------------------------------------------------------------------------


def shares(window: int, calls: int, size: int, **context: int) -> list[float]:
    """For each request of a turn, which part of the one before it is its beginning."""
    agent, log, found = agent_with(window, **context), Log(), list[float]()
    for number in range(10):
        log.start(text_of(50, f"q{number}x"))
        log.end(text_of(50, f"a{number}x"))
    log.start("the task")
    before = request(agent, log)
    for number in range(calls):
        log.call(text_of(size, f"r{number}x"))
        after = request(agent, log)
        same, whole = shared_prefix_bytes(before, after)
        found.append(same / whole)
        before = after
    return found


def test_each_request_of_a_turn_begins_with_the_one_before_it_but_for_a_few_steps() -> None:
    found = shares(200_000, 50, 400)
    broken = [share for share in found if share < 1]
    assert len(broken) <= 8
    assert sum(found) / len(found) > 0.9


def test_prefix_survives_most_calls_also_when_the_turn_is_longer_than_the_window() -> None:
    found = shares(24_000, 200, 100, tool_result_keep_first=0, tool_result_keep_last=0)
    broken = [share for share in found if share < 1]
    assert 0 < len(broken) <= 30
    # What stands before the turn stays even then.
    assert min(found) > 0.04


def test_prefix_survives_most_turns_of_a_chat_that_is_longer_than_its_budget() -> None:
    agent, log, broken = agent_with(16_000), Log(), 0
    before = None
    for number in range(200):
        log.start(text_of(30, f"q{number}x"))
        after = request(agent, log, newest=min(len(log.records), 600))
        if before is not None:
            same, whole = shared_prefix_bytes(before, after)
            broken += same < whole
        before = after
        log.end(text_of(30, f"a{number}x"))
    assert 0 < broken <= 20


def test_cache_points_are_the_system_message_what_is_settled_and_the_newest_one() -> None:
    log = Log()
    log.start("go")
    assert request(agent_with(), log).cache_points == (0, 1)
    for number in range(40):
        log.call(text_of(200, f"r{number}x"))
    found = request(agent_with(), log, tools=[READ_OUTPUT])
    points = found.cache_points
    assert len(points) == 4
    assert points[0] == 0
    assert points[-1] == len(found.messages) - 1
    masked = [at for at, message in enumerate(found.messages) if message.content.startswith("[result masked")]
    assert points[2] == masked[-1]
    assert masked[0] <= points[1] < masked[-1]
    assert all(found.messages[at].role in ("system", "user", "tool") for at in points)


def test_after_new_masks_an_earlier_cache_point_still_ends_a_beginning_that_was_sent_before() -> None:
    agent, log = agent_with(200_000), Log()
    log.start("go")
    before = request(agent, log)
    steps = 0
    for number in range(60):
        log.call(text_of(200, f"r{number}x"))
        after = request(agent, log)
        if after.messages[: len(before.messages)] != before.messages:
            shared = [at for at in after.cache_points if after.messages[: at + 1] == before.messages[: at + 1]]
            assert set(shared) & set(before.cache_points) - {0} or steps == 0
            steps += 1
        before = after
    assert steps > 3


# --- anything may come ----------------------------------------------------------------------------------------------

SIZES = st.sampled_from([0, 1, 3, 40, 120, 400, 4_000])


def _event(kind: int, size: int, log: Log, calls: list[str], chance: random.Random) -> Event:
    text, turn = "\U0001f600" * (size // 8) + "x " * size, f"t{chance.randint(1, 4)}"
    match kind:
        case 0 | 1:
            return MessageReceived(message_id="m", text=f"#{len(log.records)} {text}" if size else " ")
        case 2:
            return TurnStarted(turn=turn, trigger=1)
        case 3:
            seen = chance.randint(0, len(log.records))
            return ModelCalled(turn=turn, step=1, attempt=1, epoch=1, model="m", input_seq=seen)
        case 4 | 5:
            new = [f"c{len(log.records)}_{number}" for number in range(chance.randint(0, 4))]
            calls += new
            asked = tuple(Call(call=call, tool="bash", arguments='{"x":"' + text + '"}') for call in new)
            said = chance.choice(["", " \n", text])
            return ModelReplied(message_id="r", turn=chance.choice([turn, ""]), text=said, calls=asked)
        case 6 | 7:
            known = chance.choice(calls) if calls else "none"
            return ToolFinished(turn=turn, call=known, outcome="ok", content=text, note=chance.choice(["", "note"]))
        case 8:
            return ModelFailed(turn=turn, step=1, attempt=1, error="cancelled", partial_text=chance.choice([text, " "]))
        case 9:
            return ToolsSkipped(calls=tuple(calls[-2:]), reason=text)
        case _:
            return TurnEnded(turn=turn, outcome="completed")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10), SIZES), max_size=60),
    st.sampled_from([2_500, 6_000, 40_000]),
    st.sampled_from([0, 300, 40_000]),
    st.integers(0, 3),
    st.booleans(),
    st.randoms(use_true_random=False),
    st.data(),
)
def test_any_log_and_any_part_of_it_makes_a_request_that_fits_and_that_providers_accept(
    kinds: list[tuple[int, int]],
    window: int,
    cap: int,
    keep: int,
    tells_time: bool,
    chance: random.Random,
    data: st.DataObject,
) -> None:
    log, calls = Log(), list[str]()
    for kind, size in kinds:
        log.add(_event(kind, size, log, calls, chance))
        log.later(minutes=chance.randint(0, 90))
    # A model is asked when there is something for it to answer.
    log.add(_event(0, 1, log, calls, chance))
    newest = data.draw(st.integers(0, len(log.records)))
    prompt = "{{date}}" if tells_time else ""
    agent = agent_with(
        window, prompt, max_history_tokens=cap, tool_result_keep_first=keep, tool_result_keep_last=3 - keep
    )
    messages = [record for record in log.records if isinstance(record.event, MessageReceived)]
    found = request(agent, log, newest=newest, opening=messages[-1:])
    assert refusal(found) is None
    assert found.messages[1].role == "user"
    around = frame_of(agent, NOW)
    assert request_tokens(found) <= around.room_tokens + around.fixed_tokens
    assert len(found.cache_points) <= 4
    shown = [record for record in log.records[-newest:] if record in messages] if newest else []
    if shown:
        assert isinstance(shown[-1].event, MessageReceived)
        beginning = shown[-1].event.text.split(" ")[0] or "[empty"
        assert any(beginning in message.content for message in found.messages if message.role == "user")


@pytest.mark.parametrize("window", [10, 100, 1_000])
def test_window_that_holds_nothing_still_makes_a_request_that_providers_accept(window: int) -> None:
    log = Log()
    log.start(text_of(1_000))
    for _ in range(3):
        log.call(text_of(1_000), text_of(1_000))
    assert refusal(request(agent_with(window), log)) is None


def test_hundred_messages_at_once_fit_into_a_small_window_with_the_newest_one() -> None:
    log = Log()
    for number in range(100):
        log.say(f"#{number} {text_of(100)}")
    found = request(agent_with(2_500), log)
    assert refusal(found) is None
    assert request_tokens(found) <= frame_of(agent_with(2_500), NOW).room_tokens + 300
    assert found.messages[-1].content.startswith("#99 word0")


def test_results_stay_with_their_calls_when_a_turn_begins_before_they_are_there() -> None:
    log = Log()
    log.start("one")
    log.reply(calls=[Call(call="c", tool="bash", arguments="{}")])
    log.start("two")
    found = request(agent_with(), log)
    assert refusal(found) is None
    assert [role for role, _ in said(found.messages)] == ["user", "assistant", "tool", "user"]


def test_request_of_a_session_without_records_is_accepted() -> None:
    assert refusal(request(agent_with(), Log())) is None
