"""Anthropic's marks for its cache, which OpenRouter hands on: the request up to here is worth remembering. Pure."""

from duragent.models.messages import ModelRequest

CACHE_MARK = {"type": "ephemeral"}
"""The value of `cache_control`."""

_MOST = 4


def marked_messages(request: ModelRequest) -> tuple[int, ...]:
    """Positions of the messages that get a mark: as many as Anthropic takes, the last ones."""
    return request.cache_points[-_MOST:]
