"""Which files are private by their names."""

import pytest

from duragent.policy.place import is_private, is_private_name


@pytest.mark.parametrize(
    ("path", "private"),
    [
        ("/proc/1/environ", True),
        ("/proc/77/task/78/environ", True),
        ("/proc/self/mem", True),
        ("/proc/1/fd/3", True),
        ("/proc/1/status", False),
        ("/proc/cpuinfo", False),
        ("/w/.duragent/run", True),
        ("/w/.duragent/run/spool/x", True),
        ("/w/.DURAGENT/Sessions/a/events.jsonl", True),
        ("/w/.duragent/agents/a/agent.yaml", False),
        ("/home/me/.local/state/duragent/token", True),
        ("/run/user/1000/duragent/x", True),
        ("/home/me/duragent/token.py", False),
        ("/home/me/environ", False),
        ("/w/.duragent/.lock", True),
        ("/w/.duragent/running", False),
        ("/w/my.duragent/run", False),
        ("/w/.duragent/agents/run", False),
        ("/w/.duragent/run.yaml", False),
        ("/home/me/.local/state/duragent-2/x", False),
        ("/run/user/me/duragent", False),
        ("/dev/shm/duragent-1000/x", True),
        ("/dev/shm/duragent-x", False),
        ("/", False),
    ],
)
def test_private_files_are_known_by_their_names(path: str, private: bool) -> None:
    assert is_private(path) is private


@pytest.mark.parametrize(
    ("path", "private"),
    [
        ("/w/.duragent/run", True), ("/w/.Duragent/SESSIONS", True), ("/w/.duragent/run/spool", False),
        ("/run/user/7/duragent", True), ("/run/user/7/duragent/token", False), ("/proc/1/environ", False),
        ("/dev/shm/duragent-7", True), ("/dev/shm/duragent-7x", False), ("/home/me/.local/state/duragent", True),
    ],
)  # fmt: skip
def test_only_the_last_part_of_a_path_is_looked_at_for_a_private_name(path: str, private: bool) -> None:
    assert is_private_name(path) is private
