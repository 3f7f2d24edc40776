"""What of a conversation fits."""

import pytest

from duragent.agent.spec import ModelSpec
from duragent.context.budget import answer_tokens, fit, message_tokens, reserved_tokens, split
from duragent.context.transcript import TranscriptEntry
from duragent.models.messages import ChatMessage, OpaquePart


def test_the_newest_exchange_fits_however_many_messages_it_has() -> None:
    said = [ChatMessage(role="user", content="x" * 4000) for _ in range(10)]
    question = ChatMessage(role="user", content="What is all this?")
    kept = fit([*said, question], 2000)
    assert sum(message_tokens(message) for message in kept) < 2000 + 11 * 20
    assert (len(kept), kept[-1]) == (11, question)


def user(text: str, seq: int, turn: str = "") -> TranscriptEntry:
    return TranscriptEntry(ChatMessage(role="user", content=text), seq, turn=turn)


def reply(text: str, seq: int, turn: str = "") -> TranscriptEntry:
    return TranscriptEntry(ChatMessage(role="assistant", content=text), seq, turn=turn)


@pytest.mark.parametrize(
    ("talk", "earlier"),
    [
        ([], 0),
        ([user("a", 1)], 0),
        ([user("a", 1, "t1"), reply("b", 2, "t1"), user("c", 3)], 2),
        ([user("a", 1, "t1"), reply("b", 2, "t1"), user("c", 3, "t2"), reply("d", 4, "t2")], 2),
        ([user("a", 1, "t1"), reply("b", 2, "t1"), user("c", 3), user("d", 4)], 2),
        ([user("a", 1), reply("b", 2, "t2"), reply("c", 3, "t2")], 0),
    ],
)
def test_running_turn_is_split_from_what_came_before(talk: list[TranscriptEntry], earlier: int) -> None:
    assert split(talk) == (talk[:earlier], talk[earlier:])


@pytest.mark.parametrize(
    ("limit", "window", "tokens"),
    [(None, 100_000, 4_096), (None, 4_000, 1_000), (500, 100_000, 500), (0, 100_000, 4_096)],
)
def test_answer_is_reckoned_with_as_the_agent_says_or_as_is_usual(limit: int | None, window: int, tokens: int) -> None:
    model = ModelSpec(provider="demo", max_output_tokens=limit or None)
    assert answer_tokens(model, window) == tokens
    assert reserved_tokens(model, window) == tokens + window // 10


def test_what_a_provider_wants_back_goes_before_words_are_cut() -> None:
    signed = ChatMessage(role="assistant", content="well", opaque=OpaquePart(adapter="a", value=[{"s": "x" * 4_000}]))
    question = ChatMessage(role="user", content="word " * 100)
    bare = signed.model_copy(update={"opaque": None})
    assert message_tokens(signed) > 800 > message_tokens(bare)
    assert fit([question, signed], 5_000) == [question, signed]
    assert fit([question, signed], 500) == [question, bare]
    assert "[message truncated" in fit([question, signed], 60)[0].content


@pytest.mark.parametrize("budget", [0, 10, 60, 200, 1_000, 5_000])
def test_fit_cuts_the_longest_first_and_leaves_short_ones_alone(budget: int) -> None:
    short = ChatMessage(role="user", content="hello")
    long = [ChatMessage(role="user", content=f"{number} " + "word " * 800) for number in range(3)]
    kept = fit([short, *long], budget)
    assert (len(kept), kept[0]) == (4, short)
    if sum(map(message_tokens, [short, *long])) <= budget:
        assert kept == [short, *long]
    else:
        assert all("[message truncated: kept first ~" in message.content for message in kept[1:])
        least = sum(map(message_tokens, fit([short, *long], 0)))
        assert sum(map(message_tokens, kept)) <= max(budget, least)
