"""A summary that a start would believe says what its log adds up to; doctor tells of one that does not."""

from dataclasses import replace
from pathlib import Path

from duragent.cli.doctor.sessions import streams
from duragent.cli.logs import open_streams
from duragent.journal.snapshot import Snapshot
from duragent.mind.kind import MIND, MIND_FOLD
from duragent.streams.agreement import disagrees
from tests.mind.house import mind_house, note

NAME = "mind-ada"


async def test_summary_with_another_state_is_told(tmp_path: Path) -> None:
    async with mind_house(tmp_path) as house:
        await (await house.ada()).remember(note("one"))
    reader, file = open_streams(tmp_path), tmp_path / "streams" / NAME / "state.yaml"
    assert MIND.snapshots is not None
    saved = MIND.snapshots.load(file.read_bytes(), NAME)
    assert saved is not None
    assert not disagrees(reader, NAME, MIND_FOLD)
    assert [each.status for each in streams(tmp_path)] == ["ok"]
    file.write_bytes(MIND.snapshots.dump(Snapshot(replace(saved.state, agent="eve"), saved.last_crc)))
    assert disagrees(reader, NAME, MIND_FOLD)
    assert [each.status for each in streams(tmp_path)] == ["ok", "problem"]
    # One that no start believes does no harm.
    file.write_bytes(b"edited")
    assert not disagrees(reader, NAME, MIND_FOLD)
    file.unlink()
    assert not disagrees(reader, NAME, MIND_FOLD)
