"""`duragent session redact`: words or records go for good, after a person has said yes."""

import json

from tests.cli.home import Home


def test_words_are_taken_out_and_what_stays_is_told(home: Home) -> None:
    before = home.log.read_bytes()
    ran = home.run("session", "redact", home.short)
    assert (ran.code, "--match WORDS" in ran.err) == (2, True)
    ran = home.run("session", "redact", home.short, "--match", "hello there", "--yes")
    assert (ran.code, ran.err) == (1, "duragent: no record has that: nothing was changed\n")
    ran = home.run("session", "redact", home.short, "3", "--dry-run")
    assert (ran.code, ran.out) == (0, f"Would redact 1 record (3) of {home.first}\n")
    ran = home.run("session", "redact", home.short, "--match", "repeat hi")
    assert (ran.code, "--yes or --dry-run" in ran.err, home.log.read_bytes() == before) == (2, True, True)
    fork = json.loads(home.run("fork", home.first, "--json").out)["session_id"]
    ran = home.run("session", "redact", home.short, "--match", "Repeat  HI", "--yes", "--reason", "A typo.")
    assert (ran.code, ran.out) == (0, f"Redacted 1 record (3) of {home.first}\n")
    assert ran.err == f"Not taken away: {fork}, a fork of it, has its own copy.\n"
    assert (b"repeat hi" in home.log.read_bytes(), home.log.read_bytes().count(b"\n")) == (False, home.head + 1)
    shown = home.run("session", "log", home.short).out
    assert ("[redacted]" in shown, "A typo." in shown) == (True, True)
    assert home.run("session", "verify", home.short).code == 0
    ran = home.run("context", home.first, "--verify")
    assert (ran.code, ran.out.endswith(": redacted since: the records 3\n")) == (1, True), ran


def test_a_check_finds_words_everywhere_until_they_are_redacted(home: Home) -> None:
    ran = home.run("memory", "forget", "--check", "repeat hi")
    assert (ran.code, f"{home.first}/events.jsonl\n" in ran.out) == (1, True)
    assert home.run("session", "redact", home.short, "--match", "repeat hi", "--yes").code == 0
    ran = home.run("memory", "forget", "--check", "repeat hi")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("No file of the workspace holds these words.")
    ran = home.run("memory", "forget")
    assert (ran.code, "--check WORDS" in ran.err) == (2, True)
