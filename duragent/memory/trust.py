"""Who vouches for a note: decided from who said its words, and from nothing that a model says about it.

The law: pure. `owner` when the note's words are the owner's; else `agent` when nothing from outside was in the window;
else the note waits for a person. A doubt is decided against the note: it waits, and nothing is lost.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from duragent.memory.base import Trust

OWNER_SHARE = 0.6
"""So much of a note's weight must stand in the owner's messages."""
KNOWN_SHARE = 0.8
"""A note with so much of its weight in one that was recalled says nothing new."""
RUN_WORDS = 5
"""So many words in a row that only something from outside has are a quotation of it."""

Weight = Callable[[str], float]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE_MARKS = ".,;:!?()[]{}<>\"'`\u2019\u201c\u201d*_"
_EXACT = re.compile(r"://|@|[^\W\d_]\.[^\W\d_]{2}|[/\\]\w|\d")
_ENDINGS = ("ing", "ers", "ies", "ed", "es", "er", "ly", "s")
_COMMON = frozenset(
    """a about after all also always am an and any are as asked at be because been but by can could did do does for
    from had has have he her him his i if in into is it its just let like likes may me mention more must my never no
    not note noted of on one or our out over person please prefer prefers preferred remember remembers said says she
    should so some such than that the their them then there these they this to told up us use used user user's uses
    using very want wants was way we were what when where which who will wish wishes with would you your aber alle
    als am an auch auf aus bei bin bitte da das dass dem den der des die du ein eine einen einer er es für hat ich
    ihm ihn ihr im immer in ist ja kann man mein meine mich mir mit möchte nach nicht nie noch nur nutzer nutzerin
    oder sein sich sie sind so soll und uns vom von vor war was wenn wer wie will wir wird zu zum zur über""".split()
)
_COMMON_WEIGHT = 0.1


def words(text: str) -> tuple[str, ...]:
    """The words of a text, so that case, punctuation, endings and look-alike forms of letters make no difference."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    found: list[str] = []
    for word in _WORD.findall(plain):
        # Languages without spaces: each character counts.
        found += _UNSPACED.sub(lambda char: f" {char[0]} ", word).split()
    return tuple(_stem(word) for word in found)


def default_weight(word: str) -> float:
    """Without the counts of an index: words that are in every sentence weigh little, those with a digit much."""
    if word in _COMMON_STEMS:
        return _COMMON_WEIGHT
    return 2.0 if any(char.isdigit() for char in word) else 1.0


def trust_of(
    note: str, owners: Sequence[str], outside: Sequence[str], *, touched: bool = False, weight: Weight = default_weight
) -> Trust:
    """Who vouches for it. `owners` and `outside` are the texts in the window, by who said them.

    `touched`: something from outside is in the window that has no text, such as a picture.
    """
    if _is_the_owners(note, owners, outside, weight):
        return "owner"
    return "unreviewed" if touched or outside else "agent"


def share(note: str, texts: Iterable[str], weight: Weight = default_weight) -> float:
    """How much of the note's weight has a word that stands in the texts, 0 to 1."""
    own = dict.fromkeys(words(note))
    there = {word for text in texts for word in words(text)}
    whole = sum(map(weight, own))
    return sum(weight(word) for word in own if word in there) / whole if whole else 0.0


def known_already(note: str, recalled: Iterable[tuple[str, str]], weight: Weight = default_weight) -> str:
    """The id of the recalled note (id, text) that says this already; "" for none."""
    best = max(((share(note, [text], weight), found) for found, text in recalled), default=(0.0, ""))
    return best[1] if best[0] >= KNOWN_SHARE else ""


def _is_the_owners(note: str, owners: Sequence[str], outside: Sequence[str], weight: Weight) -> bool:
    if share(note, owners, weight) < OWNER_SHARE:
        return False
    said = words(note)
    if _runs(said) & (_runs_of(outside) - _runs_of(owners)):
        return False
    # An address, a path or a number is one word among many, and may be all that a quotation is about.
    return not exact_words(note) & (_exact_of(outside) - _exact_of(owners))


def exact_words(text: str) -> frozenset[str]:
    """What must be right to the letter: addresses, paths, host names, numbers."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    pieces = (piece.strip(_SENTENCE_MARKS) for piece in plain.split())
    return frozenset(piece for piece in pieces if _EXACT.search(piece))


def _exact_of(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(piece for text in texts for piece in exact_words(text))


def _runs(said: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(said[at : at + RUN_WORDS]) for at in range(len(said) - RUN_WORDS + 1))


def _runs_of(texts: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(run for text in texts for run in _runs(words(text)))


def _stem(word: str) -> str:
    """Without an English ending: `prefers` and `prefer` are the same word of a person."""
    if not word.isascii():
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


_COMMON_STEMS = frozenset(_stem(word) for word in _COMMON)
