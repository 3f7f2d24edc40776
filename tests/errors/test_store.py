"""What errors of the store say, and which part of a damaged log can be shared."""

import pytest

from duragent.errors import Damaged, LogChanged, SessionsLocked, StoreError, UnsafeFileSystem, WorkspaceLocked


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (WorkspaceLocked("/w", "pid 7"), "workspace /w is held by pid 7"),
        (SessionsLocked("/w/sessions", "pid 7"), "the sessions folder /w/sessions is held by pid 7"),
        (LogChanged("s1", "it is shorter"), "the log of session 's1' was changed while it was in use: it is shorter"),
        (Damaged("s1", "events.jsonl", 3, "no JSON", 2),
         "session 's1' is damaged at events.jsonl:3: no JSON; it is read-only, records 1 to 2 are good"),
        (Damaged("s1", "events.jsonl", 1, "no JSON", 0),
         "session 's1' is damaged at events.jsonl:1: no JSON; it is read-only, no record is good"),
    ],
)  # fmt: skip
def test_an_error_is_one_plain_sentence(error: StoreError, sentence: str) -> None:
    assert str(error) == sentence


def test_a_network_file_system_is_named_with_what_to_do() -> None:
    said = str(UnsafeFileSystem("/mnt/w", "nfs4"))
    assert said.startswith("/mnt/w is on nfs4, a network file system")
    assert "`allow_network_fs: true`" in said


def test_a_lock_of_the_sessions_is_also_one_of_the_workspace() -> None:
    assert isinstance(SessionsLocked("/w/sessions", "pid 7"), WorkspaceLocked)
    assert str(SessionsLocked("/w/sessions", "x")).startswith(SessionsLocked.CLAUSE)


@pytest.mark.parametrize(
    ("file", "of_blob", "shared"), [("events.jsonl", False, 9), ("blobs/ab/cdef", True, 8), ("x/blobs/ab", False, 9)]
)
def test_a_fork_shares_what_lies_before_a_lost_blob(file: str, of_blob: bool, shared: int) -> None:
    damaged = Damaged("s1", file, 1, "is missing", 9)
    assert (damaged.is_of_blob, damaged.shared_seq) == (of_blob, shared)
