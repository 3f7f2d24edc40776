"""What a list shows of a session without a title: the beginning of its first message."""

import re

from duragent.journal.record import BLOB_MIN_BYTES

TOPIC_MAX = 80
"""Characters of a topic."""

_TEXT_MAX = BLOB_MIN_BYTES // 4
"""A message of at most so many characters always stands in its line, and never in a blob."""

_MOVED = re.compile(r"\[\d+ bytes in blob [0-9a-f]{64}\]")
"""What `decode` puts in the place of a text that is in a blob."""


def topic_of(text: str) -> str:
    """A message's first line with words; "" for a text that may be in a blob, because a fold has no blobs."""
    if len(text) > _TEXT_MAX or _MOVED.fullmatch(text):
        return ""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= TOPIC_MAX else f"{line[: TOPIC_MAX - 1]}…"
