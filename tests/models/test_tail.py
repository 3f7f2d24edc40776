"""The tail of a request stands in its last message, and no cache mark covers it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolCall
from duragent.models.tail import placed
from duragent.models.text_tools.prompt import as_text

SYSTEM = ChatMessage(role="system", content="be kind")
NOW = ChatMessage(role="user", content="[now: noon]")
HELLO = ChatMessage(role="user", content="hello")
CALL = ChatMessage(role="assistant", calls=(ToolCall(id="1", name="ls", arguments="{}"),))
RESULT = ChatMessage(role="tool", call_id="1", content="a.txt")
ANSWER = ChatMessage(role="assistant", content="hi")
PICTURE = AttachedFile(name="a.png", media_type="image/png", sha256="0" * 64, size_bytes=1)
SHOWN = ChatMessage(role="user", attachments=(PICTURE,))


def asked(*messages: ChatMessage, points: tuple[int, ...] = ()) -> ModelRequest:
    return ModelRequest(messages=(SYSTEM, *messages), tail="TAIL", cache_points=points)


@pytest.mark.parametrize(
    ("request_", "apart", "said", "points"),
    [
        (asked(HELLO, points=(0, 1)), False, ["TAIL\n\nhello"], (0,)),
        (asked(ANSWER, NOW, HELLO, points=(0, 3)), False, ["hi", "TAIL\n\n[now: noon]", "hello"], (0, 1)),
        (asked(HELLO, CALL, RESULT, points=(1, 3)), False, ["hello", "", "a.txt\n\nTAIL"], (1, 2)),
        (asked(HELLO, CALL, RESULT, points=(1, 3)), True, ["hello", "", "a.txt", "TAIL"], (1, 3)),
        (asked(CALL, RESULT, HELLO, points=(3,)), False, ["", "a.txt", "TAIL\n\nhello"], (2,)),
        (asked(CALL, RESULT, HELLO, points=(3,)), True, ["", "a.txt", "TAIL\n\nhello"], (2,)),
        (asked(HELLO, ANSWER, points=(1,)), False, ["hello", "hi", "TAIL"], (1,)),
        (asked(), False, ["TAIL"], ()),
    ],
    ids=[
        "person",
        "note before a person",
        "result",
        "result apart",
        "person behind a result",
        "apart",
        "answer",
        "none",
    ],
)
def test_tail_is_in_the_last_message(
    request_: ModelRequest, apart: bool, said: list[str], points: tuple[int, ...]
) -> None:
    found = placed(request_, apart=apart)
    assert [message.content for message in found.messages[1:]] == said
    assert (found.cache_points, found.tail, found.messages[0]) == (points, "", SYSTEM)
    assert found.messages[-1].role in ("user", "tool")


def test_files_of_a_message_stay_behind_its_text() -> None:
    assert placed(asked(SHOWN)).messages[-1] == SHOWN.model_copy(update={"content": "TAIL"})


def test_request_without_a_tail_stays_as_it_is() -> None:
    request = ModelRequest(messages=(SYSTEM, HELLO), cache_points=(1,))
    assert placed(request) is request
    assert placed(request.model_copy(update={"tail": " \n"})) == request


def test_tools_as_text_have_the_tail_behind_the_newest_result() -> None:
    found = as_text(asked(HELLO, CALL, RESULT, points=(1, 3)))
    assert found.messages[-1].content == '<tool_result name="ls" call="1">\na.txt\n</tool_result>\n\nTAIL'
    assert (found.cache_points, found.tail) == ((1, 2), "")
    spoken = as_text(asked(HELLO, CALL, RESULT, HELLO, points=(4,)))
    assert spoken.messages[-1].content.endswith("</tool_result>\n\nTAIL\n\nhello")
    assert spoken.cache_points == (2,)


MESSAGES = st.lists(st.sampled_from([NOW, HELLO, CALL, RESULT, ANSWER, SHOWN]), max_size=8)


@given(MESSAGES, st.booleans(), st.sets(st.integers(0, 8)))
def test_without_the_tail_it_is_the_same_request(said: list[ChatMessage], apart: bool, points: set[int]) -> None:
    request = asked(*said, points=tuple(sorted(point for point in points if point <= len(said))))
    found = placed(request, apart=apart)
    carriers = [at for at, message in enumerate(found.messages) if "TAIL" in message.content]
    assert len(carriers) == 1
    without = [message.model_copy(update={"content": _bare(message.content)}) for message in found.messages]
    assert [each for each in without if each.content or each.calls or each.attachments] == [
        each for each in request.messages if each.content or each.calls or each.attachments
    ]
    assert all(point < carriers[0] for point in found.cache_points)
    # Behind the tail there is at most more of what people said at the same moment.
    assert {message.role for message in found.messages[carriers[0] + 1 :]} <= {"user"}


def _bare(text: str) -> str:
    return text.replace("TAIL", "").strip()
