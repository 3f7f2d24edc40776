"""What is to happen in a run of the turn simulator, and the plans that a number stands for."""

import random
from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["ask", "dangerous"]
Along = Literal["", "runners", "spool"]
Deed = Literal["message", "cancel", "pause", "resume"]
Fault = Literal["rate", "break", "end", "silence", "refuse", "foreign"]
Replies = tuple[tuple[str, ...], ...]

FINAL_FAULTS = ("refuse", "foreign")
ACTS = ("look", "peek", "put", "send", "pay", "run")

REPLIES: tuple[Replies, ...] = (
    ((),),
    (("look",),),
    (("put",),),
    (("send",),),
    (("pay",),),
    (("run",),),
    (("send_asked",),),
    (("run_asked",),),
    (("look", "send"),),
    (("run", "pay_asked"),),
    (("look_asked", "look"),),
    (("peek", "peek"),),
    (("send",), ("run",)),
    (("send_asked",), ("send_asked",)),
    (("look", "run_asked"), ("pay", "put")),
    (("peek", "look", "peek", "run", "send"),),
    (("look", "look", "put", "send", "run_asked"),),
    (("run_asked", "look", "look", "send", "pay_asked"),),
    (("look", "put", "send_asked", "pay", "run"),),
    (("send",), ("run_asked", "look"), ("pay",)),
)
"""What the model asks for, one reply after the other; then it says that it is done. `()` is done at once."""


@dataclass(frozen=True)
class End:
    """How a process ends: it dies at its point `at`; with `grace` it gets a stop there, with so many seconds.

    `then`: so many points after it was told to stop it dies all the same.
    """

    at: int
    grace: float | None = None
    then: int | None = None


@dataclass(frozen=True)
class Happening:
    """What a person does when the world comes to the point `at`, counted over all processes."""

    at: int
    deed: Deed
    session: int = 0


@dataclass(frozen=True)
class Plan:
    """What is to happen. A tool's name with `_asked` needs a yes.

    `scripts`: for each session, what its model asks for. `takes_along`: what else a crash destroys. `lose_at`: the
    point where all runners are killed. `faults`: which question to the model, of all that are ever asked, fails, and
    how. `pieces` of text come before each reply. `unanswered`: no person ever says yes or no. `few_steps`: a turn may
    ask for tools only once, and is paused then. `runners_die`: every command loses its runner at once. `remembers`: an
    agent with a memory, whose sessions become long. `seed` is all other chance.
    """

    scripts: tuple[Replies, ...]
    ends: tuple[End, ...] = ()
    takes_along: Along = ""
    happenings: tuple[Happening, ...] = ()
    lose_at: int | None = None
    faults: tuple[tuple[int, Fault], ...] = ()
    pieces: int = 1
    mode: Mode = "ask"
    unanswered: bool = False
    few_steps: bool = False
    runners_die: bool = False
    remembers: bool = False
    seed: int = 0

    def does(self, deed: Deed) -> bool:
        return any(each.deed == deed for each in self.happenings)


def random_plan(number: int) -> Plan:
    """The plan of a case."""
    chance = random.Random(number)
    sessions = chance.choice((1, 1, 1, 2))
    scripts = tuple(chance.choice(REPLIES) for _ in range(sessions))
    size = 12 + 12 * sum(1 + len(calls) for script in scripts for calls in script)
    return Plan(
        scripts=scripts,
        ends=tuple(_end(chance, size) for _ in range(chance.choice((0, 1, 1, 2, 2, 2, 3)))),
        takes_along=chance.choice((*get_args(Along), "")),
        happenings=tuple(_happening(chance, size, sessions) for _ in range(chance.choice((0, 0, 1, 1, 2, 3)))),
        lose_at=chance.choice((None, None, None, chance.randrange(14, 14 + size))),
        faults=_faults(chance),
        pieces=chance.choice((0, 1, 1, 2, 5)),
        mode=chance.choice(("ask", "ask", "ask", "dangerous")),
        unanswered=chance.random() < 0.15,
        few_steps=chance.random() < 0.15,
        seed=number,
    )


LATER = 1_000_000
"""A point that no run comes to: what happens there happens when there is nothing else to do."""


def remembering_plan(number: int) -> Plan:
    """The plan of a case with a memory: a few messages, crashes, cancels and failing models."""
    chance = random.Random(number)
    sessions, messages = chance.choice((1, 1, 2)), chance.choice((3, 5, 8))
    size = 40 * messages
    later = [Happening(LATER + at, "message", at % sessions) for at in range(sessions * messages)]
    return Plan(
        scripts=(((),),) * sessions,
        ends=tuple(_end(chance, size) for _ in range(chance.choice((0, 1, 2, 2, 3)))),
        happenings=(*(_happening(chance, size, sessions) for _ in range(chance.choice((0, 0, 1, 2)))), *later),
        faults=_faults(chance),
        remembers=True,
        seed=number,
    )


def _end(chance: random.Random, size: int) -> End:
    at = chance.randrange(1, size)
    if chance.random() < 0.7:
        return End(at)
    return End(at, chance.choice((0.0, 0.5, 5.0, 60.0)), chance.choice((None, None, chance.randrange(1, 6))))


def _happening(chance: random.Random, size: int, sessions: int) -> Happening:
    deed: Deed = chance.choice(("message", "message", "cancel", "pause", "resume"))
    return Happening(chance.randrange(8, 8 + size), deed, chance.randrange(sessions))


def _faults(chance: random.Random) -> tuple[tuple[int, Fault], ...]:
    if chance.random() < 0.6:
        return ()
    first, kinds = chance.randrange(1, 5), get_args(Fault)
    if chance.random() < 0.2:
        # More failures in a row than a turn bears.
        return tuple((first + each, chance.choice(("rate", "break", "silence"))) for each in range(4))
    return tuple((first + each, chance.choice(kinds)) for each in range(chance.choice((1, 1, 2))))
