"""The tail of a request: text that is read last, stands in the last message and in no earlier one. Pure.

The law of this file: what comes before the tail is the same bytes as without it, so that the next request, which has
its tail elsewhere, begins with them. A cache mark never covers a tail.
"""

from collections.abc import Iterable

from duragent.models.messages import ChatMessage, ModelRequest


def placed(request: ModelRequest, *, apart: bool = False) -> ModelRequest:
    """The request with its tail in its messages: in front of what a person said last, or behind the newest result.

    `apart` puts it behind a result as a message of the user, for protocols in which both become one message. Cache
    points of messages that carry the tail go to the message before them.
    """
    if not request.tail.strip():
        return request.model_copy(update={"tail": ""}) if request.tail else request
    messages = list(request.messages)
    # A provider may want the messages at the end as one, so the tail stands in front of the first of them.
    at = len(messages)
    while at > 0 and messages[at - 1].role == "user":
        at -= 1
    if at < len(messages):
        messages[at] = _with_text(messages[at], request.tail, messages[at].content)
    elif messages and messages[-1].role == "tool" and not apart:
        at -= 1
        messages[at] = _with_text(messages[at], messages[at].content, request.tail)
    else:
        messages.append(ChatMessage(role="user", content=request.tail))
    points = marks_before(request.cache_points, at)
    return request.model_copy(update={"messages": tuple(messages), "tail": "", "cache_points": points})


def marks_before(points: Iterable[int], at: int) -> tuple[int, ...]:
    """The cache points, with those from the message `at` on moved to the message before it, if there is one."""
    return tuple(sorted({before for point in points if (before := min(point, at - 1)) >= 0}))


def _with_text(message: ChatMessage, *texts: str) -> ChatMessage:
    return message.model_copy(update={"content": "\n\n".join(text for text in texts if text)})
