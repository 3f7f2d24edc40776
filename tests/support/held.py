"""What this process still holds of some words in its memory."""

import gc
import types
from collections.abc import Iterator


def holders(words: str) -> list[str]:
    """Each object with a text in which the words stand, and that text's beginning; no running function counts."""
    gc.collect()
    found = []
    for each in gc.get_objects():
        if isinstance(each, types.FrameType | types.CoroutineType):
            continue
        for text in _within(each):
            if _holds(text, words):
                owners = ", ".join(sorted({type(owner).__name__ for owner in gc.get_referrers(each)}))
                found.append(f"{type(each).__name__} (of {owners}): {repr(text)[:60]}")
    return found


def _within(each: object) -> Iterator[object]:
    """What it refers to, and what is in those of them that the collector does not know, such as a tuple of texts."""
    for inner in gc.get_referents(each):
        yield inner
        if isinstance(inner, tuple | dict) and not gc.is_tracked(inner):
            yield from _within(inner)


def _holds(text: object, words: str) -> bool:
    if isinstance(text, str):
        return words in text
    return isinstance(text, bytes | bytearray) and words.encode() in text
