"""The terminal is asked what it is, and is given back as it was."""

import os
import signal

from tests.cli.place import DURAGENT, Place
from tests.support.window import LIGHT, Size, Window


def window(place: Place, background: str = "") -> Window:
    return Window([*DURAGENT, "chat"], place.folder, place.environ, Size(80, 24), background=background)


def test_a_light_terminal_gets_colours_that_can_be_read_on_it(place: Place) -> None:
    with window(place, LIGHT) as shown:
        shown.see("stops the answer .*>$")
        shown.type("hello\r")
        shown.see("demo model .*>$")
        shown.type("/nonsense\r")
        shown.see("There is no /nonsense")
        shown.settle(lambda: "" if "magenta" in {letter.front for letter in shown.letters} else "no magenta")
        assert not {letter.front for letter in shown.letters} & {"brown", "yellow", "cyan"}
        assert {letter.back for letter in shown.letters} == {"default"}
        shown.type("\x04")
        assert shown.end() == 0
    assert shown.raw.count("\x1b]11;?") == 1
    assert "11;rgb" not in shown.everything


def test_a_terminal_that_is_closed_from_outside_is_given_back(place: Place) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        with window(place) as shown:
            shown.see("stops the answer .*>$")
            os.kill(shown.pid, number)
            assert shown.end() == 0
        assert shown.raw.rfind("\x1b[?1004l") > shown.raw.rfind("\x1b[?1004h") > 0
        assert "Nothing was said" in shown.everything


def test_ctrl_z_gives_the_terminal_back_and_takes_it_again(place: Place) -> None:
    with window(place) as shown:
        shown.see("stops the answer .*>$")
        # There is no shell here that could hold it: it goes on at once.
        shown.type("\x1a")
        shown.until(lambda: shown.raw.count("\x1b[?1004h") == 2, "it is not taken again")
        assert shown.raw.count("\x1b[?1004l") == 1
        shown.type("hello\r")
        shown.see("demo model .*>$")
        shown.type("\x04")
        assert shown.end() == 0


def test_ctrl_o_shows_all_of_what_was_cut_in_the_pager(place: Place) -> None:
    place.environ["DURAGENT_PAGER"] = "sed s/^/paged:/; read answer </dev/tty"
    with window(place) as shown:
        shown.see("stops the answer .*>$")
        shown.type("\x0f")
        shown.see("Nothing was cut")
        shown.type("run seq 1 50\r")
        shown.find("… 46 more lines exit 0 · 50 lines · .*Ctrl-O shows all .*10 more lines.*>$")
        shown.type("\x0f")
        shown.find("paged:● bash seq 1 50 .*paged: 1 paged: 2 .* paged: 50 paged: exit 0")
        # The pager has the terminal: what ends it does not end the chat.
        shown.type("\x03")
        shown.type("\r")
        shown.see("bubblewrap >$|no sandbox >$")
        shown.type("hello\r")
        shown.see("hello .*>$")
        shown.type("\x04")
        assert shown.end() == 0
