"""What models, providers and servers send: each byte of it is foreign, and none may break the reader."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from duragent.errors import InvalidArguments
from duragent.http.sse import Decoder, EventTooLong
from duragent.models.text_tools.parse import Scanner, parse
from duragent.tools.base import AnyTool, json_object
from duragent.tools.bash import Bash
from duragent.tools.edit_file import EditFile
from duragent.tools.programs.program import Program
from duragent.tools.programs.schema import parse_schema
from duragent.tools.programs.tool import ProgramTool
from duragent.tools.search_files import SearchFiles
from duragent.tools.write_file import WriteFile
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import changed, changed_text, takes_linear_time
from tests.models.text_tools.offered import TOOLS
from tests.models.text_tools.test_parse import CALL, JSON

STREAM = (
    b"retry: 1000\n\nevent: hello\ndata: {\"head\":4}\n\n: keep-alive\n\n"
    b"id: 1\nevent: message_received\ndata: {\"seq\":1}\n\n"
    b"event: delta\ndata: {\"text\":\"a\"}\n\nevent: caught_up\ndata: {\"head\":4}\n\n"
)  # fmt: skip
TAGS = (
    "<tool_call>",
    "</tool_call>",
    "```json\n",
    "\n```\n",
    "<think>",
    "</think>",
    "\n> ",
    "    ",
    "<!--",
    "[TOOL_CALLS]",
    JSON,
)
SAID = (CALL, f"I look.\n{CALL}\nThen.", f"```json\n{JSON}\n```", JSON, f"<tool_calls>\n{CALL}\n{CALL}\n</tool_calls>")
SCHEMA = {
    "properties": {
        "city": {"type": "string"},
        "n": {"type": "number", "multipleOf": 0.1},
        "list": {"uniqueItems": True},
    }
}
ARGUMENTS = (
    '{"command": "ls -l", "timeout_seconds": 5}',
    '{"city": "x", "n": 1, "list": [1, 1]}',
    '{"path": "a", "content": "b\\n"}',
)
TAKERS: tuple[AnyTool, ...] = (
    Bash(),
    EditFile(),
    SearchFiles(),
    WriteFile(),
    ProgramTool(Program("free", ("x",), Path())),
    ProgramTool(Program("strict", ("x",), Path(), schema=parse_schema(SCHEMA))),
)
NUMBERS = ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5_000, "-0.0", '"\\ud800"', "[" * 5_000, '{"a":' * 5_000)


def stream_of_a_server(chance: random.Random) -> None:
    """Any bytes: events or EventTooLong, the same in one piece and in many; nothing is kept beyond the limit."""
    data, limit = changed(chance, STREAM), chance.choice([50, 100_000])

    def read(pieces: list[bytes]) -> object:
        decoder, found = Decoder(limit), []
        try:
            for piece in pieces:
                found += list(decoder.feed(piece))
        except EventTooLong:
            return "too long"
        return found

    size = chance.randint(1, 40)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    whole, cut = read([data]), read(pieces)
    assert whole == cut or "too long" in (whole, cut)
    assert limit == 50 or whole == cut


def text_with_calls(chance: random.Random) -> None:
    """Any text: calls of offered tools only, the same however it arrives, and what is shown stands in the text."""
    text = changed_text(chance, chance.choice(SAID), TAGS)
    whole = parse(text, TOOLS)
    assert {call.name for call in whole.calls} <= {tool.name for tool in TOOLS}
    scanner, size = Scanner(TOOLS), chance.randint(1, 30)
    shown = "".join(scanner.feed(text[at : at + size]) for at in range(0, len(text), size)) + scanner.finish()
    assert (shown, tuple(scanner.calls)) == (whole.text, whole.calls)
    assert len(whole.text) <= len(text)


def arguments_of_calls(chance: random.Random) -> None:
    """Whatever a model writes as arguments: a tool takes it, shows it in one line, or says what is wrong."""
    text = changed_text(chance, chance.choice(ARGUMENTS), NUMBERS)
    try:
        assert isinstance(json_object(text), dict)
    except InvalidArguments as error:
        assert len(str(error)) < 1_000  # noqa: PT017  # it may be raised or not
    for tool in TAKERS:
        try:
            arguments = tool.parse(text)
        except InvalidArguments as error:
            str(error)
            continue
        tool.invocation(arguments).text.encode("utf-8", "surrogatepass")


CHECKS: tuple[Callable[[random.Random], None], ...] = (stream_of_a_server, text_with_calls, arguments_of_calls)


def search(campaign: Campaign, check: Callable[[random.Random], None], numbers: range) -> None:
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            check(chance)
    print(f"{check.__name__}: {len(numbers)}")  # noqa: T201  # a campaign says what it did


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_whatever_comes_is_read_or_refused(campaign: Campaign, check: Callable[[random.Random], None]) -> None:
    search(campaign, check, range(150))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_whatever_comes_is_read_or_refused_in_a_long_search(
    campaign: Campaign, check: Callable[[random.Random], None]
) -> None:
    search(campaign, check, range(1_000, 61_000))


@pytest.mark.parametrize("unit", ["\r", "\n", "data: a\n", "data:\n\n", ":\n", "id: 1\n", "retry: 1\n\n", "x"])
def test_stream_takes_linear_time(unit: str) -> None:
    takes_linear_time(lambda text: list(Decoder().feed(text.encode())), unit, 50_000)
    small = 7

    def in_pieces(text: str) -> None:
        decoder, data = Decoder(), text.encode()
        for at in range(0, len(data), small):
            list(decoder.feed(data[at : at + small]))

    takes_linear_time(in_pieces, unit, 20_000)
