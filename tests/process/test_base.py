"""What is known of a command that has ended."""

import pytest

from duragent.process.base import Finished, Output


@pytest.mark.parametrize(
    ("output", "omitted"),
    [(Output(), 0), (Output(b"all", b"", 3), 0), (Output(b"head", b"tail", 8), 0), (Output(b"head", b"tail", 100), 92)],
)
def test_bytes_between_head_and_tail_are_counted(output: Output, omitted: int) -> None:
    assert output.omitted_bytes == omitted


def test_end_without_more_is_that_of_a_command_within_its_limits() -> None:
    finished = Finished("exited", 0, Output(), Output())
    assert (finished.signal, finished.error, finished.limit) == (None, "", None)
