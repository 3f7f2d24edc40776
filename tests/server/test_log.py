"""The server's log: a line at once, or a line lost, and never an error."""

import logging
from pathlib import Path

import pytest

from duragent.errors import InvalidRequest
from duragent.server.log import StderrHandler, log_to_stderr


def line(text: str) -> logging.LogRecord:
    return logging.LogRecord("duragent", logging.INFO, "", 0, text, None, None)


def test_line_is_written_at_once_and_what_is_no_unicode_is_escaped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        StderrHandler(file).emit(line("täxt \ud800"))
        assert (tmp_path / "log").read_bytes() == "täxt \\ud800\n".encode()


def test_line_for_a_full_disk_or_a_closed_file_is_lost_and_nothing_else_comes_of_it() -> None:
    with open("/dev/full", "wb") as full:
        handler = StderrHandler(full)
        handler.emit(line("lost"))
    handler.emit(line("lost, too"))


@pytest.mark.parametrize("level", ["loud", "", "10", "INFO "])
def test_level_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("DURAGENT_LOG", level)
    with pytest.raises(InvalidRequest, match="is none of DEBUG, INFO, WARNING and ERROR"):
        log_to_stderr()
