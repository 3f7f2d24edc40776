"""How a model is asked to think: each generation in its own way, within the limit of the answer."""

from typing import Any

import pytest

from duragent.errors import BadModelRequest
from duragent.models.messages import OneTool
from tests.models.direct.anthropic.asking import SIGNED, SONNET, body, called, opaque, result, user


def asked(name: str = SONNET, **fields: Any) -> dict[str, Any]:
    """What the request says of thinking and of lengths."""
    written = body(user("hi"), name=name, **fields)
    names = ("thinking", "output_config", "max_tokens", "temperature", "tool_choice")
    return {name: written[name] for name in names if name in written}


def enabled(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, {"max_tokens": 4096}),
        ({"thinking": "off"}, {"max_tokens": 4096}),
        ({"thinking": "low"}, {"thinking": enabled(2048), "max_tokens": 6144}),
        ({"thinking": "medium"}, {"thinking": enabled(8192), "max_tokens": 12288}),
        ({"thinking": "high"}, {"thinking": enabled(24576), "max_tokens": 28672}),
        ({"thinking": 5000}, {"thinking": enabled(5000), "max_tokens": 9096}),
        ({"thinking": 10}, {"thinking": enabled(1024), "max_tokens": 5120}),
        ({"thinking": "high", "max_output_tokens": 30000}, {"thinking": enabled(24576), "max_tokens": 30000}),
        ({"thinking": "high", "max_output_tokens": 8000}, {"thinking": enabled(4000), "max_tokens": 8000}),
        ({"thinking": "low", "temperature": 0.2}, {"thinking": enabled(2048), "max_tokens": 6144}),
        ({"temperature": 0.2}, {"max_tokens": 4096, "temperature": 0.2}),
        ({"temperature": 1.7}, {"max_tokens": 4096, "temperature": 1.0}),
    ],
)
def test_older_models_get_a_budget_that_fits_into_the_limit(fields: dict[str, Any], said: dict[str, Any]) -> None:
    assert asked(**fields) == said


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("claude-opus-4-6", {"thinking": 5000}, {"thinking": enabled(5000), "max_tokens": 9096}),
        (
            "claude-opus-4-6",
            {"thinking": "low", "temperature": 0.2},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "max_tokens": 8192},
        ),
        ("claude-opus-4-7", {"temperature": 0.2}, {"max_tokens": 4096}),
        ("claude-opus-4-7", {"thinking": "off"}, {"max_tokens": 4096}),
        (
            "claude-opus-4-7",
            {"thinking": "medium"},
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "medium"},
                "max_tokens": 20480,
            },
        ),
        (
            "claude-opus-4-8",
            {"thinking": 8192, "max_output_tokens": 900},
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "medium"},
                "max_tokens": 900,
            },
        ),
        ("claude-opus-5", {}, {"thinking": {"type": "adaptive", "display": "summarized"}, "max_tokens": 36864}),
        ("claude-opus-5", {"thinking": "off"}, {"thinking": {"type": "disabled"}, "max_tokens": 4096}),
        (
            "claude-fable-5",
            {"thinking": "off"},
            {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": "low"},
                "max_tokens": 8192,
            },
        ),
        ("claude-3-5-haiku-latest", {"thinking": "high", "temperature": 0.5}, {"max_tokens": 4096, "temperature": 0.5}),
    ],
)
def test_newer_models_get_a_level(name: str, fields: dict[str, Any], said: dict[str, Any]) -> None:
    assert asked(name, **fields) == said


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        (SONNET, {"thinking": 5000, "max_output_tokens": 5000}, "must be more than the 5000 tokens of `thinking`"),
        (SONNET, {"thinking": "low", "max_output_tokens": 2000}, "leaves no room for thinking: at least 2048 do"),
        ("claude-opus-5-5", {"tool_choice": "required"}, "cannot be told that it must call a tool"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_it_is_asked(name: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadModelRequest, match=words):
        asked(name, **fields)


@pytest.mark.parametrize(
    ("tool_choice", "said"),
    [("required", {"type": "any"}), (OneTool(name="ls"), {"type": "tool", "name": "ls"})],
)
def test_model_that_must_call_does_not_think_first(tool_choice: Any, said: dict[str, Any]) -> None:
    assert asked(thinking="high", tool_choice=tool_choice) == {"tool_choice": said, "max_tokens": 4096}
    off = {"thinking": {"type": "disabled"}, "tool_choice": said, "max_tokens": 4096}
    assert asked("claude-opus-5", thinking="high", tool_choice=tool_choice) == off


def test_model_that_may_not_call_thinks() -> None:
    said = asked(thinking="low", tool_choice="none")
    assert (said["tool_choice"], said["thinking"]) == ({"type": "none"}, enabled(2048))


# --- in the middle of a turn ----------------------------------------------------------------------------------------


def test_calls_without_their_thinking_go_on_without_it() -> None:
    for kept in (None, opaque(SIGNED, name="claude-opus-4-1"), opaque(SIGNED, adapter="openai_chat")):
        written = body(user("list"), called(kept), result(), thinking="high")
        assert "thinking" not in written
        assert [block["type"] for block in written["messages"][1]["content"]] == ["tool_use"]


def test_words_of_several_people_behind_results_start_no_new_turn() -> None:
    assert "thinking" not in body(user("list"), called(), result(), user("quick"), user("It is noon."), thinking="high")


def test_calls_with_their_thinking_go_on_with_it() -> None:
    later = called().model_copy(update={"calls": (called().calls[0].model_copy(update={"id": "toolu_2"}),)})
    written = body(user("list"), called(opaque(SIGNED)), result(), later, result("", "toolu_2"), thinking="high")
    assert written["thinking"] == enabled(24576)
    assert written["messages"][1]["content"][0] == SIGNED


def test_word_of_a_person_between_two_calls_starts_no_new_turn() -> None:
    other = called().model_copy(update={"calls": (called().calls[0].model_copy(update={"id": "toolu_2"}),)})
    without = body(user("list"), called(), result(), user("hurry"), thinking="high")
    later = body(
        user("list"), called(opaque(SIGNED)), result(), user("hurry"), other, result("", "toolu_2"), thinking="high"
    )
    assert "thinking" not in without
    assert "thinking" not in later


def test_calls_of_an_earlier_turn_need_no_thinking() -> None:
    written = body(user("list"), called(), result(), called(text="done"), result(), user("again"), thinking="high")
    assert "thinking" not in written
    ended = called(text="done").model_copy(update={"calls": ()})
    written = body(user("list"), called(), result(), ended, user("again"), thinking="high")
    assert "thinking" in written


def test_newer_models_think_whether_or_not_their_thinking_is_there() -> None:
    written = body(user("list"), called(), result(), name="claude-opus-4-6", thinking="high")
    assert written["thinking"] == {"type": "adaptive"}


def test_newest_models_are_told_to_leave_out_thinking_that_no_longer_fits() -> None:
    kept = opaque(SIGNED, name="claude-opus-5-5")
    shown = {"type": "adaptive", "display": "summarized"}
    bound = {**shown, "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    for thinking in ("low", None):
        written = body(user("list"), called(kept), result(), name="claude-opus-5-5", thinking=thinking)
        assert written["thinking"] == bound
        assert body(user("list"), name="claude-opus-5-5", thinking=thinking)["thinking"] == shown
