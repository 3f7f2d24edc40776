"""Which messages the cache is told of."""

from duragent.models.cache_marks import marked_messages
from duragent.models.messages import ModelRequest


def test_last_four_points_are_marked() -> None:
    assert marked_messages(ModelRequest(messages=(), cache_points=(0, 2, 3, 5, 8))) == (2, 3, 5, 8)
    assert marked_messages(ModelRequest(messages=(), cache_points=(0, 2))) == (0, 2)
