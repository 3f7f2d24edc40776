"""`duragent session verify|repair`: damage is found, and what is whole goes on."""

import json

from tests.cli.commands import Ran
from tests.cli.home import DAMAGED, Home


def test_damage_is_found_told_and_repaired(home: Home) -> None:
    assert said(home.run("session", "verify")) == (0, f"1 session, {home.head} records: all are whole.\n", "")
    ran = home.run("session", "repair", home.first, "--yes")
    assert (ran.code, ran.err) == (
        1,
        f"duragent: the log of session '{home.first}' is not damaged: there is nothing to repair\n",
    )
    # Looked at first: of a whole one there is nothing to ask.
    assert said(home.run("session", "repair", home.first)) == said(ran)
    home.spoil(5)
    ran = home.run("session", "verify")
    assert (ran.code, ran.out.splitlines()[1].split()[:2]) == (DAMAGED, [home.first, "4"])
    assert "events.jsonl:5: the checksum does not fit" in ran.out
    assert ran.err.splitlines() == ["1 session, 4 records: 1 damaged.", f"duragent session repair {home.first}"]
    [told] = json.loads(home.run("session", "verify", home.short, "--json").out)
    assert (told["whole"], told["good_records"], told["behind_bytes"] > 100) == (False, 4, True)
    assert told["damage"] == {"file": "events.jsonl", "line": 5, "problem": "the checksum does not fit"}
    doctor = json.loads(home.run("doctor", "--json").out)["findings"]
    assert ("problem", f"`duragent session repair {home.first}` goes on behind its 4 good records") in [
        (each["status"], each["hint"]) for each in doctor if each["section"] == "sessions"
    ]

    ran = home.run("fork", home.first)
    assert (ran.code, f"; `duragent fork {home.first}@4` shares the good ones\n" in ran.err) == (DAMAGED, True)
    assert home.run("fork", f"{home.first}@4").code == 0
    ran = home.run("fork", f"{home.first}@7")
    assert (ran.code, "shares the good ones" in ran.err) == (DAMAGED, False)
    ran = home.run("session", "repair", home.first)
    assert (ran.code, "--yes is needed" in ran.err, home.log.read_bytes().count(b"\n")) == (2, True, home.head)
    ran = home.run("session", "repair", home.short, "--yes")
    assert ran.code == 0
    assert ran.out.startswith(f"{home.first} goes on behind its good records; it has ")
    assert "damaged at events.jsonl:5" in ran.err
    assert ran.err.splitlines()[-1] == f"Set aside: {home.root / home.first / 'events.damaged-5'}"
    assert said(home.run("session", "verify"))[::2] == (0, "")
    assert home.run("ask", "assistant", "repeat on", "--session", home.first).code == 0
    ran = home.run("session", "verify", home.first)
    assert (ran.code, "whole; beside it: events.damaged-5" in ran.out) == (0, True)
    assert home.run("session", "verify", "nothing").code == 66


def said(ran: Ran) -> tuple[int, str, str]:
    return ran.code, ran.out, ran.err
