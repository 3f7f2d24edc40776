"""Messages of one role that follow each other, made one: some providers refuse them, none needs them apart. Pure."""

from collections.abc import Iterator, Sequence

from duragent.models.messages import ChatMessage, ModelRequest


def with_merged_neighbours(request: ModelRequest) -> ModelRequest:
    """The request with merged messages. A cache point follows its message; the mark is then behind the whole one."""
    messages = merged(request.messages)
    if len(messages) == len(request.messages):
        return request
    place = list(_places(request.messages))
    points = tuple(sorted({place[at] for at in request.cache_points}))
    return request.model_copy(update={"messages": messages, "cache_points": points})


def merged(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """The messages, so that no two of one role follow each other; results of tools stay apart, as each has its call."""
    groups: list[list[ChatMessage]] = []
    for message, place in zip(messages, _places(messages), strict=True):
        if place == len(groups):
            groups.append([])
        groups[place].append(message)
    return tuple(_one_of(group) for group in groups)


def _places(messages: Sequence[ChatMessage]) -> Iterator[int]:
    """Where each message is among the merged ones."""
    place = -1
    before = None
    for message in messages:
        # The results come first behind an assistant that calls; nothing may come between.
        joins = before is not None and message.role == before.role != "tool" and not before.calls
        place += not joins
        before = message
        yield place


def _one_of(group: Sequence[ChatMessage]) -> ChatMessage:
    last = group[-1]
    if len(group) == 1:
        return last
    # What a provider wants back belongs to one reply. That of the last one is needed, where it calls tools.
    return last.model_copy(
        update={
            "content": "\n\n".join(message.content for message in group if message.content.strip()),
            "attachments": tuple(file for message in group for file in message.attachments),
        }
    )
