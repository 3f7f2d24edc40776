"""`duragent session`: listed, shown, renamed and deleted."""

import json
import subprocess

import pytest

from tests.cli.place import DURAGENT, Place
from tests.support.bounds import LIMIT_SECONDS
from tests.support.window import Size, Window


def test_sessions_are_listed_shown_renamed_and_deleted(place: Place) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    prefix = session_id.removeprefix("session_")[:8]
    assert place.run("session", "rename", prefix, "Sums").stdout == f"{session_id}\tSums\n"
    header, row = place.run("session", "list").stdout.splitlines()
    assert header == "session\tagent\tstatus\tupdated\ttitle"
    assert row.split("\t")[:3] == [session_id, "assistant", "idle"]
    assert json.loads(place.run("session", "show", prefix, "--json").stdout)["title"] == "Sums"
    assert "title\tSums\n" in place.run("session", "show", prefix).stdout
    with place.terminal("session", "delete", prefix) as terminal:
        terminal.expect("Delete session_")
        terminal.type("n\n")
        assert terminal.end() == 1
    unasked = place.run("session", "delete", prefix, stdin="y\n")
    assert (unasked.returncode, unasked.stdout) == (2, "")
    assert "--yes is needed" in unasked.stderr
    following = [*DURAGENT, "session", "log", "-f", "--all", session_id]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        following, text=True, cwd=place.folder, env=place.environ, stdout=pipe, stderr=pipe
    ) as follower:
        assert follower.stdout is not None
        for line in follower.stdout:
            if "Sums" in line:
                break
        assert place.run("session", "delete", prefix, "--yes").stdout == f"Deleted {session_id}\n"
        _, told = follower.communicate(timeout=LIMIT_SECONDS)
        assert (follower.returncode, told) == (66, f"duragent: session '{session_id}' was deleted\n")
    assert place.run("session", "show", prefix).returncode == 66


def test_a_status_that_does_not_exist_is_a_fault_of_the_command_line(place: Place) -> None:
    place.run("init", "--no-interactive")
    ran = place.run("session", "list", "--status", "runing")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "'runing' is none of idle, working, waiting, closed, damaged" in " ".join(ran.stderr.split())


def test_sessions_are_listed_by_what_they_do_in_the_words_of_the_list_and_of_the_api(place: Place) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    for status, listed in (("idle", [session_id]), ("active", [session_id]), ("waiting", []), ("closed", [])):
        found = json.loads(place.run("session", "list", "--json", "--status", status).stdout)
        assert [session["session_id"] for session in found] == listed, status


@pytest.mark.parametrize(("size", "head"), [(Size(80, 24), "AGENT"), (Size(40, 20), "STATUS")])
def test_list_leaves_out_what_has_no_room(place: Place, size: Size, head: str) -> None:
    session_id = json.loads(place.run("ask", "assistant", "2+2", "--json").stdout)["session_id"]
    with Window([*DURAGENT, "session", "list"], place.folder, place.environ, size) as window:
        window.find(rf"{session_id[-6:]} +.*2\+2")
        columns = next(line.split() for line in window.lines if "SESSION" in line)
        assert (columns[0], columns[1], columns[-1]) == ("SESSION", head, "TITLE")
        assert not any("…" in line for line in window.lines)
