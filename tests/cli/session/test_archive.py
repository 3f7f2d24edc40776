"""`duragent session export|import`: where an archive is written, and who may read it."""

import io
import os
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cli.home import DAMAGED, Home


def test_damaged_session_is_not_exported_and_the_way_out_is_named(home: Home) -> None:
    home.stop()
    home.spoil(6)
    ran = home.run("session", "export", home.first)
    assert (ran.code, ran.out, list(home.folder.glob("*.zip*"))) == (DAMAGED, "", [])
    assert "`duragent doctor` says what is lost, what can be saved, and how." in ran.err


def test_export_replaces_nothing_unasked_and_writes_through_what_is_no_file(home: Home) -> None:
    notes = home.folder / "notes.txt"
    notes.write_text("mine")
    assert home.run("session", "export", home.first).code == 0
    for arguments in (("-o", "notes.txt"), ()):
        ran = home.run("session", "export", home.first, *arguments)
        assert (ran.code, ran.out, "is there already: --force replaces it" in ran.err) == (2, "", True)
    assert notes.read_text() == "mine"
    assert home.run("session", "export", home.first, "-o", "notes.txt", "--force").code == 0
    assert zipfile.is_zipfile(notes)

    link, target = home.folder / "link.zip", home.folder / "target.zip"
    link.symlink_to(target)
    assert home.run("session", "export", home.first, "-o", "link.zip").code == 0
    assert (link.is_symlink(), zipfile.is_zipfile(target)) == (True, True)
    assert home.run("session", "export", home.first, "-o", "link.zip").code == 2
    (home.folder / "full").symlink_to("/dev/full")
    ran = home.run("session", "export", home.first, "-o", "full")
    assert (ran.code, ran.err) == (75, "duragent: full cannot be written: No space left on device\n")
    assert (home.folder / "full").is_symlink()
    assert Path("/dev/full").is_char_device()

    fifo = home.folder / "fifo"
    os.mkfifo(fifo)
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(fifo.read_bytes)
        assert home.run("session", "export", home.first, "-o", "fifo").out == ""
        with zipfile.ZipFile(io.BytesIO(reading.result(20))) as read:
            assert read.read("events.jsonl") == home.log.read_bytes()
    assert fifo.is_fifo()
    assert [each.name for each in home.folder.iterdir() if each.name.endswith(".new")] == []


def test_exports_and_an_older_workspace_are_closed_to_others(home: Home) -> None:
    def mode(name: str) -> int:
        return stat.S_IMODE((home.folder / name).stat().st_mode)

    home.stop()
    assert mode(".duragent") == 0o700
    (home.folder / ".duragent").chmod(0o755)
    (home.folder / ".new.zip.new").touch(0o666)  # An export that was killed has left this.
    (home.folder / "old.zip").touch(0o666)
    before = os.umask(0)
    try:
        assert home.run("session", "export", home.first, "-o", "new.zip").code == 0
        assert home.run("session", "export", home.first, "-o", "old.zip", "--force").code == 0
    finally:
        os.umask(before)
    assert [mode(name) for name in ("new.zip", "old.zip", ".duragent")] == [0o600, 0o600, 0o700]
    log = home.folder / ".duragent" / "logs" / "server.log"
    assert log.read_text().count("was open to other users (mode 755): now only its owner can enter it") == 1
    home.stop()
    home.sessions()
    assert log.read_text().count("was open to other users") == 1
