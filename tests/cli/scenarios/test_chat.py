"""A chat on a terminal, from its first word to the death of its server."""

import json

from tests.cli.place import Place


def test_a_stranger_chats_kills_the_server_in_an_answer_and_the_talk_goes_on(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect(r'No workspace here: made \.duragent/ with one agent, "assistant"\.')
        terminal.expect("using the offline demo model")
        terminal.expect(r"Started a server on 127\.0\.0\.1:\d+ \(stop it with `duragent serve stop`\)\.")
        terminal.expect("assistant · new session  ·  .*demo")
        terminal.type("hello\r")
        terminal.expect("> hello")
        terminal.expect("demo model")
        terminal.type("count to 80\r")
        terminal.expect("writing · ")
        place.kill_server()
        terminal.expect("reconnecting")
        # The new server may take this message before it asks again about the first one, and answer both with one count.
        terminal.type("count to 90\r")
        terminal.expect("The server was gone: started it again")
        terminal.expect("> count to 90")
        terminal.expect("78 79 80")
        terminal.expect("88 89 90")
        terminal.type("\x04")
        terminal.expect(r"Detached\. The session goes on: duragent attach \w{6}\b")
        assert terminal.end() == 0
    [session] = place.sessions()
    said = [record["text"] for record in place.log(session["session_id"]) if record["type"] == "message_received"]
    assert said == ["hello", "count to 80", "count to 90"]


def test_a_chat_ends_when_its_session_is_deleted(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("hello\r")
        terminal.expect("demo model")
        [session_id] = place.ids()
        assert place.run("session", "delete", session_id, "--yes").returncode == 0
        terminal.expect("was deleted")
        assert terminal.end() == 66


def test_two_terminals_on_one_session_see_each_others_messages(place: Place) -> None:
    with place.terminal("chat") as mine:
        mine.expect("Ctrl-D detaches")
        mine.type("hello\r")
        mine.expect("demo model")
        [session_id] = place.ids()
        with place.terminal("attach", session_id[:16], "--as", "Ada") as hers:
            hers.expect("Ctrl-D")
            hers.type("repeat good morning\r")
            mine.expect("Ada> repeat good morning")
            hers.expect("> repeat good morning")
            mine.expect("good morning     ")
            hers.expect("good morning     ")
            hers.type("/quit\r")
            assert hers.end() == 0
    with place.terminal("attach", session_id[-6:]) as later:
        later.expect("Ada> repeat good morning")
        later.expect("good morning     ")


def test_the_server_of_an_open_chat_stops_at_once_when_it_is_told(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("hello\r")
        terminal.expect("demo model")
        stopped = place.run("serve", "stop")
        assert (stopped.returncode, stopped.stdout) == (0, "Stopped.\n")
        terminal.expect("reconnecting")
        terminal.type("/quit\r")
        assert terminal.end() == 0


def test_ctrl_c_stops_the_answer_and_then_says_how_to_leave(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("count to 100\r")
        terminal.expect("writing · ")
        terminal.type("\x03")
        terminal.expect("not finished")
        terminal.expect("Stopped")
        terminal.type("\x03")
        terminal.expect("Ctrl-D leaves")
        terminal.type("/title Numbers\r")
        terminal.expect('is called "Numbers" now')
        terminal.type("/nonsense\r")
        terminal.expect("There is no /nonsense")
        terminal.type("/new\r")
        terminal.expect(r"assistant · new session.*\n.*> ")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert [session["title"] for session in place.sessions()] == ["Numbers"]


def test_an_approval_outlives_the_terminal_and_the_server(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("run touch made\r")
        terminal.expect("● bash  touch made")
        terminal.expect("╔═ approval")
        terminal.expect(r"\[y\] once")
        terminal.type("\x04")
        terminal.expect("Detached")
        assert terminal.end() == 0
    place.kill_server()
    [asked] = json.loads(place.run("approvals", "--json").stdout)
    assert (asked["command"], (place.folder / "made").exists()) == ("touch made", False)
    ran = place.run("approve", asked["session_id"][:20], "--once")
    assert (ran.returncode, (place.folder / "made").exists()) == (0, True)
    assert place.run("approvals").stdout.count("\n") == 1
    log = place.run("session", "log", asked["session_id"]).stdout
    kinds = [line.split()[0] for line in log.splitlines() if line[:1].islower()]
    assert kinds == ["session", "message", "answer", "approval", "decision", "call", "result", "answer"]


def test_a_box_survives_the_death_of_the_server_and_its_key_wakes_another(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.type("run touch made\r")
        terminal.expect(r"\[y\] once")
        place.kill_server()
        terminal.expect("reconnecting")
        terminal.type("y")
        terminal.expect("started it again")
        terminal.expect("allowed it once")
        terminal.expect(r"exit 0 · [\d.]+ s")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert (place.folder / "made").exists()


def test_ten_megabytes_are_pasted_become_a_file_and_the_talk_goes_on(place: Place) -> None:
    with place.terminal("chat") as terminal:
        terminal.expect("Ctrl-D detaches")
        terminal.expect("> ")
        terminal.type("\x1b[200~" + ("x" * 79 + "\n") * 125_000 + "\x1b[201~")
        terminal.expect(r"10\.0 MB are too much for a message\. Ctrl-X f makes a file of it")
        terminal.expect(r"\[pasted 125,000 lines\]")
        terminal.type("\x18f")
        terminal.expect(r"It is the file pasted-1\.txt")
        terminal.type("\r")
        terminal.expect("demo model")
        terminal.type("\x04")
        assert terminal.end() == 0
    assert (place.folder / "pasted-1.txt").stat().st_size == 10_000_000
    [session] = place.sessions()
    assert "pasted-1.txt" in [record.get("text") for record in place.log(session["session_id"])]


def test_chat_begins_with_the_message_of_the_command_line(place: Place) -> None:
    (place.folder / "sum.txt").write_text("one and one\n")
    with place.terminal("chat", "--title", "Sums", "repeat @sum.txt") as terminal:
        terminal.expect(r'new session  ·  "Sums"')
        terminal.expect(r"with sum\.txt \(1 line\)")
        terminal.expect("one and one")
        terminal.type("/retry\r")
        terminal.expect("Another answer, in a session that shares all that was before")
        terminal.expect(r"repeat @sum\.txt")
        terminal.expect("one and one")
        terminal.type("\x04")
        assert terminal.end() == 0
    texts = [
        [record["text"] for record in place.log(session["session_id"]) if record["type"] == "message_received"]
        for session in place.sessions()
    ]
    assert texts == [["repeat @sum.txt\n\nsum.txt:\n```\none and one\n```"]] * 2
