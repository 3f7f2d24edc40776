"""One of a list: what fits, what is shown of it, and the keys, on a real terminal and without one."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth

from duragent.cli.picker import ROWS, PickList, PickRow, ask_line, cut
from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import with_source
from tests.support.terminal import Terminal

SCRIPT = """
import asyncio
from duragent.cli.picker import PickRow, pick
rows = [PickRow("a", "Fix the tests", "idle · 2 minutes ago"), PickRow("b", "Write the page", "waits for you", "01k9"),
        PickRow("c", "Fix the roof")]
print("picked", asyncio.run(pick(rows, "Go on with which session?", keys={"c-x": "deletes"}, begin="b")))
"""
ROW = PickRow


def listed(choices: PickList, width: int = 60, count: int = 10) -> list[str]:
    return [title + facts for _, title, facts in choices.lines(width, count)]


def test_every_word_is_part_of_a_row_that_fits() -> None:
    choices = PickList([ROW("a", "Fix the tests"), ROW("b", "The page", "Fixed"), ROW("c", "Roof", find="fix me, the")])
    choices.move(2)
    choices.filter("FIX the")
    assert [choices.rows[place].value for place in choices.fitting] == ["a", "b", "c"]
    assert choices.chosen == choices.rows[0]
    choices.filter("fix the page")
    assert choices.chosen == choices.rows[1]
    choices.filter("nothing like it")
    choices.move(1)
    assert choices.fitting == []
    assert listed(choices) == []


def test_number_of_a_row_finds_it_first_and_then_what_has_the_digit() -> None:
    choices = PickList([ROW("a", "2 apples"), ROW("b", "pears"), ROW("c", "plums")])
    choices.filter("2")
    assert [choices.rows[place].value for place in choices.fitting] == ["b", "a"]
    for typed in ("0", "4", "-1", "²", "9" * 5000):
        choices.filter(typed)
        assert choices.fitting == [], typed


def test_moving_stops_at_both_ends_and_the_chosen_row_is_always_in_sight() -> None:
    choices = PickList([ROW(str(number), f"row {number}") for number in range(1, 31)])
    choices.move(-1)
    assert listed(choices)[0] == ">  1  row 1"
    for _ in range(40):
        choices.move(1)
        assert sum(chosen for chosen, _, _ in choices.lines(60, ROWS)) == 1
        assert len(choices.lines(60, ROWS)) == ROWS
    assert listed(choices)[-1] == "> 30  row 30"


@pytest.mark.parametrize("width", [10, 40, 80])
def test_row_takes_no_more_cells_than_there_are_and_shows_nothing_that_drives_a_terminal(width: int) -> None:
    title = "\x1b[31mWide 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\u202e" + "long " * 30
    [line] = listed(PickList([ROW("a", title, "waits for you · 3 minutes ago · assistant")]), width)
    assert get_cwidth(line) < width
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert ("waits" in line) == (width > 10)


def test_text_is_cut_by_cells() -> None:
    assert [cut("漢字漢字", width) for width in (8, 7, 4, 1, 0)] == ["漢字漢字", "漢字漢…", "漢…", "…", ""]


def terminal(tmp_path: Path, *environment: str) -> Terminal:
    return Terminal(["env", *environment, sys.executable, "-c", SCRIPT], tmp_path, with_source())


def test_person_types_to_filter_and_moves(tmp_path: Path) -> None:
    with terminal(tmp_path) as at:
        at.expect("Go on with which session")
        at.expect("> 2  Write the page.*waits for you")
        at.expect("Enter takes it · Ctrl-X deletes · Esc leaves")
        at.type("fix")
        at.expect("> 1  Fix the tests")
        at.type("\x1b[B")
        at.expect("> 3  Fix the roof")
        at.type("\x18")
        at.expect(r"picked Picked\(value='c', key='c-x'\)")


def test_keys_that_come_in_one_piece_mean_what_was_typed(tmp_path: Path) -> None:
    with terminal(tmp_path) as at:
        at.expect("find> ")
        at.type("01K9\r")
        at.expect(r"picked Picked\(value='b', key=''\)")


@pytest.mark.parametrize("key", ["\x1b", "\x03", "\x04"])
def test_person_leaves_without_choosing(tmp_path: Path, key: str) -> None:
    with terminal(tmp_path) as at:
        at.expect("find> ")
        at.type("zzz\r")
        at.expect(r"fits\.")  # only what differs from before is drawn
        at.type(key)
        at.expect("picked None")


def test_dumb_terminal_has_numbered_lines(tmp_path: Path) -> None:
    with terminal(tmp_path, "TERM=dumb") as at:
        at.expect("  1  Fix the tests  idle · 2 minutes ago")
        at.expect("Type a number or a part of a line; nothing for none.")
        at.expect("> ")
        at.type("fix\r")
        at.expect("  1  Fix the tests  idle.*  3  Fix the roof")
        at.expect("> ")
        at.type("3\r")
        at.expect(r"picked Picked\(value='c', key=''\)")
        assert "\x1b[" not in at.text


@pytest.mark.parametrize(
    ("line", "picked"), [("2\n", "Picked(value='b', key='')"), ("roof", "Picked(value='c', key='')"), ("", "None")]
)
def test_pipe_gets_the_rows_on_stderr_and_gives_a_line(tmp_path: Path, line: str, picked: str) -> None:
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, input=line, capture_output=True, text=True, cwd=tmp_path, env=with_source())
    assert ran.stdout == f"picked {picked}\n"
    assert ran.stderr.splitlines()[:2] == ["Go on with which session?", "  1  Fix the tests  idle · 2 minutes ago"]


async def test_esc_is_the_pickers_though_a_chat_behind_it_still_waits_for_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
        asked = asyncio.create_task(ask_line("title>"))
        keyboard.send_text("ab\x1b")
        async with asyncio.timeout(LIMIT_SECONDS):
            while not asked.done():
                assert keyboard.flush_keys() == []
                await asyncio.sleep(0)
        assert asked.result() is None
