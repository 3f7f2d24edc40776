"""The person's pager: which one, and what becomes of the lines where there is none."""

import signal
from pathlib import Path

import pytest

from duragent.cli import pager
from duragent.cli.pager import command, page


@pytest.fixture(autouse=True)
def _at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pager, "on_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for name in ("DURAGENT_PAGER", "PAGER", "LESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environ", "chosen"),
    [
        ({"DURAGENT_PAGER": "most -w", "PAGER": "more"}, "most -w"),
        ({"DURAGENT_PAGER": "", "PAGER": "more"}, "more"),
        ({}, "less"),
        ({"PATH": "/nowhere"}, ""),
        ({"PATH": "/nowhere", "PAGER": "more"}, "more"),
        ({"PAGER": "more", "TERM": "dumb"}, ""),
    ],
)
def test_pager_is_the_persons_own_else_less_where_it_is_there(
    environ: dict[str, str], chosen: str, tmp_path: Path
) -> None:
    less = tmp_path / "less"
    less.touch(0o755)
    assert command({"PATH": str(tmp_path), **environ}) == chosen


def test_lines_are_printed_where_there_is_no_pager(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    page(["one", "two"])
    monkeypatch.setenv("PAGER", "more")
    page(["three"], pager=False)
    assert capsys.readouterr() == ("one\ntwo\nthree\n", "")


def test_pager_gets_the_lines_and_ctrl_c_is_for_it_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen, interrupts = tmp_path / "seen", list[int]()
    monkeypatch.setenv("PAGER", f"(echo $LESS; cat) > {seen}; kill -INT $PPID")
    before = signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        page(["one", "zw\N{LATIN SMALL LETTER O WITH DIAERESIS}lf \ud800"])
        assert (seen.read_text(), interrupts) == ("FRX\none\nzw\N{LATIN SMALL LETTER O WITH DIAERESIS}lf ?\n", [])
        signal.raise_signal(signal.SIGINT)
        assert interrupts == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_pager_that_is_left_early_has_shown_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "true")
    page("x" * 1_000 for _ in range(1_000))
