"""`duragent doctor` of the workspace: may it be used, is there room?"""

import os
from pathlib import Path

import pytest

from duragent.cli.doctor.finding import Diagnosis
from duragent.cli.doctor.workspace import file_system, free_space, unwritable
from tests.cli.commands import Command
from tests.cli.doctor.machine import findings, of


def test_a_workspace_that_was_named_and_is_not_there_is_a_problem(duragent: Command, folder: Path) -> None:
    code, found = findings(duragent, "-w", "nowhere")
    hint = "`duragent init` makes a workspace"
    assert (code, of("workspace", found)) == (1, [("problem", f"{folder}/nowhere is not there", hint)])
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_workspace_that_may_not_be_used_is_a_problem(duragent: Command, folder: Path, mode: int) -> None:
    duragent("init", "--no-interactive")
    (folder / ".duragent").chmod(mode)
    code, found = findings(duragent)
    (folder / ".duragent").chmod(0o700)
    assert code == 1
    assert (
        "problem",
        f"you may not read and write {folder}/.duragent",
        f"`ls -ld {folder}/.duragent` shows whose it is",
    ) in of("workspace", found)


def test_a_workspace_that_is_mounted_read_only_is_told_so(tmp_path: Path) -> None:
    text = f"you may not read and write {tmp_path}"
    assert unwritable(tmp_path) == Diagnosis("workspace", "problem", text, f"`ls -ld {tmp_path}` shows whose it is")
    text = f"{tmp_path} is on a file system that is mounted read-only: sessions can be read, and do not go on"
    assert unwritable(tmp_path, os.ST_RDONLY) == Diagnosis("workspace", "problem", text, "mount it read-write")


@pytest.mark.parametrize(("allowed", "status"), [(False, "problem"), (True, "warning")])
def test_a_network_file_system_is_a_problem_until_it_is_allowed(tmp_path: Path, allowed: bool, status: str) -> None:
    [diagnosis] = file_system(tmp_path, allowed=allowed, mountinfo="36 35 0:1 / / rw - nfs4 host:/export rw")
    text = f"{tmp_path} is on nfs4, a network file system, where locks and fsync cannot be trusted"
    assert (diagnosis.status, diagnosis.text) == (status, text)
    assert list(file_system(tmp_path, allowed=allowed, mountinfo="36 35 0:1 / / rw - ext4 /dev/sda rw")) == []


@pytest.mark.parametrize(("free", "status"), [(1 << 30, "ok"), ((1 << 30) - 1, "warning"), (0, "warning")])
def test_less_than_a_gibibyte_of_room_is_a_warning(free: int, status: str) -> None:
    assert [finding.status for finding in free_space(free)] == [status]
