"""Names of files from names that models and chats give: topics of world knowledge, senders, chats.

The law: a name never leads out of its folder, and two names share a file only when they mean the same.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable

MAX_STEM_BYTES = 100
_TITLE = re.compile(r"\ufeff?#[ \t]+(.+?)[ \t]*(?:\r?\n|$)")


def safe_stem(name: str) -> str:
    """Letters, digits, `-` and `_` stay, ASCII letters become small, everything else is `-`."""
    return "".join(
        (char.lower() if char.isascii() else char) if char.isalnum() or char in "-_" else "-"
        for char in unicodedata.normalize("NFC", name)
    )


def topic_stem(topic: str, title_of: Callable[[str], str | None]) -> str:
    """The stem of a topic's file. `title_of` gives the first heading of the file of a stem; None without a file.

    When cleaning changed more than capitals, four digits of the name's SHA-256 are added, unless the plain name's file
    is about this very topic.
    """
    if is_plain(topic):
        return _small(topic)
    wanted = _wanted(topic)
    stem = safe_stem(wanted)
    short = _cut(stem)
    if stem.strip("-_") and stem == short and _same(title_of(stem), wanted):
        return stem
    return f"{_cut(stem, 5).strip('-') or 'topic'}-{_digits(wanted)}"


def is_plain(topic: str) -> bool:
    """Whether a topic, but for capitals, is the stem of its file."""
    stem = safe_stem(topic)
    return stem == _small(topic) == _cut(stem) and bool(stem.strip("-_"))


def id_stem(channel: str, name: str) -> str:
    """The stem of a person's or a chat's file, such as `telegram-4711`: always the same for the same two texts."""
    wanted = f"{channel}-{name}"
    stem = safe_stem(wanted)
    return stem if stem == wanted and len(stem.encode()) <= MAX_STEM_BYTES else f"{_cut(stem, 9)}-{_digits(wanted, 8)}"


def title_of(text: str) -> str | None:
    """The heading of a file's first line; None when there is none."""
    found = _TITLE.match(text.lstrip("\n"))
    return found[1] if found else None


def _wanted(topic: str) -> str:
    return " ".join(unicodedata.normalize("NFC", topic).split())


def _small(name: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in name)


def _same(title: str | None, topic: str) -> bool:
    return title is not None and " ".join(unicodedata.normalize("NFC", title).split()).casefold() == topic.casefold()


def _digits(name: str, count: int = 4) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:count]


def _cut(stem: str, spare: int = 0) -> str:
    """The whole characters of the first bytes."""
    return stem.encode("utf-8", "replace")[: MAX_STEM_BYTES - spare].decode("utf-8", "ignore")
