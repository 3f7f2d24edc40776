"""What active skills leave of the tools."""

from pathlib import Path

import pytest

from duragent.agent.skills import Skill
from duragent.journal.events import Call, Event, ModelReplied, ToolFinished, TurnEnded, TurnStarted
from duragent.policy.rules import Invocation
from duragent.policy.skills import active_skills, narrowing, refused_by_skill


def skill(*tools: str, name: str = "s") -> Skill:
    return Skill(name, Path(), "d", "b", allowed_tools=tools)


def bash(command: str) -> Invocation:
    return Invocation("bash", "bash", command)


def builtin(text: str) -> Invocation:
    return Invocation("builtin", text.split(" ")[0].split(":")[0], text)


@pytest.mark.parametrize(
    ("allowed", "invocation", "passes"),
    [
        ("Read", builtin("read_file a.txt"), True),
        ("Read", builtin("write_file a.txt content=x"), False),
        ("Write", builtin("write_file agents/ada/policy.yaml content=x"), True),
        ("read", builtin("read_file a.txt"), False),
        ("Read(docs/*)", builtin("read_file docs/a.txt"), True),
        ("Read(docs/*)", builtin("read_file docs/../secret"), False),
        ("Grep", builtin("search_files x"), True),
        ("Glob", builtin("list_files ."), True),
        ("Edit", builtin("edit_file a.txt"), True),
        ("WebFetch", builtin("web:fetch https://example.com/"), True),
        ("WebFetch", builtin("web:search cats"), False),
        ("web", builtin("web:search cats"), True),
        ("Bash", bash("rm -rf /"), True),
        ("Bash(*)", bash("a; b | c"), True),
        ("Bash(git *)", bash("git log --oneline"), True),
        ("Bash(git:*)", bash("git"), True),
        ("Bash(git *)", bash("git log; rm -r x"), False),
        ("Bash(git *)", bash("git log $(rm -r x)"), False),
        ("Bash(git *)", bash("$GIT log"), False),
        ("Bash(git *)", bash("gitx"), False),
        ("Bash(git *)", builtin("read_file a"), False),
        ("Read", bash("read_file a"), False),
        ("Task", builtin("Task x"), True),
        ("mcp__x", Invocation("mcp", "mcp__x", "mcp__x a=1"), True),
        ("word", Invocation("cli", "wordy", "wordy a=1"), False),
    ],
)
def test_allowed_tools_let_through_what_they_name(allowed: str, invocation: Invocation, passes: bool) -> None:
    assert (refused_by_skill(invocation, [skill(allowed)]) is None) is passes


@pytest.mark.parametrize("tool", ["skill", "read_output", "think"])
def test_some_tools_stay_allowed(tool: str) -> None:
    assert refused_by_skill(builtin(tool), [skill()]) is None


def test_refusal_says_which_skill_and_what_it_allows() -> None:
    assert refused_by_skill(bash("ls"), [skill("Read", "Bash(git *)", name="pdf")]) == (
        "The skill 'pdf', which is active until the turn ends, allows only: Read, Bash(git *)."
    )
    assert "allows only: no tool." in (refused_by_skill(bash("ls"), [skill()]) or "")


def test_each_active_skill_narrows() -> None:
    both = [skill("Read", "Bash"), skill("Bash", name="t")]
    assert refused_by_skill(bash("ls"), both) is None
    assert "'t'" in (refused_by_skill(builtin("read_file a"), both) or "")


def loading(call: str, arguments: str, outcome: str = "ok", **details: str) -> list[Event]:
    asked = ModelReplied(message_id="m", turn="t", calls=(Call(call=call, tool="skill", arguments=arguments),))
    result = {"call": call, "tool": "skill", "outcome": outcome, "details": details}
    return [asked, ToolFinished.model_validate(result)]


def test_skills_are_active_from_their_successful_call_until_the_turn_ends() -> None:
    events: list[Event] = [
        TurnStarted(turn="t", trigger=1),
        *loading("c1", '{"name":"pdf"}', skill="pdf"),
        *loading("c2", '{"name":"gone"}', "error"),
        *loading("c3", '{"name":"old"}'),
        *loading("c4", '{"name":"pdf","file":"a.md"}', skill="pdf"),
    ]
    assert active_skills(events) == ("pdf", "old")
    assert active_skills([*events, TurnEnded(turn="t", outcome="completed")]) == ()
    assert active_skills([*events, TurnStarted(turn="u", trigger=9)]) == ()
    assert active_skills(events[:2]) == ()


def test_skill_that_has_gone_while_active_leaves_nothing() -> None:
    free = Skill("free", Path(), "d", "b")
    assert narrowing(["free", "s"], [free, skill("Read")]) == (skill("Read"),)
    gone = narrowing(["vanished"], [])
    assert refused_by_skill(bash("ls"), gone) is not None
