"""Words for the errors of the operating system, and which of them say nothing of the file."""

import errno
import os

import pytest

from duragent.system.os_errors import in_words, is_refusal, is_shortage


def of(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EMFILE, "ulimit -n"),
        (errno.ENFILE, "the machine has no more file descriptors"),
        (errno.EROFS, "mount it read-write"),
        (errno.ENOSPC, "make room"),
        (errno.EDQUOT, "make room"),
    ],
)
def test_what_a_person_can_mend_comes_with_advice(number: int, advice: str) -> None:
    assert in_words(of(number)).startswith(f"{os.strerror(number)} (")
    assert advice in in_words(of(number))


@pytest.mark.parametrize(
    ("error", "words"),
    [(of(errno.EIO), os.strerror(errno.EIO)), (OSError("odd"), "odd"), (TimeoutError(), "TimeoutError")],
)
def test_other_errors_are_the_systems_own_words(error: OSError, words: str) -> None:
    assert in_words(error) == words


@pytest.mark.parametrize(
    ("number", "refusal", "shortage"),
    [
        (errno.ENOSPC, True, False), (errno.EDQUOT, True, False), (errno.EROFS, True, False),
        (errno.EACCES, True, False), (errno.EPERM, True, False), (errno.EMFILE, False, True),
        (errno.ENFILE, False, True), (errno.ENOMEM, False, True), (errno.EAGAIN, False, True),
        (errno.EIO, False, False), (errno.ENOENT, False, False),
    ],
)  # fmt: skip
def test_a_refusal_is_about_the_place_and_a_shortage_about_the_process(
    number: int, refusal: bool, shortage: bool
) -> None:
    assert (is_refusal(of(number)), is_shortage(of(number))) == (refusal, shortage)
