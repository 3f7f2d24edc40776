"""Whether a tool keeps the promises of `duragent.tools.base`: the suite that every tool passes.

For a tool of your own, one test is enough:

    async def test_word_count_keeps_the_contract(tmp_path):
        await check_tool(WordCount, good=['{"text": "a b c"}'], make_context=lambda: context_in(tmp_path))

`make_tool` gives a new instance, `good` are arguments as a model writes them that the tool accepts, and `make_context`
gives a context for one call. Every `good` call is run, and started and cancelled once more: let them be harmless. The
first broken promise raises AssertionError, with the tool and what was tried in a note.
"""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, get_args

from duragent.errors import InvalidArguments
from duragent.journal.events import EffectClass
from duragent.policy.patterns import KINDS
from duragent.policy.rules import Invocation
from duragent.tools.base import AnyTool, ResultOutcome, ToolContext, ToolResult

RUN_SECONDS = 30.0
CANCELLED_SECONDS = 5.0
_EFFECTS = get_args(EffectClass)
_OUTCOMES = get_args(ResultOutcome)
_NO_JSON_OBJECT = (
    *("{", "}", "[]", "[1]", "1", "null", "true", '"text"', "nul", "{'a': 1}", '{"a": }', "\0", "\ud800", "NaN"),
    *("[" * 100_000, '{"a":' * 100_000, " " * (1 << 20) + "{}x", "1" * 10_000),
)
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 10**400, 1.5, float("nan"), float("inf"), "", "x" * 100_000, "\0", "\ud800", "١٢"),
    *([], [None], {}, {"a": {}}, [[[[]]]], "../" * 100, {"__proto__": 1}),
)


async def check_tool(
    make_tool: Callable[[], AnyTool], *, good: Sequence[str], make_context: Callable[[], ToolContext]
) -> None:
    """Try every promise. Raises AssertionError."""
    tool = make_tool()
    try:
        _check_face(tool, make_tool())
        _check_refusals(tool, good)
        for text in good:
            _check_invocation(tool, text)
            await _check_run(tool, text, make_context)
    except AssertionError as error:
        error.add_note(f"the tool {tool.name!r} broke a promise of duragent.tools.base")
        raise


def schema_bytes(tool: AnyTool) -> bytes:
    """The tool's schema as a provider gets it, and keeps it in its cache."""
    return json.dumps(tool.schema().model_dump(mode="json"), ensure_ascii=False).encode()


# --- what the model sees ---------------------------------------------------------------------------------------------


def _check_face(tool: AnyTool, other: AnyTool) -> None:
    assert tool.name, "it has no name"
    assert len(tool.name) <= 64, "the name is longer than providers allow"
    assert all(char.isascii() and (char.isalnum() or char in "_-") for char in tool.name), "the name is not plain"
    assert tool.description.strip(), "it has no description"
    assert tool.kind in KINDS, f"its kind is {tool.kind!r}"
    assert tool.effect in _EFFECTS, f"its effect is {tool.effect!r}"
    assert tool.timeout_seconds > 0, "it has no time to run"
    assert schema_bytes(tool) == schema_bytes(tool) == schema_bytes(other), "two instances tell different things"
    _check_schema(tool.parameters())


def _check_schema(schema: dict[str, Any]) -> None:
    assert schema.get("type") == "object", "the schema is not that of an object"
    for name, each in schema.get("properties", {}).items():
        assert each.get("description"), f"{name} is not described"
    try:
        from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise AssertionError(f"the schema is not valid: {error.message}") from None


# --- arguments -------------------------------------------------------------------------------------------------------


def _check_refusals(tool: AnyTool, good: Sequence[str]) -> None:
    for text in _NO_JSON_OBJECT:
        assert not _is_taken(tool, text), f"it takes {text[:40]!r} as arguments"
    for each in good:
        given = json.loads(each)
        assert _is_taken(tool, each), f"it does not take {each[:200]}"
        if tool.parameters().get("additionalProperties") is False:
            assert not _is_taken(tool, json.dumps({**given, "no_such_argument": 1})), "it takes unknown arguments"
        for twisted in _twisted(tool, given):
            _is_taken(tool, json.dumps(twisted))


def _twisted(tool: AnyTool, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    names = [*given, *(name for name in tool.parameters().get("properties", {}) if name not in given)]
    for name in names:
        yield {key: value for key, value in given.items() if key != name}
        for strange in _STRANGE:
            yield {**given, name: strange}


def _is_taken(tool: AnyTool, text: str) -> bool:
    """Whether `parse` takes it; what it takes must be tellable to policy and people."""
    try:
        arguments = tool.parse(text)
    except InvalidArguments as refused:
        if not refused.faults:
            raise AssertionError(f"it refuses {text[:80]!r} without saying why") from refused
        return False
    except Exception as error:
        raise AssertionError(f"parsing {text[:80]!r} raised {type(error).__name__}: {error}") from error
    assert isinstance(tool.invocation(arguments), Invocation), "its invocation is none"
    assert tool.effect_of(arguments) in _EFFECTS, "its effect is none"
    return True


def _check_invocation(tool: AnyTool, text: str) -> None:
    arguments = tool.parse(text)
    invocation = tool.invocation(arguments)
    again = tool.invocation(tool.parse(text))
    assert invocation == again, "the same call looks different to policy the second time"
    assert invocation.tool == tool.name, "the invocation names another tool"
    assert invocation.kind == tool.kind, "the invocation is of another kind"
    shown = f"{invocation.text}\n{invocation.shell or ''}"
    for value in _values(arguments.model_dump(mode="json", exclude_defaults=True)):
        written = json.dumps(value, ensure_ascii=False)
        assert written in shown or str(value) in shown, f"policy and people do not see {written[:80]}"


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _values(each)
    elif isinstance(value, list):
        for each in value:
            yield from _values(each)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value


# --- running ---------------------------------------------------------------------------------------------------------


async def _check_run(tool: AnyTool, text: str, make_context: Callable[[], ToolContext]) -> None:
    arguments = tool.parse(text)
    try:
        async with asyncio.timeout(RUN_SECONDS):
            result = await tool.run(arguments, make_context())
    except TimeoutError:
        raise AssertionError(f"{text[:80]} has not ended after {RUN_SECONDS:g} seconds") from None
    _check_result(result, text)
    for turns in (0, 1, 5):
        await _check_cancelled(tool, text, make_context(), turns)


def _check_result(result: object, text: str) -> None:
    assert isinstance(result, ToolResult), f"{text[:80]} gave {type(result).__name__}, not a ToolResult"
    assert isinstance(result.content, str), "the content is not text"
    assert result.outcome in _OUTCOMES, f"the outcome is {result.outcome!r}"
    assert result.full is None or isinstance(result.full, bytes), "`full` is not bytes"
    result.content.encode()
    try:
        json.dumps(dict(result.details), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise AssertionError(f"the details are not JSON: {error}") from None


async def _check_cancelled(tool: AnyTool, text: str, context: ToolContext, turns: int) -> None:
    running = asyncio.ensure_future(tool.run(tool.parse(text), context))
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=CANCELLED_SECONDS)
    await context.commands.end()
    assert done, f"{text[:80]} goes on {CANCELLED_SECONDS:g} seconds after it was cancelled"
    if not running.cancelled():
        error = running.exception()
        assert error is None, f"cancelling {text[:80]} raised {error!r}"
        _check_result(running.result(), text)
