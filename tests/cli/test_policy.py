"""`duragent policy test`."""

import json

from tests.cli.conftest import Command


def test_a_reading_command_is_allowed_and_the_rule_is_named(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "test", "assistant", "git status --short && ls")
    assert ran.code == 0
    assert ran.out.startswith("allow:")
    assert "git status" in ran.out


def test_what_nobody_allowed_is_asked_about_with_the_patterns_that_would_allow_it(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    ran = duragent("policy", "test", "assistant", "rm -rf build && git status", "--json")
    answer = json.loads(ran.out)
    assert (ran.code, answer["verdict"], answer["mode"]) == (1, "ask", "ask")
    assert [part["verdict"] for part in answer["parts"]] == ["ask", "allow"]
    assert answer["allow_always"] == ["bash:rm -rf build"]


def test_an_unknown_agent_is_not_found(duragent: Command) -> None:
    duragent("init", "--no-interactive", "--agent-name", "assistant")
    assert duragent("policy", "test", "nobody", "ls").code == 66
