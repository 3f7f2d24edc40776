"""What goes on beside turns, performed: undos, and commands of people. `journal.beside_turns` says what comes next.

As with turns, recovery needs nothing else: what a crash has left open is the next thing to do.
"""

import asyncio
import logging
from typing import assert_never

from duragent.errors import SessionDeleted, StoreError, StoreFull, Unavailable
from duragent.journal.beside_turns import Aside, FinishCommand, FinishUndo, next_aside, wound_up
from duragent.text import without_surrogates
from duragent.turn.host import TurnHost
from duragent.turn.persons_command import PersonsCommand
from duragent.turn.ports import Ports
from duragent.turn.undo import finish_undo

_log = logging.getLogger(__name__)


class Asides:
    """Performs what goes on beside one session's turns."""

    def __init__(self, host: TurnHost, ports: Ports) -> None:
        self._host, self._ports = host, ports
        self._changed = asyncio.Event()
        self._command = PersonsCommand(host, ports, self._changed)

    def next(self) -> Aside | None:
        """What to do now; None when there is nothing, or the session can do nothing more."""
        return next_aside(self._host.state) if self._host.can_work else None

    def look_again(self) -> None:
        """What is under way looks whether it must stop."""
        self._changed.set()

    async def run(self) -> None:
        """Do one thing after another until there is none. Raises what the log raises when it cannot go on."""
        while aside := self.next():
            try:
                await self._perform_or_give_up(aside)
            except (StoreFull, Unavailable) as error:
                await self._host.wait_for_store(error)

    async def _perform_or_give_up(self, aside: Aside) -> None:
        """Do it. An unexpected exception is its end; otherwise it would stay open for ever."""
        try:
            match aside:
                case FinishUndo():
                    await finish_undo(self._host, self._ports, aside.undo)
                case FinishCommand():
                    await self._command.finish(aside.command)
                case _:
                    assert_never(aside)
        except (StoreError, SessionDeleted):
            raise
        except Exception as error:
            _log.exception("%s failed in an unexpected way", aside)
            await self.abandon()
            why = without_surrogates(f"unexpected {type(error).__name__}: {error}")
            await self._host.commit(lambda state: wound_up(state, why))

    async def abandon(self) -> None:
        """End the command that runs, with what it left."""
        if self._host.state.commanding is not None:
            await self._command.abandon(self._host.state.commanding)
