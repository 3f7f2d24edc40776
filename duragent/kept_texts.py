"""Texts that this process keeps beside the files, only to be faster; all of them can be dropped at once.

The law: what is registered here may be dropped at any time, and a redaction or a forgotten note drops all of it. Which
of them holds the words is never looked for: it would be one more place to get wrong.
"""

import re
from collections.abc import Callable
from typing import Protocol, TypeVar


class ClearedCache(Protocol):
    """As `functools.lru_cache` makes it."""

    def cache_clear(self) -> None:
        """Empty it."""
        ...


_Cache = TypeVar("_Cache", bound=ClearedCache)

# A pattern that was made of the words is kept by `re`.
_DROPS: list[Callable[[], object]] = [re.purge]


def keeps_texts(cache: _Cache) -> _Cache:
    """Stands above `lru_cache` where its arguments or results are texts of sessions or of memories."""
    drops_texts(cache.cache_clear)
    return cache


def drops_texts(drop: Callable[[], object]) -> None:
    """Register what empties a cache that lives as long as the process."""
    _DROPS.append(drop)


def drop_kept_texts() -> None:
    """Empty all of them."""
    for drop in _DROPS:
        drop()
