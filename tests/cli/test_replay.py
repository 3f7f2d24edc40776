"""`duragent replay`: the conversation up to a record, the state there, and the summary that is compared with it."""

import json
from typing import Any

from tests.cli.home import DAMAGED, Home


def test_fold_is_shown_at_any_record_and_compared_with_the_summary(home: Home) -> None:
    home.stop()
    whole = home.run("replay", home.short, "--state")
    assert (whole.code, whole.err) == (0, "")
    summary = home.root / home.first / "state.yaml"
    text = summary.read_text()
    assert whole.out == "".join(line for line in text.splitlines(keepends=True) if line[0] != "#")
    early = json.loads(home.run("replay", f"{home.first}@3", "--json").out)
    assert early["last_seq"] == 3
    assert home.run("replay", f"{home.first}@99").code == 2
    assert home.run("replay", f"{home.first}@3", "--verify").code == 2

    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, ran.out.endswith("and is what the records up to it add up to.\n")) == (0, True)
    summary.write_text(text.replace('agent: "assistant"', 'agent: "somebody"'))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, ran.err, "\x1b" in ran.out) == (1, "", False)
    assert ["agent", '"assistant"', '"somebody"'] in [line.split() for line in ran.out.splitlines()]
    told = json.loads(home.run("replay", home.first, "--verify", "--json").out)
    assert (told["same"], told["differences"]) == (
        False,
        [{"field": "agent", "log": "assistant", "state_yaml": "somebody"}],
    )
    summary.unlink()
    assert "there is no state.yaml" in home.run("replay", home.first, "--verify").out
    summary.write_text(text)
    home.log.write_bytes(b"".join(home.log.read_bytes().splitlines(keepends=True)[:-2]))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "but state.yaml has seen " in ran.err) == (DAMAGED, True)


def test_conversation_is_shown_as_it_was_said_up_to_any_record(home: Home) -> None:
    home.stop()
    whole = home.run("replay", home.short)
    assert (whole.code, whole.err) == (0, "")
    said = json_lines(home.run("session", "log", home.first, "--json").out)
    texts = [each["text"] for each in said if each["type"] in ("message_received", "model_replied")]
    assert [line for line in whole.out.splitlines() if line.removeprefix("> ") in texts] == [
        f"> {text}" if at % 2 == 0 else text for at, text in enumerate(texts)
    ]
    first = next(each for each in said if each["type"] == "message_received")
    early = home.run("replay", f"{home.first}@{first['seq']}")
    assert (early.code, early.out) == (0, f"> {first['text']}\n")
    assert home.run("replay", f"{home.first}@99").code == 2


def test_conversation_of_a_damaged_log_is_shown_as_far_as_it_is_good(home: Home) -> None:
    home.stop()
    lines = home.log.read_bytes().splitlines(keepends=True)
    message = next(at for at, line in enumerate(lines) if b'"message_received"' in line)
    # The begin of the turn is of one write with the message, and good only together with it.
    home.log.write_bytes(b"".join([*lines[: message + 2], b"nonsense\n", *lines[message + 3 :]]))
    ran = home.run("replay", home.first)
    assert (ran.code, ran.out) == (DAMAGED, f"> {json.loads(lines[message])['text']}\n")
    assert "`duragent doctor` says" in ran.err


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_summary_that_is_no_summary_is_one_line(home: Home) -> None:
    home.stop()
    summary = home.root / home.first / "state.yaml"
    text = summary.read_text()
    for content in ("", "\0\xff: nonsense\n" * 9):
        summary.write_text(content)
        ran = home.run("replay", home.first, "--verify")
        assert (ran.code, ran.err, ran.out.count("\n")) == (1, "", 1)
        assert f"{home.first}: state.yaml cannot be read as a summary; it counts as absent" in ran.out
        told = json.loads(home.run("replay", home.first, "--verify", "--json").out)
        assert (told["same"], told["differences"]) == (False, [])
    summary.write_text(text.replace("checksum: ", "checksum: 0"))
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "its own checksum does not fit" in ran.out) == (1, True)
    summary.unlink()
    summary.mkdir()
    ran = home.run("replay", home.first, "--verify")
    assert (ran.code, "state.yaml cannot be read: it is a folder, not a file" in ran.out) == (1, True)
