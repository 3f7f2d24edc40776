"""Which session a person means by a part of an id."""

from tests.cli.home import Home


def test_which_session_is_meant_and_which_record_is_said_in_plain_words(home: Home) -> None:
    for command in (("log",), ("verify",), ("export",), ("show",), ("repair", "--yes")):
        ran = home.run("session", *command, f"{home.short}@3")
        assert (ran.code, ran.out) == (2, ""), command
        assert "only `duragent fork`, `replay`, `undo` and `diff` take a record behind @" in ran.err
    for part in (home.first[-6:], home.first[-6:].upper(), home.first[10:20], home.first):
        assert home.run("session", "show", part).out.startswith(f"session\t{home.first}\n"), part
        assert home.run("replay", part).code == 0, part
    shown = home.run("session", "log", home.first).out
    last = home.run("session", "log", home.first, "-n", "1").out
    assert last.startswith("answer ")
    assert shown.endswith(last)
    assert len(home.run("session", "log", home.first, "-n", "2", "--json").out.splitlines()) == 2

    made = [home.first, *(home.run("fork", home.first).out.strip() for _ in range(5))]
    ran = home.run("session", "show", "session_")
    assert (ran.code, ran.err.startswith("duragent: 'session_' fits several sessions: ")) == (2, True)
    assert ran.err.splitlines()[0].endswith(", …")
    ran = home.run("session", "log", "session_")
    assert ran.err.splitlines()[0] == f"duragent: 'session_' fits 6 sessions: {', '.join(sorted(made)[:5])}, …"

    for name in ("fork", "replay"):
        usage = home.run(name, "--help").out
        assert (" {ID@SEQ}\n" in usage, "@SEQ, if given" in " ".join(usage.split())) == (True, True)
        words = {"COMP_WORDS": f"duragent {name} {home.first[:-1]}", "COMP_CWORD": "2"}
        completed = home.program(name, more={"_DURAGENT_COMPLETE": "complete_bash", **words})
        assert completed.stdout.decode().split() == [home.first]
    assert " [ID]...\n" in home.run("session", "verify", "--help").out
