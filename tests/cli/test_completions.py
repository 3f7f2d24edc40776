"""What the shell is told and offered."""

from pathlib import Path

import pytest

from duragent.cli.completions import complete_agent, complete_session
from tests.cli.commands import Command


def test_agents_and_sessions_are_completed_from_files(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    for name in ("session_01k9aa", "session_01k9bb"):
        (folder / ".duragent/sessions" / name).mkdir(parents=True)
    assert complete_agent("as") == ["assistant"]
    assert complete_session("01k9b") == ["01k9bb"]
    assert complete_session("session_01k9a") == ["session_01k9aa"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_prints_the_shells_script(duragent: Command, shell: str) -> None:
    ran = duragent("completions", shell)
    assert ran.code == 0
    assert "_DURAGENT_COMPLETE" in ran.out
