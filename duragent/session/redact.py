"""A session's log is written again without texts that a person wants gone. The session stands still meanwhile.

The law: the new log is whole before it takes the place of the old one, and has one record more, which says what
changed. Nothing else of the old log is kept: no summary, no output in progress, no bytes that a recovery had set aside.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from duragent.errors import Damaged, InvalidRequest, NothingToRedact
from duragent.journal.detach import closing
from duragent.journal.events import FORGOTTEN, HistoryRedacted, HistorySummarised, RecordPinned, TextForgotten
from duragent.journal.line import last_seq, split_lines
from duragent.journal.record import Record, blob_names, blobs_of, crc_seed, decode, encode
from duragent.journal.redaction import MATCH_MIN, Redaction
from duragent.journal.scan import ends_group
from duragent.journal.state import SessionState
from duragent.kept_texts import drop_kept_texts
from duragent.session.log_reader import LogReader
from duragent.session.tasks import best_effort
from duragent.shield import shielded

if TYPE_CHECKING:
    from duragent.session.sessions import Sessions

AT_ONCE = 256
"""Lines that are written at once, and more where a group is longer."""
SEQS_AT_ONCE = 10_000
"""So many records are named by one `history_redacted`; more become several."""
SHOWN = 5
"""So many records are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Redact:
    """A request to take texts out of a session's log."""

    wanted: Redaction
    """What is to go."""
    by: str = ""
    """The name of the person, for the log."""
    reason: str = ""
    """Why, as a sentence."""
    dry_run: bool = False
    """Only say what would go."""

    def must_be_clear(self) -> None:
        """Raises InvalidRequest when it says nothing, or words that are in everything."""
        words = "".join(self.wanted.match.split())
        if bool(self.wanted.match) == bool(self.wanted.seqs):
            raise InvalidRequest("say either the words that are to go, or the records")
        if self.wanted.match and len(words) < MATCH_MIN:
            raise InvalidRequest(f"the words must have {MATCH_MIN} characters at least")


@dataclass(frozen=True, slots=True)
class RedactedLog:
    """What a redaction did, or would do."""

    seqs: tuple[int, ...]
    """The records that change."""
    left: tuple[str, ...] = ()
    """Where it is not taken away, as sentences for people."""


async def redact(sessions: "Sessions", session_id: str, asked: Redact) -> RedactedLog:
    """Take texts out of a session's log, for good; a person has asked for it. Durable on return, or nothing changed.

    Raises NotNow while anything is under way, NothingToRedact, InvalidRequest, Damaged, StoreFull.
    """
    asked.must_be_clear()
    made = await shielded(sessions.live.redact(await sessions.live.open(session_id), asked))
    drop_kept_texts()
    if not asked.dry_run:
        # The saved list has titles and what sessions are about.
        await best_effort(sessions.housekeeping.tick_index())
    return replace(made, left=(*made.left, *_copies(await sessions.state(session_id), sessions.index.states())))


def _copies(state: SessionState, others: Iterable[SessionState]) -> list[str]:
    """Sessions that share a past with this one, as sentences for people."""
    parent = (state.parent or "").partition("@")[0]
    children = [each.session_id for each in others if (each.parent or "").startswith(f"{state.session_id}@")]
    left = [f"{parent}, of which it is a fork, has its own copy"] if parent else []
    return [*left, *(f"{child}, a fork of it, has its own copy" for child in children)]


@dataclass(slots=True)
class LogRedaction:
    """One log on its way: `plan`, then `lines` and `blobs` for `Store.replace`."""

    log: LogReader
    state: SessionState
    asked: Redact
    ts: str
    """The time of the records that are added."""
    seqs: list[int] = field(default_factory=list, init=False)
    """The records that change: known after `plan`."""
    unreached: list[int] = field(default_factory=list, init=False)
    """Records that hold the words in a field that is needed as it is: known after `plan`."""
    _wanted: Redaction = field(init=False)
    _forgotten: set[str] = field(default_factory=set, init=False)
    _gone: dict[str, bool] = field(default_factory=dict, init=False)
    _kept: set[str] = field(default_factory=set, init=False)
    _made: dict[str, bytes] = field(default_factory=dict, init=False)

    async def plan(self) -> None:
        """Look at every record.

        Raises NothingToRedact when none would change, InvalidRequest for a seq that is not there.
        """
        if unknown := [seq for seq in self.asked.wanted.seqs if not 1 <= seq <= self.state.seq]:
            raise InvalidRequest(f"the session has the records 1 to {self.state.seq}, not {min(unknown)}")
        whole = self.asked.wanted.seqs
        async for block in self._blocks():
            for line in split_lines(block):
                record = decode(line, self._seed)
                if isinstance(record.event, TextForgotten):
                    self._forgotten |= {each.sha256 for each in record.event.fields}
                elif _repeats(record, whole):
                    whole |= {record.seq}
        self._wanted = replace(self.asked.wanted, seqs=whole)
        async for block in self._blocks():
            for line, before, after in await self._redacted(block):
                if after is not None:
                    self.seqs.append(before.seq)
                text = (encode(after, self._seed).line if after else line).decode("utf-8", "replace")
                if self.asked.wanted.finds(text):
                    self.unreached.append(before.seq)
        if not self.seqs:
            raise NothingToRedact("no record has that: nothing was changed")

    async def lines(self) -> AsyncIterator[Sequence[bytes]]:
        """The lines of the new log, never a group in two pieces."""
        together = list[bytes]()
        async for block in self._blocks():
            for line, before, after in await self._redacted(block):
                encoded = None if after is None else encode(after, self._seed)
                together.append(line + b"\n" if encoded is None else encoded.line)
                self._made |= encoded.blobs if encoded else {}
                self._kept |= blobs_of(together[-1], (after or before).event)
                if len(together) >= AT_ONCE and ends_group(before):
                    yield together
                    together = []
        starts = range(0, len(self.seqs), SEQS_AT_ONCE)
        told = [
            HistoryRedacted(seqs=tuple(self.seqs[at : at + SEQS_AT_ONCE]), by=self.asked.by, reason=self._reason())
            for at in starts
        ]
        yield [*together, *closing(self.state, told, self.ts)[0]]

    @property
    def left(self) -> tuple[str, ...]:
        """Where the words stay, as sentences for people: known after `plan`."""
        if not self.unreached:
            return ()
        shown = ", ".join(map(str, self.unreached[:SHOWN])) + (", …" if len(self.unreached) > SHOWN else "")
        return (f"the words also stand in fields that are no texts, in the records {shown} of the session",)

    def _reason(self) -> str:
        return self.asked.wanted.without(self.asked.reason)

    async def blobs(self) -> AsyncIterator[tuple[str, bytes]]:
        """The blobs that the new lines refer to; read when `lines` is at its end."""
        for name in sorted(self._kept - self._forgotten):
            yield name, self._made[name] if name in self._made else await self.log.blob(name)

    @property
    def _seed(self) -> int:
        return crc_seed(self.state.session_id)

    async def _blocks(self) -> AsyncIterator[bytes]:
        after = 0
        while after < self.state.seq and (lines := await self.log.lines(after, AT_ONCE)):
            yield lines
            # Not the number of lines: the beginning of a log of duragent-rust may have been compacted away.
            after = last_seq(lines)

    async def _redacted(self, block: bytes) -> list[tuple[bytes, Record, Record | None]]:
        """For each line the record as it is, and as it becomes; None when it stays."""
        texts = {name: await self._text(name) for name in blob_names(block)}
        for line in split_lines(block):
            for name in blobs_of(line, decode(line, self._seed).event) - self._gone.keys():
                data = texts.get(name) or await self._text(name)
                self._gone[name] = await asyncio.to_thread(self.asked.wanted.finds_in, data)
        return await asyncio.to_thread(self._decided, block, texts)

    async def _text(self, name: str) -> bytes:
        try:
            return await self.log.blob(name)
        except Damaged:
            if name not in self._forgotten:
                raise
            return FORGOTTEN.encode()

    def _decided(self, block: bytes, texts: dict[str, bytes]) -> list[tuple[bytes, Record, Record | None]]:
        found = []
        for line in split_lines(block):
            record = decode(line, self._seed, texts.__getitem__)
            found.append((line, record, self._wanted.record(record, lambda name: self._gone.get(name, False))))
        return found


def _repeats(record: Record, whole: Collection[int]) -> bool:
    """Whether a record was made of records that go, by code or by a model."""
    match record.event:
        case HistorySummarised(first_seq=first, last_seq=last):
            return any(first <= seq <= last for seq in whole)
        case RecordPinned(record=pinned):
            return pinned in whole
        case _:
            return False
