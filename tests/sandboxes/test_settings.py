"""The `sandbox:` block of duragent.yaml."""

import os

import pytest
from pydantic import ValidationError

from duragent.sandboxes.base import CommandLimits
from duragent.sandboxes.settings import LimitSettings, SandboxSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "firejail"},
        {"mode": "trust", "require": "bubblewrap"},
        {"mode": "docker", "require": "bubblewrap"},
        {"require": "trust"},
        {"network": "yes"},
        {"writable": ["relative"]},
        {"hidden": ["~other/x"]},
        {"visible": ["a\0b"]},
        {"pass_env": ["A=B"]},
        {"pass_env": [""]},
        {"docker_image": "--privileged"},
        {"docker_image": "a b"},
        {"unknown": 1},
        {"limits": {"processes": 0}},
        {"limits": {"memory_mebibytes": 1}},
        {"limits": {"memory_mebibytes": "most"}},
        {"limits": {"memory": 100}},
    ],
)
def test_settings_refuse(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SandboxSettings.model_validate(wrong)


def test_every_setting_is_described() -> None:
    fields = SandboxSettings.model_fields | LimitSettings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_limits_are_on_unless_they_are_switched_off() -> None:
    usual = SandboxSettings().limits.limits()
    assert usual.memory_bytes is not None
    assert (usual.processes, usual.file_bytes, usual.open_files, usual.cpu_seconds) == (2048, 10 << 30, 65_536, None)
    assert 0 < usual.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    none = dict.fromkeys(("processes", "memory_mebibytes", "file_mebibytes", "open_files", "cpu_seconds"))
    assert LimitSettings.model_validate(none).limits() == CommandLimits()
    assert LimitSettings.model_validate(none).in_words() == "none"
    small = LimitSettings(processes=50, memory_mebibytes=64, file_mebibytes=0, open_files=None, cpu_seconds=7)
    assert small.limits() == CommandLimits(50, 64 << 20, 0, None, 7)
    assert small.in_words() == "50 processes and threads, 64 MiB of memory, 0 MiB a file, 7 seconds of CPU time"
