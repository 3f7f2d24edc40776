"""Guards before a call and notes after it."""

import pytest

from duragent.agent.spec import AfterTool, BeforeTool, HooksSpec
from duragent.policy.guards import PriorCall, notes, refusal, with_defaults

NONE = HooksSpec()


def call(name: str, *, seen: bool = True, **arguments: object) -> PriorCall:
    tool, _, action = name.partition(":")
    return PriorCall(tool, action or None, arguments, seen)


def before(match: str, prior: str | None = None, *args: str) -> HooksSpec:
    rule = BeforeTool(match=match, type="depends_on" if prior else "skip_duplicate", prior=prior, match_args=args)
    return HooksSpec(before_tool=(rule,))


@pytest.mark.parametrize(
    ("match", "name", "fits"),
    [
        ("bash", "bash", True),
        ("bash", "bash:run", False),
        ("bash:*", "bash:run", True),
        ("bash:*", "web:run", False),
        ("*", "web:fetch", True),
        ("web:fetch", "web:fetch", True),
        ("web:f*", "web:search", False),
    ],
)
def test_match_is_exact_or_an_anchored_glob(match: str, name: str, fits: bool) -> None:
    assert (notes(HooksSpec(after_tool=(AfterTool(match=match, message="m"),)), call(name)) == "m") is fits


def test_depends_on_wants_an_earlier_call_with_equal_arguments() -> None:
    hooks = before("p:send", "p:capture", "handle")
    refused = "Hook guard: this tool requires a prior 'p:capture' call first. The 'handle' argument must match."
    assert refusal(hooks, call("p:send", handle="a"), []) == refused
    assert refusal(hooks, call("p:send", handle="a"), [call("p:capture", handle="b")]) == refused
    assert refusal(hooks, call("p:send", handle=1), [call("p:capture", handle=True)]) == refused
    assert refusal(hooks, call("p:send", handle="a"), [call("p:capture", handle="a")]) is None
    assert refusal(hooks, call("p:other", handle="a"), []) is None


def test_depends_on_without_arguments_wants_the_call_alone() -> None:
    assert refusal(before("b", "a"), call("b"), []) == "Hook guard: this tool requires a prior 'a' call first."
    assert refusal(before("b", "a"), call("b"), [call("a")]) is None


def test_skip_duplicate_wants_a_result_that_the_model_still_sees() -> None:
    hooks = before("m:recall", None, "days")
    refused = "Hook guard: duplicate call skipped. The result of the earlier call is still in the conversation."
    assert refusal(hooks, call("m:recall", days=3), [call("m:recall", days=3)]) == refused
    assert refusal(hooks, call("m:recall", days=3), [call("m:recall", days=3, seen=False)]) is None
    assert refusal(hooks, call("m:recall", days=3), [call("m:recall", days=4)]) is None
    assert refusal(hooks, call("m:recall", days=3), [call("m:other", days=3)]) is None
    assert refusal(hooks, call("m:recall"), [call("m:recall")]) == refused


def test_notes_are_joined_and_unless_suppresses() -> None:
    one, two = AfterTool(match="t", message="one", unless={"wait": True}), AfterTool(match="t", message="two")
    hooks = HooksSpec(after_tool=(one, two))
    assert notes(hooks, call("t")) == "one\ntwo"
    assert notes(hooks, call("t", wait=False)) == "one\ntwo"
    assert notes(hooks, call("t", wait=1)) == "one\ntwo"
    assert notes(hooks, call("t", wait=True)) == "two"
    assert notes(NONE, call("t")) is None


def test_unless_suppresses_when_any_of_its_arguments_is_equal() -> None:
    hooks = HooksSpec(after_tool=(AfterTool(match="t", message="m", unless={"a": 1, "b": 2}),))
    assert notes(hooks, call("t", a=1)) is None
    assert notes(hooks, call("t", a=2, b=3)) == "m"


def test_defaults_come_with_their_tools() -> None:
    assert with_defaults(NONE, ["bash", "web"]) == NONE
    found = with_defaults(NONE, ["background_process", "memory", "memory"])
    assert [rule.match for rule in found.before_tool] == ["background_process:send_keys", "memory:recall"]
    assert [note.match for note in found.after_tool] == ["background_process:capture", "background_process:spawn"]
    send = call("background_process:send_keys", handle="h")
    assert refusal(found, send, []) is not None
    assert refusal(found, send, [call("background_process:capture", handle="h")]) is None
    assert notes(found, call("background_process:spawn", wait=True)) is None


def test_own_hook_replaces_the_default_with_the_same_match() -> None:
    own = HooksSpec(after_tool=(AfterTool(match="background_process:spawn", message="mine"),))
    found = with_defaults(own, ["background_process"])
    assert notes(found, call("background_process:spawn")) == "mine"
    assert notes(found, call("background_process:capture")) is not None
