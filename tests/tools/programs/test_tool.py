import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from duragent.errors import InvalidArguments
from duragent.policy.rules import Allow, Ask, Invocation, allow_patterns, judge
from duragent.policy.tiers import Policy
from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import ToolResult
from duragent.tools.programs.program import Program
from duragent.tools.programs.schema import parse_schema
from duragent.tools.programs.tool import ProgramTool
from tests.tools.threads import watched_context

ECHO = """\
import json, os, sys
print(json.dumps({"argv": sys.argv[1:], "stdin": sys.stdin.read(), "cwd": os.getcwd(),
                  "env": {name: value for name, value in os.environ.items() if name.startswith("DURAGENT_")}}))
"""
HOSTILE = [
    "; rm -rf .",
    "$(touch pwned)",
    "`touch pwned`",
    "a\nb\r\n",
    "--flag",
    "-",
    "",
    " ",
    "'\"\\",
    "*",
    "~",
    "é漢🙂",
    "&& touch pwned",
    "> pwned",
    "$HOME",
]
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer"},
        "args": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["city"],
    "additionalProperties": False,
    "x-effect": "pure",
    "x-timeout-seconds": 20,
}


def echo_tool(folder: Path, schema: Any = None) -> ProgramTool:
    program = folder / "run.py"
    program.write_text(ECHO)
    parsed = None if schema is None else parse_schema(schema)
    return ProgramTool(Program("echo", (sys.executable, str(program)), folder, schema=parsed))


async def run(tool: ProgramTool, arguments: object, folder: Path) -> ToolResult:
    return await tool.run(tool.parse(json.dumps(arguments)), context_in(folder))


async def said(tool: ProgramTool, arguments: object, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await run(tool, arguments, folder)).content)
    return found


async def test_arguments_arrive_as_words_and_as_json_untouched_by_any_shell(tmp_path: Path) -> None:
    tool = echo_tool(tmp_path)
    found = await said(tool, {"args": HOSTILE}, tmp_path)
    assert found["argv"] == HOSTILE
    assert found["stdin"].endswith("\n")
    assert json.loads(found["stdin"]) == {"args": HOSTILE}
    assert [path.name for path in tmp_path.iterdir()] == ["run.py"]


@pytest.mark.parametrize("arguments", ["", "{}", '{"args": []}', '{"args": ""}'])
async def test_call_without_arguments_gives_the_program_an_empty_object(tmp_path: Path, arguments: str) -> None:
    tool = echo_tool(tmp_path)
    found = json.loads((await tool.run(tool.parse(arguments), context_in(tmp_path))).content)
    assert (found["argv"], found["stdin"]) == ([], "{}\n")


async def test_arguments_in_one_text_are_split_like_a_shell_would(tmp_path: Path) -> None:
    found = await said(echo_tool(tmp_path), {"args": "--to 'my host' $(x) ; ls"}, tmp_path)
    assert found["argv"] == ["--to", "my host", "$(x)", ";", "ls"]
    assert json.loads(found["stdin"]) == {"args": found["argv"]}


async def test_program_runs_in_the_working_directory_and_knows_its_call(tmp_path: Path) -> None:
    tools, work = tmp_path / "tools", tmp_path / "work"
    tools.mkdir()
    work.mkdir()
    found = await said(echo_tool(tools), {}, work)
    assert found["cwd"] == str(work)
    assert found["env"] == {
        "DURAGENT_AGENT_DIR": str(work / ".duragent" / "agents" / "assistant"),
        "DURAGENT_TOOL_DIR": str(tools),
        "DURAGENT_SESSION_ID": "session_01test",
        "DURAGENT_CALL_ID": "call_1",
        "DURAGENT_IDEMPOTENCY_KEY": "session_01test:call_1",
    }


async def test_schema_gives_named_arguments_on_standard_input(tmp_path: Path) -> None:
    tool = echo_tool(tmp_path, SCHEMA)
    found = await said(tool, {"city": "$(x) Zürich", "days": 2}, tmp_path)
    assert (found["argv"], found["stdin"]) == ([], '{"city": "$(x) Zürich", "days": 2}\n')
    found = await said(tool, {"city": "x", "args": HOSTILE}, tmp_path)
    assert found["argv"] == HOSTILE


async def test_its_sandbox_is_prepared_beside_the_event_loop(tmp_path: Path) -> None:
    context, threads = watched_context(tmp_path)
    tool = echo_tool(tmp_path)
    assert (await tool.run(tool.parse("{}"), context)).outcome == "ok"
    assert threads
    assert threading.get_ident() not in threads


def test_schema_is_what_the_model_sees_and_says_what_the_tool_does(tmp_path: Path) -> None:
    tool = echo_tool(tmp_path, SCHEMA)
    assert tool.parameters() == {
        name: value for name, value in SCHEMA.items() if not name.startswith("x-") and name != "$schema"
    }
    assert (tool.effect, tool.seconds, tool.timeout_seconds) == ("pure", 20, 50)
    plain = echo_tool(tmp_path)
    assert (plain.effect, plain.seconds, plain.timeout_seconds, plain.by_command) == ("unsafe", 120, 150, True)
    assert list(plain.parameters()["properties"]) == ["args"]
    assert plain.schema() == plain.schema()
    assert plain.description == "CLI tool: echo"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "they: 'city' is a required property"),
        ('{"city": 5}', "city: 5 is not of type 'string'"),
        ('{"city": "a", "day": 1}', "they: Additional properties are not allowed ('day' was unexpected)"),
        ('{"city": "\\ud800"}', "they must be valid Unicode text"),
        ('{"city": "a", "days": NaN}', "they must not have NaN or Infinity in them"),
        ('{"city": "a", "args": ["a\\u0000b"]}', "args: must not have a NUL character in it"),
        ("[]", "they must be a JSON object, not list"),
        ("{", "they are not valid JSON: "),
    ],
)
def test_arguments_that_do_not_fit_the_schema_are_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        echo_tool(tmp_path, SCHEMA).parse(text)
    assert raised.value.faults[0].startswith(fault)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"args": "it's"}, "args: cannot be split into words: No closing quotation; give a list of texts"),
        ({"args": [1]}, "args.0: must be text, not 1"),
        ({"args": {"a": "b"}}, "args: must be a list"),
        ({"args": ["\0"]}, "args: must not have a NUL character in it"),
        ({"args": ["\udc80"]}, "args: must be valid Unicode text"),
        ({"args": ["x" * 131_072]}, "args: must have at most 131,071 bytes; put long content into a file"),
        ({"args": ["x" * 100_000] * 6}, "args: must have at most 524,288 bytes altogether"),
        ({"arg": "x"}, "arg"),
    ],
)
def test_words_that_no_program_could_get_are_refused(tmp_path: Path, arguments: object, fault: str) -> None:
    with pytest.raises(InvalidArguments) as raised:
        echo_tool(tmp_path).parse(json.dumps(arguments))
    assert raised.value.faults[0].startswith(fault)


def test_policy_sees_every_word_and_none_looks_like_two(tmp_path: Path) -> None:
    tool = echo_tool(tmp_path)

    def shown(args: list[str]) -> str:
        invocation = tool.invocation(tool.parse(json.dumps({"args": args})))
        assert (invocation.kind, invocation.tool) == ("cli", "echo")
        return invocation.text

    assert shown([]) == "echo"
    assert shown(["--prod", "a b", 'say "x"', "", "\n"]) == r'echo --prod "a b" "say \"x\"" "" "\n"'
    assert len({shown(args) for args in (["a b"], ["a", "b"], ['"a', 'b"'], ["", "a b"], ["a", "", "b"])}) == 5


def test_policy_sees_named_arguments_also_those_that_are_null(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"action": {}, "to": {}}}
    tool = echo_tool(tmp_path, schema)
    arguments = tool.parse('{"to": null, "action": "send", "model_config": [1], "copy": "a b"}')
    assert tool.invocation(arguments) == Invocation("cli", "echo", 'echo:send copy="a b" model_config=[1] to=null')
    assert tool.action(arguments) == "send"


def test_allow_always_is_offered_for_the_exact_words(tmp_path: Path) -> None:
    tool = echo_tool(tmp_path)
    invocation = tool.invocation(tool.parse('{"args": ["--to", "my host"]}'))
    policy = Policy("ask", "test")
    patterns = allow_patterns(policy, invocation)
    assert patterns == ('cli:echo --to "my host"',)
    assert isinstance(judge(policy.allowing(patterns), invocation), Allow)
    other = tool.invocation(tool.parse('{"args": ["--to", "my", "host"]}'))
    assert isinstance(judge(policy.allowing(patterns), other), Ask)


async def test_program_that_fails_or_is_missing_is_told(tmp_path: Path) -> None:
    tool = ProgramTool(Program("fail", ("sh", "-c", 'echo "$1" >&2; exit 4', "sh"), tmp_path))
    result = await run(tool, {"args": ["oh"]}, tmp_path)
    assert (result.content, result.outcome) == ("oh\n[exit code 4]", "error")
    result = await run(ProgramTool(Program("gone", (str(tmp_path / "gone"),), tmp_path)), {}, tmp_path)
    assert result.outcome == "error"
    assert result.content.startswith("The command could not be started: ")


async def test_program_is_ended_when_its_own_time_is_over(tmp_path: Path) -> None:
    schema = parse_schema({"type": "object", "x-timeout-seconds": 0.2})
    tool = ProgramTool(Program("slow", ("sleep", "50"), tmp_path, schema=schema))
    assert (await run(tool, {}, tmp_path)).content == "[timed out after 0.2 s and was ended]"


async def test_program_keeps_the_contract(tmp_path: Path) -> None:
    good = ["{}", '{"args": ["a", "b c"]}', '{"args": "a"}']
    await check_tool(lambda: echo_tool(tmp_path), good=good, make_context=lambda: context_in(tmp_path))


async def test_program_with_a_schema_keeps_the_contract(tmp_path: Path) -> None:
    described = {name: {**each, "description": "…"} for name, each in SCHEMA["properties"].items()}
    schema = {**SCHEMA, "properties": described}
    good = ['{"city": "Zürich"}', '{"city": "a", "args": ["b"], "days": 3}']
    await check_tool(lambda: echo_tool(tmp_path, schema), good=good, make_context=lambda: context_in(tmp_path))
