import json
import threading
from pathlib import Path

import pytest

from duragent.errors import InvalidArguments
from duragent.policy.rules import Invocation
from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import ToolResult
from duragent.tools.bash import Bash
from tests.tools.calling import call
from tests.tools.threads import watched_context


async def run(folder: Path, command: str, **more: object) -> ToolResult:
    return await call(Bash(), folder, command=command, **more)


async def test_bash_runs_in_the_working_directory(tmp_path: Path) -> None:
    result = await run(tmp_path, "echo hé > a.txt; pwd; cat a.txt; echo $0")
    assert (result.content, result.outcome) == (f"{tmp_path}\nhé\nbash\n", "ok")


async def test_bash_prepares_its_sandbox_beside_the_event_loop(tmp_path: Path) -> None:
    # Thousands of paths are looked up for it: with a slow disk, no other session must wait.
    context, threads = watched_context(tmp_path)
    tool = Bash()
    assert (await tool.run(tool.parse('{"command": "echo hi"}'), context)).content == "hi\n"
    assert threads
    assert threading.get_ident() not in threads


async def test_bash_tells_exit_code_and_stderr(tmp_path: Path) -> None:
    result = await run(tmp_path, "echo out; echo err >&2; exit 7")
    assert (result.content, result.outcome) == ("out\n\n--- stderr ---\nerr\n[exit code 7]", "error")
    assert result.details["exit_code"] == 7


async def test_bash_ends_the_command_when_its_time_is_over(tmp_path: Path) -> None:
    result = await run(tmp_path, "echo begun; sleep 1000 & sleep 1000; echo never", timeout_seconds="3")
    assert (result.content, result.outcome) == ("begun\n[timed out after 3 s and was ended]", "timeout")


async def test_bash_keeps_the_whole_of_a_long_output(tmp_path: Path) -> None:
    result = await run(tmp_path, "seq 1 30000")
    assert result.full == "".join(f"{number}\n" for number in range(1, 30_001)).encode()
    assert 'read_output(call="call_1")' in result.content


async def test_bash_has_nothing_to_read(tmp_path: Path) -> None:
    assert (await run(tmp_path, "cat; echo end")).content == "end\n"


def test_policy_sees_the_command_itself() -> None:
    tool, command = Bash(), "  ls\n  'a b' # x\n"
    assert tool.invocation(tool.parse(json.dumps({"command": command}))) == Invocation("bash", "bash", command)


def test_call_may_take_longer_than_any_command() -> None:
    tool = Bash()
    assert tool.timeout_seconds > tool.parse('{"command": "ls", "timeout_seconds": 600}').timeout_seconds
    assert (tool.effect, tool.by_command) == ("unsafe", True)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "command: is missing"),
        ({"command": " \n"}, "command: must not be blank"),
        ({"command": "a\0b"}, "command: must not have a NUL character in it"),
        ({"command": "é" * 70_000}, "command: must have at most 131,071 bytes; put long content into a file"),
        ({"command": "\ud800"}, "command: must be valid Unicode text"),
        ({"command": "ls", "timeout_seconds": 0}, "timeout_seconds: must be 1 or more"),
        ({"command": "ls", "timeout_seconds": 601}, "timeout_seconds: must be 600 or less"),
        ({"command": "ls", "cwd": "/"}, "cwd"),
    ],
)
def test_bash_says_what_is_wrong_with_its_arguments(arguments: dict[str, object], fault: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        Bash().parse(json.dumps(arguments))
    assert raised.value.faults[0].startswith(fault)


async def test_bash_keeps_the_contract(tmp_path: Path) -> None:
    # Without timeout_seconds: the invocation is the bare command, which policy parses, so that one is not seen there.
    good = ['{"command": "echo hi"}', '{"command": "exit 3"}']
    await check_tool(Bash, good=good, make_context=lambda: context_in(tmp_path))
