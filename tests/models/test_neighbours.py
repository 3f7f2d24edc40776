"""Neighbours of one role become one message, and cache points follow."""

import pytest

from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, OpaquePart, ToolCall
from duragent.models.neighbours import merged, with_merged_neighbours

SYSTEM = ChatMessage(role="system", content="Be brief.")
CALL, OTHER = (ToolCall(id=name, name="ls", arguments="{}") for name in ("one", "two"))
CALLS = ChatMessage(role="assistant", calls=(CALL, OTHER))
RESULTS = tuple(ChatMessage(role="tool", call_id=call.id, content="a") for call in (CALL, OTHER))
FILES = tuple(AttachedFile(name=f"{n}.png", media_type="image/png", sha256=str(n) * 64, size_bytes=n) for n in (1, 2))


def user(text: str, *files: AttachedFile) -> ChatMessage:
    return ChatMessage(role="user", content=text, attachments=files)


def assistant(text: str, opaque: OpaquePart | None = None, *calls: ToolCall) -> ChatMessage:
    return ChatMessage(role="assistant", content=text, opaque=opaque, calls=calls)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ((), ()),
        ((SYSTEM, user("a"), assistant("b"), user("c")), (SYSTEM, user("a"), assistant("b"), user("c"))),
        ((SYSTEM, user("a"), user("b"), user("c")), (SYSTEM, user("a\n\nb\n\nc"))),
        ((user("a", FILES[0]), user("", FILES[1])), (user("a", *FILES),)),
        ((user(" \n"), user("a"), user("")), (user("a"),)),
        ((user("a"), assistant("b"), assistant("c")), (user("a"), assistant("b\n\nc"))),
        ((user("a"), assistant("b"), assistant("", None, CALL)), (user("a"), assistant("b", None, CALL))),
        ((user("a"), CALLS, *RESULTS, user("b"), user("c")), (user("a"), CALLS, *RESULTS, user("b\n\nc"))),
    ],
)
def test_neighbours_of_one_role_are_one_message(
    messages: tuple[ChatMessage, ...], expected: tuple[ChatMessage, ...]
) -> None:
    assert merged(messages) == expected


def test_merged_answers_give_back_what_belongs_to_the_last_one() -> None:
    first, last = (OpaquePart(adapter="a", model="m", value=value) for value in (1, 2))
    assert merged((assistant("a", first), assistant("b", last, CALL))) == (assistant("a\n\nb", last, CALL),)
    assert merged((assistant("a", first), assistant("b"))) == (assistant("a\n\nb"),)


def test_cache_points_follow_their_messages() -> None:
    messages = (SYSTEM, user("a"), user("b"), assistant("c"), user("d"), user("e"))
    request = with_merged_neighbours(ModelRequest(messages=messages, cache_points=(0, 1, 2, 3, 4)))
    assert [message.content for message in request.messages] == ["Be brief.", "a\n\nb", "c", "d\n\ne"]
    assert request.cache_points == (0, 1, 2, 3)


def test_request_without_neighbours_is_left_as_it_is() -> None:
    request = ModelRequest(messages=(SYSTEM, user("a")), cache_points=(1,))
    assert with_merged_neighbours(request) is request
