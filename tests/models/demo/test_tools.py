"""What the demo model does with tools: the calls that it makes, and what it says of their results."""

import asyncio
import json
from typing import Any

import pytest

from duragent.journal.events import Call
from duragent.journal.next_step import OUTCOME_UNKNOWN, SKIPPED
from duragent.models.demo.model import DemoModel
from duragent.models.demo.tools import ABILITIES
from duragent.models.messages import ChatMessage, ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.policy.rules import Deny, Invocation
from duragent.testing import FakeClock
from duragent.tools.think import Think
from duragent.tools.toolset import BUILTINS
from duragent.turn.authorize import ResolvedCall, denied
from tests.support.bounds import LIMIT_SECONDS

EVERY = tuple(dict.fromkeys((*BUILTINS, *(name for name, _ in ABILITIES))))


def request(*messages: ChatMessage, tools: tuple[str, ...] = EVERY) -> ModelRequest:
    offered = tuple(ToolSchema(name=name, description="", parameters={"type": "object"}) for name in tools)
    return ModelRequest(messages=messages, tools=offered)


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


async def reply(asked: ModelRequest) -> ModelReply:
    pieces = [piece async for piece in DemoModel(FakeClock(hurried=True)).stream(asked)]
    last = pieces[-1]
    assert isinstance(last, ModelReply)
    assert "".join(piece.text for piece in pieces[:-1]) == last.text
    return last


async def calls(said: str, tools: tuple[str, ...] = EVERY) -> list[tuple[str, Any]]:
    found = await reply(request(user(said), tools=tools))
    assert found.finish_reason == ("tool_calls" if found.calls else "stop")
    return [(call.name, json.loads(call.arguments)) for call in found.calls]


def after(call: ToolCall, content: str) -> ModelRequest:
    asked = ChatMessage(role="assistant", calls=(call,))
    return request(user("run it"), asked, ChatMessage(role="tool", content=content, call_id=call.id))


TOUCH = ToolCall(id="c1", name="bash", arguments='{"command": "touch a"}')


@pytest.mark.parametrize(
    ("said", "tool", "arguments"),
    [
        ("run ls", "bash", {"command": "ls"}),
        ("Please run: ls -l | wc", "bash", {"command": "ls -l | wc"}),
        ("`ls -a`", "bash", {"command": "ls -a"}),
        ("could you run `ls` please?", "bash", {"command": "ls"}),
        ("run echo `date`", "bash", {"command": "echo `date`"}),
        ("run `a and then b`", "bash", {"command": "a and then b"}),
        ("run sleep 20; echo done > done.txt", "bash", {"command": "sleep 20; echo done > done.txt"}),
        ("```bash\nls\nid\n```", "bash", {"command": "ls\nid"}),
        ("Ada: run ls", "bash", {"command": "ls"}),
        ("read README.md.", "read_file", {"path": "README.md"}),
        ("read the file `a b.txt`", "read_file", {"path": "a b.txt"}),
        ("write good morning to hello.txt", "write_file", {"path": "hello.txt", "content": "good morning\n"}),
        ("write this and then that to a.txt", "write_file", {"path": "a.txt", "content": "this and then that\n"}),
        ("replace a with b in f.txt", "edit_file", {"path": "f.txt", "old_text": "a", "new_text": "b"}),
        (
            "replace \"a with b\" by 'c in d' in f.txt",
            "edit_file",
            {"path": "f.txt", "old_text": "a with b", "new_text": "c in d"},
        ),
        ("list", "list_files", {}),
        ("list files in src", "list_files", {"path": "src"}),
        ("list .", "list_files", {"path": "."}),
        ("list the other sessions", "session", {"action": "list"}),
        ("find TODO", "search_files", {"pattern": "TODO"}),
        ("find f(x) in src", "search_files", {"pattern": r"f\(x\)", "path": "src"}),
        ("fetch https://example.com/", "web", {"action": "fetch", "url": "https://example.com/"}),
        ("fetch example.com", "web", {"action": "fetch", "url": "https://example.com"}),
        ("search the web for cats and dogs", "web", {"action": "search", "query": "cats and dogs"}),
        ("use skill pdf-forms", "skill", {"name": "pdf-forms"}),
        ('use read_output with {"call": "x"}', "read_output", {"call": "x"}),
        ("use think", "think", {}),
        ("think about dinner", "think", {"thought": "dinner"}),
        ("reload tools", "reload_tools", {}),
    ],
)
async def test_demo_calls_the_tool_that_plain_words_ask_for(said: str, tool: str, arguments: dict[str, str]) -> None:
    assert await calls(said) == [(tool, arguments)]


async def test_demo_makes_several_calls_in_one_reply_with_ids_of_their_own() -> None:
    first = await reply(request(user("run ls and then read a.txt and also think about it")))
    assert [(call.name, call.arguments) for call in first.calls] == [
        ("bash", '{"command": "ls"}'),
        ("read_file", '{"path": "a.txt"}'),
        ("think", '{"thought": "it"}'),
    ]
    second = await reply(request(user("run ls"), ChatMessage(role="assistant", content="-"), user("run ls")))
    ids = [call.id for call in (*first.calls, *second.calls)]
    assert len(set(ids)) == 4


async def test_demo_does_nothing_when_one_of_several_requests_makes_no_sense() -> None:
    found = await reply(request(user("run ls and then dance")))
    assert found.calls == ()
    assert found.text.startswith("I do not know what `dance` asks for, so I did nothing.")


async def test_demo_passes_wrong_json_on_as_it_was_written() -> None:
    found = await reply(request(user("use web with {broken")))
    assert [(call.name, call.arguments) for call in found.calls] == [("web", "{broken")]


@pytest.mark.parametrize("said", ["write me a long text", "use your head", "list the things I like", "I run every day"])
async def test_demo_calls_nothing_for_words_that_only_look_like_a_request(said: str) -> None:
    assert await calls(said) == []


async def test_demo_says_which_tool_is_missing_and_what_to_write() -> None:
    found = await reply(request(user("run ls"), tools=("web",)))
    assert found.calls == ()
    assert "not offered the tool `bash`, so I did nothing" in found.text
    assert "- type: builtin\n      name: bash\n" in found.text
    assert "SKILL.md" in (await reply(request(user("use skill x"), tools=()))).text
    assert "There are: `web`." in (await reply(request(user("use nothing"), tools=("web",)))).text


async def test_help_lists_what_the_offered_tools_can_do() -> None:
    text = (await reply(request(user("help"), tools=("bash", "weather")))).text
    assert "`run ls -l`" in text
    assert "any tool (`weather`)" in text
    assert "`fetch" not in text
    assert "has no tools" in (await reply(request(user("help"), tools=()))).text


@pytest.mark.parametrize("line", [line for _, line in ABILITIES if "NAME" not in line])
async def test_every_ability_that_help_shows_is_understood(line: str) -> None:
    tool = next(name for name, each in ABILITIES if each == line)
    for said in line.split("`")[1::2]:
        assert [name for name, _ in await calls(said)] == [tool]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a\nb", "`touch a` gave:\n\n```text\na\nb\n```"),
        ("", "`touch a` gave nothing."),
        ("Command completed with exit code 0", "`touch a` printed nothing; its exit code is 0."),
        ("oh\n[exit code 3]", "`touch a` failed with exit code 3:\n\n```text\noh\n[exit code 3]\n```"),
        (
            "[timed out after 2 s and was ended]",
            "`touch a` took too long and was ended. Until then:\n\n```text\n[timed out after 2 s and was ended]\n```",
        ),
        (
            "The call was denied by the user. The reason: not here. Please try a different approach.",
            "`touch a` was not allowed: not here. I did not run it, and I do not try another way.",
        ),
        (
            "The call was denied by the user. Please try a different approach.",
            "`touch a` was not allowed. I did not run it, and I do not try another way.",
        ),
        (
            "Command 'touch a' was denied by policy (policy.yaml: bash:touch *). This command is not allowed.",
            "`touch a` is denied by the policy: policy.yaml: bash:touch *. It did not run.",
        ),
        (SKIPPED, "`touch a` was skipped: a new message from the user came in before this call was run."),
        (
            OUTCOME_UNKNOWN,
            "I do not know whether `touch a` has run: the server stopped in its middle. "
            "Look before you ask for it again.",
        ),
        (
            "The call was interrupted while it ran. It may have taken effect. Check before repeating.",
            "`touch a` was stopped before it was done. A part may have happened.",
        ),
        (
            "The skill 'x', which is active until the turn ends, allows only: read_file.",
            "`touch a` did not run: The skill 'x', which is active until the turn ends, allows only: read_file.",
        ),
        (
            "Hook guard: duplicate call skipped. The result of the earlier call is still in the conversation.",
            "`touch a` did not run, a guard of this agent holds it back: duplicate call skipped. "
            "The result of the earlier call is still in the conversation.",
        ),
        (
            "The server stopped while this ran. A person looked and says that it was done. Its output is lost.",
            "`touch a` was cut off by the end of the server: A person looked and says that it was done. "
            "Its output is lost.",
        ),
        ("The call was cancelled.", "`touch a` did not run: the turn was stopped before."),
        ("``` a", "`touch a` gave:\n\n````text\n``` a\n````"),
    ],
)
async def test_demo_tells_what_came_out(content: str, said: str) -> None:
    found = await reply(after(TOUCH, content))
    assert (found.text, found.calls, found.finish_reason) == (said, (), "stop")


async def test_demo_shows_the_beginning_of_a_long_result() -> None:
    text = (await reply(after(TOUCH, "line\n" * 100))).text
    assert text.endswith("(60 more lines)")
    assert len((await reply(after(TOUCH, "x" * 100_000))).text) < 4_000


async def test_demo_tells_results_before_it_answers_a_message_that_came_meanwhile() -> None:
    talk = after(TOUCH, "done").messages
    found = await reply(request(*talk, user("repeat yes")))
    assert found.text == "`touch a` gave:\n\n```text\ndone\n```\n\nyes"
    again = await reply(request(*talk, user("repeat yes"), ChatMessage(role="assistant", content="yes"), user("1+1")))
    assert again.text == "1+1 = 2"


async def test_demo_does_not_take_a_note_of_the_time_for_a_message() -> None:
    note = user("[now: Monday 2026-01-05 10:00 UTC]")
    assert (await reply(request(user("repeat a"), note))).text == "a"


@pytest.mark.parametrize("arguments", ["{broken", "[]", '""', '{"command": 3}', "[" * 50_000])
async def test_demo_tells_a_result_whatever_the_arguments_were(arguments: str) -> None:
    call = ToolCall(id="c", name="bash", arguments=arguments)
    assert (await reply(after(call, "failed to parse tool arguments: no"))).text.startswith("`bash` did not work:")


async def test_hostile_requests_are_answered_without_delay() -> None:
    texts = ["find " + " in " * 990, "replace " + " with " * 300 + " in " * 400, "write " + " to " * 990]
    texts += ["list " + " " * 3900 + "x", "run " + "`" * 3990, " and then " * 390, "run " + "x" * 1_000_000]
    for said in texts:
        async with asyncio.timeout(LIMIT_SECONDS):
            stream = DemoModel(FakeClock(hurried=True)).stream(request(user(said)))
            await anext(stream)
            await stream.aclose()


def test_words_for_a_denial_are_those_that_the_session_uses() -> None:
    call = Call(call="c", tool="think", arguments="{}")
    known = ResolvedCall(call, Think(), None, Invocation("builtin", "think", "think x"), "")
    refused = denied(known, Deny("builtin:think", "policy.yaml"))
    found = asyncio.run(reply(after(TOUCH, refused.content)))
    assert found.text == "`touch a` is denied by the policy: policy.yaml: builtin:think. It did not run."
