"""Languages: what is one word of a text, and which words count as the same.

The law: a text of a note and a question go through the same language, or they do not meet. `en` leaves stems to FTS5's
`porter`; `none` takes words as they are; `cjk` cuts scripts without spaces into pairs of neighbouring characters; every
other language needs the package snowballstemmer (the extra `duragent[languages]`).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import import_module
from importlib.metadata import version
from typing import Any

from duragent.errors import BadInput
from duragent.kept_texts import keeps_texts
from duragent.memory.stop_words import STOP_WORDS

_CODES = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "da": "danish", "nl": "dutch", "eo": "esperanto",
    "et": "estonian", "fi": "finnish", "fr": "french", "de": "german", "el": "greek", "hi": "hindi", "hu": "hungarian",
    "id": "indonesian", "ga": "irish", "it": "italian", "lt": "lithuanian", "ne": "nepali", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish", "sv": "swedish",
    "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""What snowballstemmer calls the languages."""

WORD = re.compile(r"[^\W_]+")
"""What FTS5's `unicode61` takes for one word, or nearly so."""
_PLAIN = re.compile("[^\\W_]+(?:['\u2019-][^\\W_]+)*")
_AROUND_LEFT, _AROUND_RIGHT = "([{<\"'`*\u201e\u201c\u201d\u2018\u00ab", ".,;:!?)]}>\"'`*\u201c\u201d\u2019\u2026\u00bb"
_WHOLE_MAX = 200
_KANJI = "\u3400-\u9fff\uf900-\ufaff\u3005\U00020000-\U0003ffff"
_KATAKANA, _HIRAGANA, _HANGUL = "\u30a0-\u30ff\uff66-\uff9f", "\u3040-\u309f", "\uac00-\ud7a3"
_SPACELESS = _KANJI + _KATAKANA + _HIRAGANA + _HANGUL
_RUN = re.compile(f"[{_KANJI}]+|[{_KATAKANA}]+|[{_HANGUL}]+|[{_HIRAGANA}]+|[^\\W_{_SPACELESS}]+")
_OF_PAIRS = re.compile(f"[{_SPACELESS}]")
_OF_HIRAGANA = re.compile(f"[{_HIRAGANA}]+")


@dataclass(frozen=True, slots=True)
class Language:
    """How texts of one language become words."""

    name: str
    """As `spec.memory.language` has it."""
    tokenizer: str
    """FTS5's, for what `indexed` gives."""
    most_words: int
    """How many words of a question are searched for."""
    indexed: Callable[[str], str]
    """The text as FTS5 gets it, without whole pieces."""
    tokens: Callable[[str], list[tuple[str, str]]]
    """The words of a text, each as written and as FTS5 gets it."""
    stops: frozenset[str]
    """Words as written, in lower case, that a question does without."""
    ending: int | None
    """Words of the same term begin with all of it but so many letters, two at least, as far as they are ASCII; None
    where that is not so."""
    rev: str
    """Changes when the same text would be cut in another way."""


def language(name: str) -> Language:
    """The language of a setting. Raises BadInput, with what to do, for one that is not there."""
    if name in ("en", "none"):
        tokenizer = "porter unicode61 remove_diacritics 2" if name == "en" else _PLAIN_TOKENIZER
        return Language(name, tokenizer, 5, _as_it_is, _plain_tokens, STOP_WORDS.get(name, frozenset()), 2, f"{name}/1")
    if name == "cjk":
        return Language(name, _PLAIN_TOKENIZER, 12, _in_pairs, _pair_tokens, frozenset(), None, "cjk/1")
    return _of_snowball(name)


_ALL = 1_000
"""Longer than any term."""
_PLAIN_TOKENIZER = "unicode61 remove_diacritics 2"


def _as_it_is(text: str) -> str:
    return text


def _plain_tokens(text: str) -> list[tuple[str, str]]:
    return [(word, word) for word in WORD.findall(text.lower())]


@cache
def _of_snowball(name: str) -> Language:
    try:
        # By its name: it may not be there, and has no types.
        snowballstemmer: Any = import_module("snowballstemmer")
    except ImportError:
        raise BadInput(
            f"spec.memory.language {name!r} needs the package snowballstemmer, which is not installed; install "
            "duragent[languages], or use en, none or cjk"
        ) from None
    known = _CODES.get(name, name)
    if known not in snowballstemmer.algorithms():
        codes = ", ".join(sorted(code for code, full in _CODES.items() if full in snowballstemmer.algorithms()))
        raise BadInput(f"spec.memory.language {name!r} is not known; use en, none, cjk or one of {codes}")
    stem = keeps_texts(lru_cache(maxsize=65_536)(snowballstemmer.stemmer(known).stemWord))

    def tokens(text: str) -> list[tuple[str, str]]:
        return [(word, stem(word)) for word in WORD.findall(text.lower())]

    def indexed(text: str) -> str:
        return " ".join([stem(word) for word in WORD.findall(text.lower())])

    stops = STOP_WORDS.get(name, frozenset())
    return Language(name, _PLAIN_TOKENIZER, 5, indexed, tokens, stops, _ALL, f"{known}/{version('snowballstemmer')}/1")


# --- scripts without spaces ------------------------------------------------------------------------------------------


def _pieces(run: str) -> Iterator[str]:
    if len(run) == 1 or not _OF_PAIRS.match(run):
        yield run
    else:
        yield from (run[at : at + 2] for at in range(len(run) - 1))


def _in_pairs(text: str) -> str:
    return " ".join([piece for run in _RUN.findall(text.lower()) for piece in _pieces(run)])


def _pair_tokens(text: str) -> list[tuple[str, str]]:
    """Endings and particles stand in hiragana, so that runs of it count only where there is nothing else."""
    runs = _RUN.findall(text.lower())
    telling = [run for run in runs if not _OF_HIRAGANA.fullmatch(run)]
    return [(piece, piece) for run in telling or runs for piece in _pieces(run)]


# --- what is written in one piece ------------------------------------------------------------------------------------


def wholes(text: str) -> list[tuple[str, str]]:
    """Paths, versions, names such as `C++` or `a_b`, each as written and as one word for FTS5, which would cut it."""
    found = []
    for piece in text.split():
        if piece.isalnum():
            continue
        piece = piece.lstrip(_AROUND_LEFT).rstrip(_AROUND_RIGHT).lower()
        if 1 < len(piece) <= _WHOLE_MAX and not piece.isalnum() and WORD.search(piece) and not _PLAIN.fullmatch(piece):
            found.append((piece, _whole_token(piece)))
    return found


@keeps_texts
@lru_cache(maxsize=65_536)
def _whole_token(piece: str) -> str:
    # Digits alone, because a stemmer would take letters at the end for an ending.
    return f"zq{int.from_bytes(blake2b(piece.encode('utf-8', 'surrogatepass'), digest_size=8).digest())}"
