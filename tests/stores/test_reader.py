"""Which logs there are, what is read of one, and what lies beside them: without a lock, and changing nothing."""

import os
from pathlib import Path

import pytest

from duragent.errors import Damaged, SessionNotFound
from duragent.journal import events as e
from duragent.stores.files.reader import FileLogReader
from tests.support.logs import SESSION, conversation, lines_of, message

OTHER = "session_02other"
LINES = [line for lines in conversation() for line in lines]


def write(root: Path, session_id: str, lines: list[bytes]) -> Path:
    folder = root / session_id
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    return folder


def test_only_folders_with_a_log_or_a_summary_are_listed(tmp_path: Path) -> None:
    write(tmp_path, OTHER, lines_of(1, [message("x")], OTHER))
    write(tmp_path, SESSION, LINES)
    (tmp_path / "session_summed").mkdir()
    (tmp_path / "session_summed" / "state.yaml").touch()
    for name in ("session_empty", ".deleted-session_x", "Odd Name"):
        (tmp_path / name).mkdir()
    reader = FileLogReader(tmp_path)
    assert reader.stream_ids() == [SESSION, OTHER, "session_summed"]
    assert FileLogReader(tmp_path / "absent").stream_ids() == []


def test_last_changed_log_comes_first(tmp_path: Path) -> None:
    for at, name in enumerate(("session_a", "session_b", "session_c")):
        os.utime(write(tmp_path, name, LINES) / "events.jsonl", (at % 2, at % 2))
    assert FileLogReader(tmp_path).last_changed_first() == ["session_b", "session_a", "session_c"]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("session_0", [SESSION, OTHER]),
        ("EMP", ["empty"]),
        (OTHER[-6:].upper(), [OTHER]),
        ("x", []),
        (".", []),
        (SESSION, [SESSION]),
    ],
)
def test_names_are_found_by_any_part_of_them(tmp_path: Path, part: str, names: list[str]) -> None:
    write(tmp_path, SESSION, LINES)
    write(tmp_path, OTHER, LINES)
    (tmp_path / "empty").mkdir()
    (tmp_path / ".deleted-x").mkdir()
    (tmp_path / "session_file").touch()
    assert FileLogReader(tmp_path).named(part) == names
    assert FileLogReader(tmp_path / "absent").named(part) == []


def test_records_and_lines_behind_a_seq(tmp_path: Path) -> None:
    write(tmp_path, SESSION, LINES)
    reader = FileLogReader(tmp_path)
    for after in range(16):
        assert list(reader.lines(SESSION, after)) == LINES[after:]
        assert [record.seq for record in reader.read(SESSION, after)] == list(range(after + 1, 16))


def test_good_records_come_before_the_damage(tmp_path: Path) -> None:
    bad = lines_of(16, [e.Opaque(type="turn_ended", payload={"turn": 7})])
    write(tmp_path, SESSION, [*LINES, *bad])
    reading = FileLogReader(tmp_path).read(SESSION, 13)
    assert [next(reading).seq, next(reading).seq] == [14, 15]
    with pytest.raises(Damaged, match="field turn") as damaged:
        next(reading)
    assert (damaged.value.line, damaged.value.good_seq) == (16, 15)


@pytest.mark.parametrize("name", [OTHER, "..", "../x", "", ".deleted-x"])
def test_log_that_is_not_there_is_not_found(tmp_path: Path, name: str) -> None:
    write(tmp_path, SESSION, LINES)
    reader = FileLogReader(tmp_path)
    for read in (reader.lines, reader.read, reader.pieces):
        with pytest.raises(SessionNotFound):
            list(read(name))


def test_summary_is_the_file_as_it_is(tmp_path: Path) -> None:
    folder = write(tmp_path, SESSION, LINES)
    reader = FileLogReader(tmp_path)
    with pytest.raises(FileNotFoundError):
        reader.summary(SESSION)
    (folder / "state.yaml").write_bytes(b"\xff anything")
    assert reader.summary(SESSION) == b"\xff anything"


def test_what_lies_beside_the_logs_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, SESSION, LINES)
    for name in ("events.damaged-9", "events.damaged-10", "events.torn-3"):
        (folder / name).touch()
    for name in (".deleted-session_b", ".adopted-session_a", ".index.jsonl"):
        (tmp_path / name).mkdir()
    reader = FileLogReader(tmp_path)
    assert reader.repaired(SESSION) == [str(folder / "events.damaged-10"), str(folder / "events.damaged-9")]
    assert reader.leftovers() == [".adopted-session_a", ".deleted-session_b"]


def test_log_of_duragent_rust_is_known_as_such(tmp_path: Path) -> None:
    folder = write(tmp_path, SESSION, LINES)
    assert not FileLogReader(tmp_path).is_legacy(SESSION)
    (folder / "events.jsonl").write_bytes(
        b'{"type":"user_message","timestamp":"2026-02-18T10:00:00Z","seq":7,"content":"hi"}\n'
    )
    assert FileLogReader(tmp_path).is_legacy(SESSION)
