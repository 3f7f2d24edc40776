import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.errors import InvalidArguments
from duragent.testing.tool_context import ToldSessions, context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import ToolResult
from duragent.tools.read_output import ReadOutput, page
from tests.tools.calling import call

LINES = "".join(f"line {number}\n" for number in range(1, 10_001)).encode()
TOLD = ToldSessions(
    outputs={"c1": LINES, "empty": b"", "odd": b"a\xff\nB\xc3\xa9\n" + b"x" * 3_000 + b"NEEDLE" + b"y" * 3_000}
)


async def run(folder: Path, **arguments: object) -> ToolResult:
    return await call(ReadOutput(TOLD), folder, **arguments)


async def test_pages_put_together_are_the_whole_output(tmp_path: Path) -> None:
    offset, found = 0, ""
    while True:
        result = await run(tmp_path, call="c1", offset=offset)
        text, _, notice = result.content.rpartition("[")
        found += (
            text if result.details["to"] == len(LINES) or LINES[: result.details["to"]].endswith(b"\n") else text[:-1]
        )
        if "this is the end" in notice:
            break
        offset = int(notice.partition("next offset ")[2].rstrip("]"))
    assert found.encode() == LINES


async def test_page_says_where_it_is(tmp_path: Path) -> None:
    result = await run(tmp_path, call="c1", offset=7, limit=7)
    assert result.content == f"line 2\n[bytes 7 to 14 of {len(LINES)}; next offset 14]"
    assert (await run(tmp_path, call="c1", limit=4)).content == f"line\n[bytes 0 to 4 of {len(LINES)}; next offset 4]"
    assert (await run(tmp_path, call="empty")).content == "[bytes 0 to 0 of 0; this is the end]"


@given(st.text(st.sampled_from("aé漢🙂\n"), max_size=60), st.integers(1, 9))
def test_page_never_tears_a_character_and_always_goes_on(text: str, limit: int) -> None:
    output, offset, found = text.encode(), 0, b""
    for _ in range(len(output) + 1):
        result = page(output, offset, limit)
        assert "\ufffd" not in result.content
        found += output[result.details["from"] : result.details["to"]]
        offset = result.details["to"]
        if offset == len(output):
            break
    assert found == output


async def test_output_that_is_not_kept_is_told(tmp_path: Path) -> None:
    result = await run(tmp_path, call="c9")
    assert result.outcome == "error"
    assert result.content == "No output of a call 'c9' is kept: only what was too long to be shown is."
    result = await run(tmp_path, call="c1", offset=10**9)
    assert (result.content, result.outcome) == (
        f"The output has {len(LINES):,} bytes; there is nothing at 1,000,000,000.",
        "error",
    )


async def test_pattern_finds_lines_in_any_letter_case(tmp_path: Path) -> None:
    result = await run(tmp_path, call="c1", pattern="LINE 999")
    assert result.content.split("\n")[0] == "999 (byte 8874): line 999"
    assert LINES[8874:].startswith(b"line 999\n")
    assert result.content.endswith(f"\n[11 lines; these are all; {len(LINES)} bytes searched from 0]")
    within, after = [(await run(tmp_path, call="c1", pattern="line 999", offset=at)).content for at in (8882, 8883)]
    assert (within.partition(" ")[0], after.partition(" ")[0]) == ("999", "9990")
    assert (await run(tmp_path, call="c1", pattern="nowhere")).content == (
        f"[0 lines; no line has it; {len(LINES)} bytes searched from 0]"
    )


async def test_many_lines_with_the_pattern_are_paged(tmp_path: Path) -> None:
    offset, found = 0, []
    while True:
        content = (await run(tmp_path, call="c1", pattern="line", offset=offset, limit=32_768)).content
        *lines, notice = content.split("\n")
        assert len(content) < 33_000
        found += [int(line.partition(" ")[0]) for line in lines]
        if "these are all" in notice:
            break
        offset = int(notice.partition("next offset ")[2].partition(";")[0])
    assert found == list(range(1, 10_001))


async def test_long_line_is_shown_around_what_was_found(tmp_path: Path) -> None:
    content = (await run(tmp_path, call="odd", pattern="needle")).content
    line = content.split("\n")[0]
    assert line.startswith("3 (byte 7): …xxx")
    assert "NEEDLE" in line
    assert line.endswith("yyy…")
    assert len(line) < 550
    assert (await run(tmp_path, call="odd", pattern="bÉ")).content.startswith("2 (byte 3): Bé\n")


@pytest.mark.parametrize(
    "arguments",
    [{}, {"call": ""}, {"call": "c", "offset": -1}, {"call": "c", "limit": 0}, {"call": "c", "limit": 10**6},
     {"call": "c", "pattern": ""}],
)  # fmt: skip
def test_odd_arguments_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidArguments):
        ReadOutput().parse(json.dumps(arguments))


async def test_read_output_keeps_the_contract(tmp_path: Path) -> None:
    good = ['{"call": "c1"}', '{"call": "c1", "offset": 100, "limit": 10, "pattern": "line"}', '{"call": "gone"}']
    await check_tool(lambda: ReadOutput(TOLD), good=good, make_context=lambda: context_in(tmp_path))
