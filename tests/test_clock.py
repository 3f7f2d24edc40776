"""Ids that sort by time, and the moments in them."""

from datetime import UTC, datetime

import pytest

from duragent.clock import ULID, SystemClock, moment_of, ulid, ulid_of


@pytest.mark.parametrize(
    ("milliseconds", "chance", "expected"),
    [
        (0, bytes(10), "0" * 26),
        ((1 << 48) - 1, b"\xff" * 10, "7" + "z" * 25),
        (1 << 48, bytes(10), "0" * 26),
        (1469918176385, bytes(10), "01aryz6s41" + "0" * 16),
    ],
)
def test_ulid_is_48_bits_of_time_and_80_of_chance(milliseconds: int, chance: bytes, expected: str) -> None:
    assert ulid(milliseconds, chance) == expected
    assert ULID.fullmatch(expected)


def test_ulids_sort_by_time() -> None:
    made = [ulid(milliseconds, b"\xff" * 10) for milliseconds in (0, 1, 31, 32, 1 << 20, 1 << 40)]
    assert made == sorted(made)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("session_" + ulid(1_000, b"x" * 10), datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (ulid(1_767_225_600_250, bytes(10)).upper(), datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("a_b_" + "0" * 26, datetime(1970, 1, 1, tzinfo=UTC)),
        ("session_" + "0" * 25, None),
        ("session_" + "8" + "0" * 25, None),
        ("session_" + "i" * 26, None),
        ("session_" + "7" + "z" * 25, None),
        ("", None),
    ],
)
def test_moment_is_read_from_the_id(name: str, moment: datetime | None) -> None:
    assert moment_of(name) == moment


def test_key_becomes_always_the_same_ulid() -> None:
    assert ulid_of("a key") == ulid_of("a key") != ulid_of("another key")
    assert ULID.fullmatch(ulid_of("a key"))
    assert ulid_of("0" * 26) == "0" * 26


def test_clock_of_the_machine_only_grows_and_makes_new_ids() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.now().tzinfo is UTC
    made = [clock.new_id("call") for _ in range(100)]
    assert len(set(made)) == 100
    assert all(each.startswith("call_") and ULID.fullmatch(each.removeprefix("call_")) for each in made)
