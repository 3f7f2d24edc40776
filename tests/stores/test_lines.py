"""Lines are found by their seq in a file of any size, whatever the sizes of the lines."""

from collections.abc import Callable

import pytest

from duragent.journal.line import MAX_LINE_BYTES
from duragent.stores.files.lines import CHUNK_BYTES, backward, forward, offset_after
from tests.support.logs import lines_of, message

SIZES = {
    "short": [10] * 400,
    "mixed": [10, 5_000, 90_000, 20, 200_000, 30, 30, 70_000, 1] * 3,
    "long first": [MAX_LINE_BYTES - 300, 10, 10],
    "long last": [10, 10, MAX_LINE_BYTES - 300],
    "one": [10],
}
FIRST = 7


@pytest.fixture(params=list(SIZES))
def lines(request: pytest.FixtureRequest) -> list[bytes]:
    return [lines_of(FIRST + at, [message("x" * size)])[0] for at, size in enumerate(SIZES[request.param])]


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[offset : offset + size]


def test_offset_after_a_seq_is_where_the_next_line_begins(lines: list[bytes]) -> None:
    data = b"".join(lines)
    for seq in range(FIRST - 2, FIRST + len(lines) + 1, 1 + len(lines) // 40):
        behind = b"".join(lines[max(0, seq - FIRST + 1) :])
        assert offset_after(reader(data), len(data), seq) == len(data) - len(behind)


def test_only_a_part_of_a_long_file_is_read_to_find_a_seq() -> None:
    lines = [lines_of(at, [message("x" * 500)])[0] for at in range(1, 4001)]
    data, asked = b"".join(lines), list[int]()

    def read(offset: int, size: int) -> bytes:
        asked.append(min(size, len(data) - offset))
        return data[offset : offset + size]

    assert offset_after(read, len(data), 1234) == sum(map(len, lines[:1234]))
    assert sum(asked) < len(data) / 8


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
@pytest.mark.parametrize("max_bytes", [1, 1_000, 100_000, 1 << 22])
def test_forward_stops_at_the_limit_or_behind_the_line_that_passes_the_bytes(
    lines: list[bytes], limit: int, max_bytes: int
) -> None:
    data = b"".join(lines)
    for at in (0, len(lines) // 2, len(lines) - 1):
        start = sum(map(len, lines[:at]))
        block = forward(reader(data), start, len(data), limit, max_bytes)
        count = block.count(b"\n")
        assert block == b"".join(lines[at : at + count])
        assert 1 <= count <= limit
        # Short lines come in whole chunks, so that a read need not look for the very line.
        assert count in (limit, len(lines) - at) or len(block) >= max_bytes
        assert len(block) <= max_bytes + CHUNK_BYTES + max(map(len, lines))


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
@pytest.mark.parametrize("max_bytes", [1, 1_000, 100_000, 1 << 22])
def test_backward_ends_where_it_is_told_and_has_at_least_one_line(
    lines: list[bytes], limit: int, max_bytes: int
) -> None:
    data = b"".join(lines)
    for upto in (1, 1 + len(lines) // 2, len(lines)):
        end = sum(map(len, lines[:upto]))
        block = backward(reader(data), end, limit, max_bytes)
        count = block.count(b"\n")
        assert block == b"".join(lines[upto - count : upto])
        assert 1 <= count <= limit
        assert count == 1 or len(block) <= max_bytes


def test_nothing_is_asked_for_and_nothing_is_read() -> None:
    assert forward(reader(b"x\n"), 0, 2, 0, 100) == b""
    assert forward(reader(b"x\n"), 2, 2, 5, 100) == b""
    assert backward(reader(b"x\n"), 2, 0, 100) == b""
    assert backward(reader(b""), 0, 5, 100) == b""


def test_file_that_ends_early_or_has_no_lines_is_an_error_and_never_a_loop() -> None:
    with pytest.raises(ValueError, match="before the end at 100"):
        forward(reader(b""), 10, 100, 5, 100)
    with pytest.raises(ValueError, match="no end of a line"):
        backward(reader(bytes(4 * MAX_LINE_BYTES)), 4 * MAX_LINE_BYTES, 5, 100)
