"""Counting."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.context.tokens import (
    IMAGE_TOKENS,
    beginning,
    calibrated,
    ending,
    file_tokens,
    measured_ratio,
    message_tokens,
    request_tokens,
    schema_tokens,
    tokens,
)
from duragent.journal.events import (
    Attachment,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    TokenCounts,
    ToolFinished,
)
from duragent.journal.record import Record
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, OpaquePart, ToolCall, ToolSchema

ANY = st.text(st.characters(exclude_categories=[]), max_size=200)

# Counted with cl100k_base.
COUNTED = [
    ("Heute ist schönes Wetter, und wir gehen im Park spazieren. Außerdem prüfen wir die Zählung." * 50, 1351),
    ("今天天气很好，我们去公园散步吧。人工智能正在改变我们的生活方式，很多公司都在研究大型语言模型。" * 50, 2600),  # noqa: RUF001 -- as it is written
    (
        "これは日本語の文章です。トークンの数を数えるためのテストとして使います。漢字とひらがなが混ざっています。" * 50,
        2300,
    ),
    ("Сегодня хорошая погода, и мы пойдём гулять в парк. Это проверка подсчёта токенов." * 50, 2100),
]


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_estimate_is_near_what_a_tokenizer_counts_in_any_language(text: str, counted: int) -> None:
    assert 0.75 < tokens(text) / counted < 1.3


@given(ANY, st.integers(0, 60))
def test_a_part_is_the_longest_that_fits(text: str, limit: int) -> None:
    front, back = beginning(text, limit), ending(text, limit)
    assert text.startswith(front)
    assert text.endswith(back)
    assert max(tokens(front), tokens(back)) <= limit
    if len(front) < len(text):
        assert tokens(text[: len(front) + 1]) > limit


def test_a_part_of_a_huge_text_is_found_quickly() -> None:
    text = "word " * 10_000_000
    start = time.process_time()
    assert 90 <= tokens(beginning(text, 100)) <= 100
    assert 90 <= tokens(ending(text, 100)) <= 100
    assert time.process_time() - start < 15


def test_what_a_provider_wants_back_is_counted() -> None:
    said = ChatMessage(role="assistant", content="well")
    value = [{"type": "thinking", "thinking": "word " * 100, "at": 1, "more": {"data": "x" * 400}}, None]
    signed = said.model_copy(update={"opaque": OpaquePart(adapter="a", value=value)})
    texts = ("thinking", "word " * 100, "x" * 400)
    assert message_tokens(signed) == message_tokens(said) + sum(map(tokens, texts))


def test_calls_ids_and_schemas_are_counted() -> None:
    call = ToolCall(id="call_1", name="bash", arguments='{"command":"ls -la"}')
    plain = message_tokens(ChatMessage(role="assistant"))
    tool = ToolSchema(name="bash", description="Run a command.", parameters={"type": "object"})
    with_call = ChatMessage(role="assistant", calls=(call,))
    assert message_tokens(with_call) - plain >= tokens(call.arguments) + tokens(call.name)
    assert request_tokens(ModelRequest(messages=(with_call,), tools=(tool,))) == message_tokens(
        with_call
    ) + schema_tokens([tool])


@given(st.floats(0.5, 3.0), st.integers(-5, 10**9), st.integers(-5, 10**9))
def test_calibration_stays_within_bounds_whatever_is_reported(ratio: float, estimated: int, reported: int) -> None:
    assert 0.5 <= calibrated(ratio, estimated, reported) <= 3.0


def test_calibration_nears_what_is_reported_and_ignores_small_requests() -> None:
    ratio = 1.0
    for _ in range(8):
        ratio = calibrated(ratio, 10_000, 15_000)
    assert ratio == pytest.approx(1.5, abs=0.01)
    assert calibrated(1.0, 100, 900) == 1.0
    assert calibrated(1.2, 10_000, 0) == 1.2


def test_ratio_is_learnt_from_answers_whose_question_tells_its_estimate() -> None:
    called = ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=1)
    told = called.model_copy(update={"estimated_tokens": 10_000})
    replied = ModelReplied(message_id="r", turn="t", usage=TokenCounts(input=15_000))
    events: list[Event] = [told, replied] * 8
    pairs = [Record(seq, "", event) for seq, event in enumerate(events, 1)]
    assert measured_ratio(pairs) == 1.5
    assert measured_ratio([Record(1, "", called), Record(2, "", replied)]) == 1.0


def test_files_are_counted_by_their_kind() -> None:
    def file(media_type: str, size_bytes: int = 10) -> AttachedFile:
        return AttachedFile(name="a", media_type=media_type, sha256="0" * 64, size_bytes=size_bytes)

    image, page, book = file("image/png"), file("application/pdf"), file("application/pdf", 3_000_000)
    assert file_tokens((image, image)) == 2 * IMAGE_TOKENS
    assert file_tokens((page,)) < file_tokens((book,)) == 100_000
    words = ChatMessage(role="user", content="look")
    assert message_tokens(words.model_copy(update={"attachments": (image,)})) == message_tokens(words) + IMAGE_TOKENS


def test_what_files_cost_does_not_change_how_text_is_counted() -> None:
    called = ModelCalled(turn="t", step=1, attempt=1, epoch=1, model="m", input_seq=1, estimated_tokens=1_000)
    replied = ModelReplied(message_id="m", usage=TokenCounts(input=2_000))
    file = Attachment(name="a.png", media_type="image/png", sha256="0" * 64)
    with_file: list[Event] = [
        MessageReceived(message_id="m", text="", attachments=(file,)),
        ToolFinished(call="c", outcome="ok", attachments=(file,)),
    ]

    def ratio(*events: Event) -> float:
        return measured_ratio([Record(seq, "", event) for seq, event in enumerate(events, 1)])

    assert ratio(called, replied) == 1.5
    assert [ratio(each, called, replied) for each in with_file] == [1.0, 1.0]
    assert ratio(called, replied, with_file[0], called, replied) == 1.5
