"""What a summary keeps of a session's work: paths and commands of a zone, against its prose alone.

The law: the zone is as long as those of a session with the default settings, and is about some files and commands; what
is said beside them is of the corpus, with paths of its own. What the summary left out is asked for with one call of
`history`, by the name of its file.
"""

import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence

from duragent.context.tokens import tokens
from duragent.journal.events import (
    Call,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    OwnerClaimed,
    SessionCreated,
    ToolFinished,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record, crc_seed, encode
from duragent.memory.extract import Extract, extract
from duragent.memory.zones import SUMMARY_TOKENS
from duragent.session.session_past import SessionPast
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.history import SEARCH_CHARS
from tests.benchmarks.measure import Bench, Goal, Result, Row
from tests.corpus.load import recall_set
from tests.support.house import open_house

SESSION = "session_zone"
ZONE_TURNS = 20
"""Some 13,000 tokens: a third of what is shown of a session."""

_FILES, _COMMANDS = 10, 6
"""That a piece of work is about; each turn has two of the files and one of the commands."""

_SEED = 11
_TS = "2026-02-01T08:00:00.000Z"
_TOOLS = ("pytest -q", "ruff check", "git diff --stat", "mypy --strict", "wc -l")
_FOLDERS = ("src/parser", "src/store", "tests/unit", "docs/how-to", "tools/release")


async def rows(bench: Bench) -> AsyncIterator[Result]:
    kept: dict[str, list[float]] = {name: [] for name in ("prose", "paths", "commands", "asked")}
    for number in range(bench.effort.of(10, 1)):
        zone = Zone(random.Random(_SEED + number))
        made = extract(zone.records, SUMMARY_TOKENS, tokens)
        whole = f"{made.text}\n{made.facts}"
        kept["prose"].append(share(zone.paths + zone.commands, made.text))
        kept["paths"].append(share(zone.paths, whole))
        kept["commands"].append(share(zone.commands, whole))
        kept["asked"].append(await zone.share_found(bench, number, made))
    against = "the prose of the same summary"
    for name, what, least in (
        ("paths", f"paths of {ZONE_TURNS} turns that are in their summary", 0.6),
        ("commands", f"commands of {ZONE_TURNS} turns that are in their summary", 0.6),
        ("asked", "paths and commands that are in it, or in one call of `history`", 1.0),
    ):
        row = Row("zones", what, against, "share", Goal("ours", "least", least))
        yield Result(row, tuple(kept["prose"]), tuple(kept[name]))


def share(wanted: Sequence[str], text: str) -> float:
    """How many of these stand in the text, word for word."""
    return sum(each in text for each in wanted) / len(wanted)


class Zone:
    """Turns of work: each has a file that a person names, one that the agent reads, and a command."""

    def __init__(self, chance: random.Random) -> None:
        self.paths, self.commands = list[str](), list[str]()
        words = [note.text for note in recall_set("en").notes]
        events: list[Event] = [SessionCreated(agent="assistant", source="http"), OwnerClaimed(epoch=1, node="n")]
        files = [f"{chance.choice(_FOLDERS)}/part_{number}.py" for number in range(_FILES)]
        orders = [f"{chance.choice(_TOOLS)} {chance.choice(_FOLDERS)}/check_{number}.py" for number in range(_COMMANDS)]
        for turn in range(ZONE_TURNS):
            asked, read, command = chance.choice(files), chance.choice(files), chance.choice(orders)
            self.paths += [path for path in (asked, read) if path not in self.paths]
            self.commands += [command] if command not in self.commands else []
            prose = [" ".join(chance.sample(words, 4)) for _ in range(4)]
            events += _turn(turn, len(events) + 1, (asked, read, command), prose)
        self.records = [Record(seq, _TS, event) for seq, event in enumerate(events, 1)]

    async def share_found(self, bench: Bench, number: int, made: Extract) -> float:
        """Of all paths and commands: those in the summary, and those that a search for two of their words brings."""
        store, seed = MemoryStore(), crc_seed(SESSION)
        claim = await store.create(SESSION, [encode(record, seed).line for record in self.records])
        await store.release(claim)
        found, wanted = 0, [*self.paths, *self.commands]
        async with open_house(store, ScriptedModel([]), bench.place(f"zone-{number}")) as house:
            past = SessionPast(house.sessions, SESSION)
            for each in wanted:
                in_summary = each in made.facts or each in made.text
                searched = await past.search([_name_in(each)], 10, SEARCH_CHARS)
                found += in_summary or any(each in text for _, _, text in searched.found)
        return found / len(wanted)


def _name_in(text: str) -> str:
    """What one remembers of a path or of a command: the name of its file."""
    return text.rpartition("/")[2]


def _turn(number: int, message: int, work: tuple[str, str, str], prose: Sequence[str]) -> Iterable[Event]:
    asked, read, command = work
    turn, calls = f"turn_{number}", []
    for tool, arguments in (("read_file", {"path": read}), ("bash", {"command": command})):
        calls.append(Call(call=f"call_{number}_{tool}", tool=tool, arguments=json.dumps(arguments)))
    called = ModelCalled(turn=turn, step=1, attempt=1, epoch=1, model="demo/demo", input_seq=message)
    yield MessageReceived(message_id=f"msg_{number}", text=f"Please look at {asked}. {prose[0]} {prose[1]}")
    yield TurnStarted(turn=turn, trigger=message)
    yield called
    yield ModelReplied(message_id=f"a_{number}", turn=turn, model="demo", text=prose[2], calls=tuple(calls))
    for call in calls:
        yield ToolStarted(turn=turn, call=call.call, tool=call.tool, effect="pure", attempt=1, epoch=1)
        details = {"exit_code": number % 2} if call.tool == "bash" else {}
        yield ToolFinished(call=call.call, tool=call.tool, outcome="ok", content=f"{prose[3]} ok", details=details)
    yield called.model_copy(update={"step": 2})
    yield ModelReplied(message_id=f"b_{number}", turn=turn, model="demo", text=f"{prose[2]} It is done. {prose[1]}")
    yield TurnEnded(turn=turn, outcome="completed")
