"""The end of a server: every wait that could last is put into `ends()`, and `begin()` ends them all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from duragent.errors import Stopping


class Stop:
    """Whether the server stops, and what has to end then."""

    def __init__(self) -> None:
        self.begun = False
        self._scopes: set[asyncio.Timeout] = set()

    def begin(self) -> None:
        """Ends all that is in `ends()` now, and all that comes later. May be called again."""
        self.begun = True
        for scope in self._scopes:
            end(scope)

    @contextlib.asynccontextmanager
    async def ends(self) -> AsyncIterator[asyncio.Timeout]:
        """The block runs as long as it likes, but when the server stops it is cancelled and raises Stopping.

        The scope is for others who may `end` the block: then it raises TimeoutError.
        """
        if self.begun:
            raise Stopping
        try:
            async with asyncio.timeout(None) as scope:
                self._scopes.add(scope)
                try:
                    yield scope
                finally:
                    self._scopes.discard(scope)
        except TimeoutError:
            if self.begun:
                raise Stopping from None
            raise


def end(scope: asyncio.Timeout) -> None:
    """Cancel the block of a scope now. May be called again."""
    if scope.when() is None:
        scope.reschedule(asyncio.get_running_loop().time())
