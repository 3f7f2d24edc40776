"""Whether a call may run."""

from pathlib import Path

import pytest

from duragent.journal.events import Call, Event, ModelReplied, ToolFinished
from duragent.journal.record import Record
from duragent.policy.guards import PriorCall
from duragent.policy.patterns import Rule
from duragent.policy.tiers import Mode, Policy
from duragent.testing.tool_context import agent_in
from duragent.tools.bash import Bash
from duragent.tools.toolset import Toolset
from duragent.turn.authorize import (
    Allowed,
    NeedsApproval,
    Refused,
    ResolvedCall,
    authorize,
    prior_calls,
    reauthorize,
    resolve,
    sha256_of,
    signature,
)


def test_an_approval_holds_for_just_the_arguments_that_were_approved() -> None:
    found = resolve(Call(call="c", tool="bash", arguments='{"command": "ls"}'), Toolset((Bash(),)))
    assert not isinstance(found, Refused)
    refused = reauthorize(found, Policy("dangerous", "here"), "0" * 64, "me")
    assert isinstance(refused, Refused)
    assert (refused.denied, "other arguments" in refused.content) == (True, True)
    assert not isinstance(reauthorize(found, Policy("dangerous", "here"), found.sha256, "me"), Refused)


def resolved(arguments: str) -> ResolvedCall:
    call = resolve(Call(call="c", tool="bash", arguments=arguments), Toolset((Bash(),)))
    assert isinstance(call, ResolvedCall)
    return call


def test_sha_of_a_call_is_over_its_meaning_and_not_over_its_spelling() -> None:
    first = resolved('{"command": "ls", "timeout_seconds": 5}')
    assert resolved('{"timeout_seconds":5,"command":"ls"}').sha256 == first.sha256
    assert resolved('{"command": "ls -l", "timeout_seconds": 5}').sha256 != first.sha256
    assert sha256_of("bash", {}) != sha256_of("think", {})


@pytest.mark.parametrize(
    ("call", "content"),
    [
        (Call(call="c", tool="bsh", arguments="{}"), "tool not found: bsh; did you mean bash?"),
        (Call(call="c", tool="nothing", arguments="{}"), "tool not found: nothing"),
        (Call(call="c", tool="bash", arguments="{"), "failed to parse tool arguments: they are not valid JSON"),
        (Call(call="c", tool="bash", arguments="{}"), "failed to parse tool arguments: command: "),
    ],
)
def test_call_that_makes_no_sense_is_refused_in_words_for_the_model(call: Call, content: str) -> None:
    refused = resolve(call, Toolset((Bash(),)))
    assert isinstance(refused, Refused)
    assert (refused.content.startswith(content), refused.denied) == (True, False)


@pytest.mark.parametrize(
    ("mode", "command", "judgement"),
    [
        ("ask", "ls", NeedsApproval),
        ("dangerous", "ls", Allowed),
        ("restrict", "ls", Refused),
        ("dangerous", "rm -rf x", Refused),
        ("ask", "make test", Allowed),
    ],
)
def test_policy_decides_about_a_call(mode: Mode, command: str, judgement: type) -> None:
    rules = (Rule("bash:rm *", "policy.yaml"),), (Rule("bash:make *", "policy.yaml"),)
    policy = Policy(mode, "policy.yaml", *rules)
    agent = agent_in(Path("/agents/a"))
    assert type(authorize(resolved(f'{{"command": "{command}"}}'), policy, agent, ())) is judgement


def test_same_call_with_the_same_result_has_one_signature() -> None:
    call = resolved('{"command": "ls"}')
    marks = {signature(call, outcome, content) for outcome in ("ok", "error") for content in ("a", "b\ud800")}
    assert len(marks) == 4
    assert signature(resolved('{ "command":"ls" }'), "ok", "a") == signature(call, "ok", "a")


def test_prior_calls_are_those_before_with_what_came_of_them() -> None:
    calls = tuple(
        Call(call=name, tool="web", arguments=arguments)
        for name, arguments in (("c1", '{"action": "fetch", "url": "a"}'), ("c2", "broken"), ("c3", "{}"))
    )
    events: list[Event] = [
        ModelReplied(message_id="r", calls=calls),
        ToolFinished(call="c1", tool="web", outcome="ok", content=""),
        ToolFinished(call="other", tool="web", outcome="ok", content=""),
    ]
    records = [Record(seq, "", event) for seq, event in enumerate(events, 1)]
    assert prior_calls(records, "c3") == [
        PriorCall("web", "fetch", {"action": "fetch", "url": "a"}, has_result=True),
        PriorCall("web", None, {}, has_result=False),
    ]
    assert prior_calls(records, "c1") == []
