"""`duragent doctor` about sessions: what is whole, what is damaged, and what was left."""

import itertools
import os
import shutil
from pathlib import Path

from duragent.cli.doctor.finding import Diagnosis
from duragent.cli.doctor.sessions import sessions
from duragent.journal import events as e
from tests.stores.test_repair import LINES, make_log
from tests.support.logs import SESSION, lines_of, spoil


async def test_sessions_are_looked_over_and_what_is_damaged_is_named_with_the_way_out(tmp_path: Path) -> None:
    assert list(sessions(tmp_path)) == [Diagnosis("sessions", "ok", "there are none yet")]
    folder = await make_log(tmp_path, 5)
    assert list(sessions(tmp_path)) == [Diagnosis("sessions", "ok", "1 session, all whole")]
    spoil(folder, 8)
    hint = f"`duragent session repair {SESSION}` goes on behind its 7 good records"
    text = f"{SESSION}: events-6.jsonl:3: the checksum does not fit"
    assert list(sessions(tmp_path)) == [
        Diagnosis("sessions", "ok", "0 of 1 whole"),
        Diagnosis("sessions", "problem", text, hint),
    ]
    spoil(folder, 1)
    assert "`duragent session import`" in list(sessions(tmp_path))[1].hint


def test_lost_blobs_what_was_put_aside_and_leftovers_are_told(tmp_path: Path) -> None:
    digest, folder = "0" * 64, tmp_path / SESSION
    folder.mkdir()
    lost = e.ToolFinished(turn="t", call="c", outcome="ok", output_sha256=digest)
    happened = [*LINES[:6], *lines_of(7, [lost])]
    (folder / "events.jsonl").write_bytes(b"".join(happened))
    for number in range(5):
        (folder / f"events.torn-{number}").write_bytes(b"x")
    (tmp_path / ".adopted-session_x").mkdir()
    _, blob, kept, left = list(sessions(tmp_path))
    assert (blob.status, blob.text) == ("problem", f"{SESSION}: blobs/{digest}:1: the blob is absent")
    assert f"`duragent fork {SESSION}@6`" in blob.hint
    assert (kept.status, left.status) == ("note", "note")
    assert kept.text.startswith(f"5 files set aside by a recovery or a repair: {SESSION}/events.torn-0, ")
    assert kept.text.endswith(" and 2 more")
    assert left.text == "left by a deletion or an import that was cut short: .adopted-session_x"


async def test_only_so_many_sessions_are_read_as_a_moment_allows_the_last_changed_first(tmp_path: Path) -> None:
    whole = await make_log(tmp_path / "made")
    root = tmp_path / "sessions"
    for number in range(5):
        (root / f"session_{number}").mkdir(parents=True)
        log = root / f"session_{number}" / "events.jsonl"
        log.write_bytes(b"no log at all\n")
        os.utime(log, (number, number))
    shutil.copytree(whole, root / SESSION)
    seconds = itertools.count()
    counted, *damaged = list(sessions(root, lambda: float(next(seconds))))
    assert (counted.status, counted.text) == ("note", "6 sessions; of the 4 that changed last 1 are whole")
    assert "`duragent session verify`" in counted.hint
    assert [each.text.split(":")[0] for each in damaged] == ["session_4", "session_3", "session_2"]
