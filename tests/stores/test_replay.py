"""The fold of a stored log is the state that its session had, at any record; and a summary that differs is told."""

from pathlib import Path

import pytest

from duragent.stores.files.reader import FileLogReader
from duragent.stores.replay import differences, replay, saved_snapshot
from tests.stores.test_repair import make_log, write_snapshot
from tests.support.logs import SESSION
from tests.support.places import GOLDEN

OLD_LOG = GOLDEN / "duragent-rust-v0.5.jsonl"


@pytest.mark.parametrize("events", [3, 100])
async def test_fold_up_to_any_record_is_the_state_that_it_had(tmp_path: Path, events: int) -> None:
    folder = await make_log(tmp_path, events)
    for seq in range(1, 16):
        write_snapshot(folder, seq)
        saved = saved_snapshot(FileLogReader(tmp_path), SESSION)
        found = replay(FileLogReader(tmp_path), SESSION, seq)
        assert saved is not None
        assert (found.state, found.last_crc) == (saved.state, saved.last_crc)
        assert differences(found, (folder / "state.yaml").read_bytes()) == []


async def test_each_edited_field_of_a_summary_is_a_difference(tmp_path: Path) -> None:
    folder = await make_log(tmp_path)
    write_snapshot(folder, 15)
    path = folder / "state.yaml"
    text = path.read_text()
    assert 'title: "Files"' in text
    path.write_text(text.replace('title: "Files"', 'title: "Mine"').replace("closed: true", "closed: maybe"))
    assert saved_snapshot(FileLogReader(tmp_path), SESSION) is None
    found = differences(replay(FileLogReader(tmp_path), SESSION), path.read_bytes())
    assert ("title", "Files", "Mine") in found
    assert {key for key, _, _ in found} == {"title", "closed"} - ({"closed"} if "closed: true" not in text else set())
    path.write_bytes(b"\xff\x00 no summary at all")
    assert len(differences(replay(FileLogReader(tmp_path), SESSION), path.read_bytes())) > 5
