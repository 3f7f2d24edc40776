"""The files of one call's command, and what can be told from them."""

import json
import os
from pathlib import Path

import pytest

from duragent.process import folder as files
from duragent.process import process_table, runner
from duragent.system.safe_read import OddFile
from tests.support.spools import sh


def test_runner_of_another_boot_is_not_alive_whoever_has_its_number_now() -> None:
    mine = process_table.process(os.getpid())
    assert mine is not None
    claim = files.RunnerClaim(boot=runner.boot_id(), pid=mine.pid, started=mine.started)
    assert files.is_alive(claim)
    assert not files.is_alive(claim.model_copy(update={"boot": "another"}))
    assert not files.is_alive(claim.model_copy(update={"started": mine.started - 1}))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts what is open by Linux's /proc")
def test_folder_in_place_of_a_file_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / runner.SPEC).mkdir()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(OddFile):
        files.look(tmp_path)
    assert os.listdir("/proc/self/fd") == before


def test_end_that_an_older_version_wrote_has_no_limit(tmp_path: Path) -> None:
    (tmp_path / "exit.json").write_text('{"ending": "cancelled", "exit_code": null, "stored": true}')
    found = files.look(tmp_path).finished
    assert (found and found.ending, found and found.limit) == ("cancelled", None)


# --- where a command stands -----------------------------------------------------------------------------------------

BOOT = runner.boot_id()
SPEC = json.dumps({"boot": BOOT})


def claim_text(**more: object) -> str:
    return json.dumps({"boot": BOOT, "pid": files.PID_MAX, "started": 1, **more})


@pytest.mark.parametrize(
    ("contents", "stage"),
    [
        (None, "absent"),
        ({}, "lost"),
        ({"spec.json": SPEC}, "made"),
        ({"spec.json": '{"boot": "another"}'}, "lost"),
        ({"spec.json": "{"}, "lost"),
        ({"spec.json": SPEC, "runner.json": ""}, "claimed"),
        ({"spec.json": SPEC, "runner.json": '{"boot": '}, "claimed"),
        ({"spec.json": SPEC, "runner.json": claim_text()}, "lost"),
        ({"spec.json": SPEC, "runner.json": claim_text(void=True)}, "voided"),
        ({"spec.json": SPEC, "runner.json": claim_text(), "exit.json": '{"ending": "exited"}'}, "ended"),
        ({"exit.json": '{"ending": "timeout"}'}, "ended"),
        ({"spec.json": SPEC, "exit.json": '{"ending": "odd"}'}, "lost"),
        ({"exit.json": '{"ending": "exited", "stdout_bytes": 3}', "stdout.0": "ab"}, "lost"),
        ({"exit.json": '{"ending": "exited", "stdout_bytes": 3}', "stdout.0": "abc"}, "ended"),
        ({"exit.json": '{"ending": "cancelled", "stdout_bytes": 3, "stored": false}', "stdout.0": "ab"}, "ended"),
    ],
)
def test_stage_is_told_from_the_files_alone(tmp_path: Path, contents: dict[str, str] | None, stage: str) -> None:
    folder = tmp_path / "s.c"
    if contents is not None:
        folder.mkdir()
        for name, text in contents.items():
            (folder / name).write_text(text)
    assert files.look(folder).stage == stage


def test_living_runner_is_running(tmp_path: Path) -> None:
    mine = process_table.process(os.getpid())
    assert mine is not None
    (tmp_path / "spec.json").write_text(SPEC)
    (tmp_path / "runner.json").write_text(claim_text(pid=mine.pid, started=mine.started))
    assert files.look(tmp_path).stage == "running"


def test_folder_is_made_once_and_the_first_one_counts(tmp_path: Path) -> None:
    folder = tmp_path / "s.c"
    files.make(folder, sh("echo 1", tmp_path), 1.0)
    files.make(folder, sh("echo 2", tmp_path), 1.0)
    assert json.loads((folder / "spec.json").read_bytes())["argv"][-1] == "echo 1"
    assert [each.name for each in tmp_path.iterdir()] == ["s.c"]


@pytest.mark.parametrize(("cancelled", "stage"), [(False, "voided"), (True, "ended")])
def test_voided_call_never_starts(tmp_path: Path, cancelled: bool, stage: str) -> None:
    folder = tmp_path / "s.c"
    files.make(folder, sh("echo 1", tmp_path), 1.0)
    assert files.void(folder, cancelled=cancelled)
    assert not files.void(folder)
    assert files.look(folder).stage == stage


def test_removed_folder_is_absent(tmp_path: Path) -> None:
    files.make(tmp_path / "s.c", sh("echo 1", tmp_path), 1.0)
    files.remove(tmp_path / "s.c")
    files.remove(tmp_path / "s.c")
    assert list(tmp_path.iterdir()) == []


# --- what it printed ------------------------------------------------------------------------------------------------


def test_tail_reads_on_over_half_characters(tmp_path: Path) -> None:
    tail, euro = files.Tail(tmp_path, "stdout"), "€".encode()
    assert tail.read() == ""
    (tmp_path / "stdout.0").write_bytes(b"one " + euro[:2])
    assert tail.read() == "one "
    (tmp_path / "stdout.0").write_bytes(b"one " + euro + b"\xff")
    assert tail.read() == "€\N{REPLACEMENT CHARACTER}"
    (tmp_path / "stdout.0").write_bytes(b"one " + euro + b"\xff" + euro[:1])
    assert tail.rest() == "\N{REPLACEMENT CHARACTER}"


def test_tail_that_is_far_behind_skips_to_the_newest(tmp_path: Path) -> None:
    size = files.LIVE_BEHIND_BYTES + 1
    (tmp_path / "stdout.0").write_bytes(b"x" * size)
    text = files.Tail(tmp_path, "stdout").read()
    assert text == f"\n[… {size - files.LIVE_BYTES:,} bytes …]\n" + "x" * files.LIVE_BYTES


def test_tail_follows_the_pieces_behind_the_head(tmp_path: Path) -> None:
    (tmp_path / "stdout.0").write_bytes(b"x" * files.HEAD_BYTES)
    tail = files.Tail(tmp_path, "stdout")
    tail.rest()
    (tmp_path / "stdout.1").write_bytes(b"and more")
    assert tail.read() == "and more"
