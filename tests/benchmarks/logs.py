"""Sessions of any length, written straight to the disk as the product would have left them, in seconds.

Lines are made from templates that `journal.record.encode` wrote once; only numbers and checksums differ. So is the
snapshot: the state after one turn, with its counters multiplied. `test_benchmarks.py` holds both against a real fold.
"""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from duragent.clock import SystemClock
from duragent.journal import snapshot
from duragent.journal.apply import reduce
from duragent.journal.events import (
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    OwnerClaimed,
    SessionCreated,
    TokenCounts,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.line import crc_of
from duragent.journal.record import Record, crc_seed, encode, timestamp
from duragent.journal.state import SessionState
from duragent.session.index import Row, dump
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore

TURN_RECORDS = 5
_FIRST_RECORDS = 2
MakeTurn = Callable[[int, int], Iterator[bytes]]
"""(number, seq of its first record) -> the lines of a turn."""

_NUMBER, _MESSAGE_SEQ = 123456789, 987654321
_QUESTION = "What did the third station report about the water level on the day before yesterday? Be brief, please."
_ANSWER = "The third station reported a level of 4.20 metres in the morning and 4.35 metres in the evening. " * 3


def _turn(number: int, message_seq: int) -> tuple[Event, ...]:
    turn = f"turn_{number:09d}"
    return (
        MessageReceived(message_id=f"msg_{number:09d}", text=_QUESTION),
        TurnStarted(turn=turn, trigger=message_seq),
        ModelCalled(
            turn=turn, step=1, attempt=1, epoch=1, model="demo/demo", input_seq=message_seq, estimated_tokens=90
        ),
        ModelReplied(
            message_id=f"msg_1{number:09d}",
            turn=turn,
            model="demo",
            text=_ANSWER,
            usage=TokenCounts(input=90, output=60),
        ),
        TurnEnded(turn=turn, outcome="completed"),
    )


@dataclass(frozen=True)
class Written:
    """A session on the disk: its state, and the size of its log."""

    state: SessionState
    size_bytes: int

    @property
    def session_id(self) -> str:
        return self.state.session_id


class LogMaker:
    """Writes sessions into a folder. All that is in them happened when this was made."""

    def __init__(self, sessions_dir: Path, agent: str = "assistant", records_a_file: int = Rotation().events) -> None:
        self._sessions_dir, self._agent, self._records_a_file = sessions_dir, agent, records_a_file
        self._ts = timestamp(datetime.now(UTC))
        self._templates = [_template(event, self._ts) for event in _turn(_NUMBER, _MESSAGE_SEQ)]
        message_seq = _FIRST_RECORDS + 1
        turn = [Record(seq, self._ts, event) for seq, event in enumerate(_turn(0, message_seq), message_seq)]
        self._after_one = reduce(SessionState(""), [*self._first(), *turn])

    def write(self, records: int) -> Written:
        """A session with at least so many records, idle, with its snapshot; sealed files where the product has them."""
        session_id = SystemClock().new_id("session")
        folder = self._sessions_dir / session_id
        folder.mkdir(parents=True, mode=0o700)
        seed, turns = crc_seed(session_id), -(-(records - _FIRST_RECORDS) // TURN_RECORDS)
        head = [encode(record, seed).line for record in self._first()]
        size, last = self._write(folder, head, lambda number, seq: self._turn_lines(number, seq, seed), turns)
        state = replace(_after(self._after_one, turns), session_id=session_id)
        (folder / "state.yaml").write_bytes(snapshot.dump(snapshot.Snapshot(state, crc_of(last))))
        return Written(state, size)

    def _write(self, folder: Path, head: list[bytes], make: MakeTurn, turns: int) -> tuple[int, bytes]:
        """All files of the log; the size of them, and the last line."""
        seq, size, first = len(head), 0, 1
        waiting, last = list(head), head[-1]
        for number in range(turns):
            waiting += make(number, seq + 1)
            seq += TURN_RECORDS
            if seq - first + 1 >= self._records_a_file and number + 1 < turns:
                size += _put(folder / f"events-{first}.jsonl", waiting)
                first, waiting, last = seq + 1, [], waiting[-1]
        size += _put(folder / "events.jsonl", waiting)
        return size, waiting[-1] if waiting else last

    def _first(self) -> list[Record]:
        created = SessionCreated(agent=self._agent, source="http")
        claimed = OwnerClaimed(epoch=1, node="elsewhere")
        return [Record(1, self._ts, created, "1/2"), Record(2, self._ts, claimed, "2/2")]

    def _turn_lines(self, number: int, seq: int, seed: int) -> Iterator[bytes]:
        values = {b"number": number, b"message": seq, b"seq": seq}
        for template in self._templates:
            head = template % values
            yield b'%b,"crc":"%08x"}\n' % (head, zlib.crc32(head, seed))
            values[b"seq"] += 1


async def write_index(sessions_dir: Path, sessions: Sequence[Written]) -> None:
    """The list of sessions, as a server that stopped would have left it."""
    store = FileStore(sessions_dir)
    try:
        rows = {each.session_id: Row(each.state) for each in sessions}
        marks = [(listed.stream_id, listed.mark) for listed in await store.list_streams()]
        await store.put_index(dump(rows, marks))
    finally:
        store.close()
    # What the kernel has still to write must not be written while something is measured.
    os.sync()


def _template(event: Event, ts: str) -> bytes:
    line = encode(Record(1, ts, event), 0).line.rpartition(b',"crc":')[0]
    assert b"%" not in line
    line = line.replace(b'{"seq":1,', b'{"seq":%(seq)d,', 1)
    line = line.replace(b"msg_1%09d" % _NUMBER, b"msg_1%(number)09d").replace(b"%09d" % _NUMBER, b"%(number)09d")
    return line.replace(b"%d" % _MESSAGE_SEQ, b"%(message)d")


def _put(path: Path, lines: list[bytes]) -> int:
    return path.write_bytes(b"".join(lines))


def _after(one: SessionState, turns: int) -> SessionState:
    """The state after so many turns, when it was `one` after the first."""
    totals = one.totals
    counted = replace(
        totals,
        messages=totals.messages * turns,
        turns=totals.turns * turns,
        input_tokens=totals.input_tokens * turns,
        output_tokens=totals.output_tokens * turns,
        unpriced=totals.unpriced * turns,
    )
    coverage = replace(one.viewport.coverage, tokens=one.viewport.coverage.tokens * turns)
    viewport = replace(one.viewport, coverage=coverage)
    return replace(one, seq=_FIRST_RECORDS + TURN_RECORDS * turns, totals=counted, viewport=viewport)
