"""A log on its way: what is handed on together, what is noted, and what is refused."""

from collections.abc import AsyncIterator, Sequence

import pytest

from duragent.errors import Damaged
from duragent.journal import events as e
from duragent.journal.line import checked_seq, split_lines, tx_of
from duragent.journal.record import crc_seed, decode
from duragent.transfer.log_copy import CopySource, LogCopy
from tests.support.logs import SESSION, TS, conversation, lines_of, message

OTHER = "session_02copy"
BY = CopySource("the session was copied", TS, "node-2")
APPENDS = conversation()[:-2]
"""A conversation whose only turn has ended, so that nothing is wound up: 13 records."""


async def blocks(appends: Sequence[Sequence[bytes]]) -> AsyncIterator[bytes]:
    for lines in appends:
        yield b"".join(lines)


async def copied(copy: LogCopy, appends: Sequence[Sequence[bytes]]) -> list[Sequence[bytes]]:
    return [block async for block in copy.lines(blocks(appends))]


async def test_log_under_its_own_id_stays_byte_for_byte() -> None:
    copy = LogCopy(SESSION, SESSION, BY)
    (block,) = await copied(copy, APPENDS)
    assert list(block) == [line for lines in APPENDS for line in lines]
    assert (copy.state.seq, copy.closed_seq, copy.tx) == (13, 0, None)


async def test_log_under_another_id_is_bound_to_it_line_by_line() -> None:
    copy = LogCopy(SESSION, OTHER, BY)
    (block,) = await copied(copy, APPENDS)
    seed = crc_seed(OTHER)
    assert [checked_seq(line[:-1], seed) for line in block] == list(range(1, 14))
    assert {tx_of(line[:-1]) for line in block} == {None}
    assert [decode(line, seed).event for line in block] == [
        decode(line, crc_seed(SESSION)).event for lines in APPENDS for line in lines
    ]


async def test_open_turn_is_wound_up_by_a_group_of_its_own() -> None:
    copy = LogCopy(SESSION, SESSION, BY)
    (block,) = await copied(copy, APPENDS[:5])
    added = [decode(line, crc_seed(SESSION)) for line in block[7:]]
    assert [type(record.event) for record in added] == [
        e.OwnerClaimed, e.ToolFinished, e.ToolFinished, e.TurnEnded
    ]  # fmt: skip
    assert [record.tx for record in added] == [f"{at}/4" for at in range(1, 5)]
    assert (copy.state.seq, copy.state.turn) == (11, None)


async def test_first_record_is_changed_and_what_follows_is_added() -> None:
    def first(created: e.SessionCreated) -> e.SessionCreated:
        return created.model_copy(update={"parent": f"{SESSION}@1"})

    copy = LogCopy(SESSION, OTHER, BY, first, [e.SessionRenamed(title="Mine")])
    (block,) = await copied(copy, APPENDS[:1])
    assert [decode(line, crc_seed(OTHER)).event for line in block] == [
        e.SessionCreated(agent="assistant", parent=f"{SESSION}@1"),
        e.OwnerClaimed(epoch=1, node="node-2"),
        e.SessionRenamed(title="Mine"),
    ]
    assert (copy.state.parent, copy.state.title) == (f"{SESSION}@1", "Mine")


@pytest.mark.parametrize(
    ("appends", "at", "problem"),
    [
        ([APPENDS[0], APPENDS[2]], 2, "record 5 follows record 1"),
        ([APPENDS[0], APPENDS[1][1:]], 2, "it is not of the group"),
        ([APPENDS[0], [APPENDS[1][0].replace(b"n1", b"n2")]], 2, "the checksum does not fit"),
        ([lines_of(1, [e.SessionCreated(agent="a")], OTHER)], 1, "the checksum does not fit"),
    ],
)
async def test_line_that_is_not_the_next_good_one_is_damage(appends: list[list[bytes]], at: int, problem: str) -> None:
    copy = LogCopy(SESSION, SESSION, BY)
    with pytest.raises(Damaged) as damaged:
        await copied(copy, appends)
    fault = damaged.value
    assert (fault.session_id, fault.file, fault.line, fault.good_seq) == (SESSION, "events.jsonl", at, at - 1)
    assert fault.problem.startswith(problem)


async def test_group_that_is_too_long_is_refused() -> None:
    group = lines_of(2, [message("x" * 400), message("y" * 400)])
    copy = LogCopy(SESSION, SESSION, BY, together_max_bytes=800)
    with pytest.raises(Damaged, match="record 3 is of a group that is too long"):
        await copied(copy, [APPENDS[0], group])


async def test_group_is_never_handed_on_in_two_pieces() -> None:
    appends = [APPENDS[0], *(lines_of(2 + 3 * at, [message("a"), message("b"), message("c")]) for at in range(200))]
    pieces = await copied(LogCopy(SESSION, SESSION, BY), appends)
    assert len(pieces) > 1
    for piece in pieces[:-1]:
        mark = tx_of(split_lines(piece[-1])[0])
        assert mark is not None
        assert mark[0] == mark[1]
    whole = [line for piece in pieces for line in piece]
    assert whole[:601] == [line for lines in appends for line in lines]


async def test_record_that_closed_the_original_is_noted() -> None:
    copy = LogCopy(SESSION, SESSION, BY)
    await copied(copy, conversation())
    assert copy.closed_seq == 15


async def test_blobs_that_lines_refer_to_are_noted() -> None:
    finished = e.ToolFinished(turn="t", call="c", outcome="ok", output_sha256="ab" * 32)
    copy = LogCopy(SESSION, SESSION, BY)
    await copied(copy, [APPENDS[0], lines_of(2, [finished])])
    assert copy.blobs == {"ab" * 32}
