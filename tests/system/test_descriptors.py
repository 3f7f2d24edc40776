"""How many descriptors there are, how they are shared out, and what is said when they run out."""

import os
import subprocess
import sys

import pytest

from duragent.system.descriptors import MOST, OWN, DescriptorUse, descriptors, for_connections, for_logs, limit

RAISED = """
import resource
from duragent.system.descriptors import limit, limit_of_commands, raise_limit
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
raise_limit()
raise_limit()
print(limit(), limit_of_commands(), hard)
"""


def test_limit_is_raised_to_what_the_system_allows_and_commands_keep_the_limit_of_before() -> None:
    # In a process of its own: the limit of this one holds for all tests.
    ran = subprocess.run([sys.executable, "-c", RAISED], capture_output=True, check=True, text=True)
    raised, of_commands, hard = map(int, ran.stdout.split())
    allowed = MOST if hard == -1 else min(hard, MOST)
    assert (raised, of_commands) == (allowed, 100)


@pytest.mark.parametrize(
    ("used", "limit", "nearly_used_up"),
    [(10, 1024, False), (959, 1024, False), (960, 1024, True), (1024, 1024, True), (91, 100, False), (92, 100, True)],
)
def test_a_person_is_warned_when_few_are_left(used: int, limit: int, nearly_used_up: bool) -> None:
    problem = DescriptorUse(used, limit).problem
    assert (problem is not None) is nearly_used_up
    if problem is not None:
        assert problem.startswith(f"{used:,} of {limit:,} file descriptors are in use")


def test_logs_and_connections_share_what_the_server_does_not_need_for_itself() -> None:
    free = limit() - OWN
    assert (for_logs(), for_connections()) == (max(2, free // 4), max(2, free // 2))
    assert for_logs() + for_connections() <= max(4, free)


def test_what_is_in_use_is_counted_now() -> None:
    before = descriptors()
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
    try:
        assert descriptors() == DescriptorUse(before.used + 3, before.limit)
    finally:
        for descriptor in opened:
            os.close(descriptor)
