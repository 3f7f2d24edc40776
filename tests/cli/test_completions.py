"""What the shell is told and offered."""

import os
from pathlib import Path

import pytest

from duragent.cli.completions import complete_agent, complete_file, complete_note, complete_session
from tests.cli.commands import Command


def test_agents_and_sessions_are_completed_from_files(duragent: Command, folder: Path) -> None:
    duragent("init", "--no-interactive")
    for name in ("session_01k9aa", "session_01k9bb"):
        (folder / ".duragent/sessions" / name).mkdir(parents=True)
    assert complete_agent("as") == ["assistant"]
    assert complete_session("01k9b") == ["01k9bb"]
    assert complete_session("session_01k9a") == ["session_01k9aa"]


def test_notes_are_completed_from_files_those_of_the_newest_first(duragent: Command, folder: Path) -> None:
    assert complete_note("") == []
    duragent("init", "--no-interactive")
    daily = folder / ".duragent/agents/assistant/memory/daily"
    daily.mkdir(parents=True)
    for day, notes in (("01", ("m_aaaaaaaa", "m_aabbbbbb")), ("02", ("m_cccccccc",))):
        lines = [f"a text\n<!-- {note} importance=0.50 trust=owner -->\n" for note in notes]
        (daily / f"2026-11-{day}.md").write_text("".join(lines))
        os.utime(daily / f"2026-11-{day}.md", (int(day), int(day)))
    assert complete_note("") == ["m_cccccccc", "m_aabbbbbb", "m_aaaaaaaa"]
    (daily.parent / "MEMORY.md").write_text("# Long\n")
    assert complete_file("") == ["MEMORY.md", "daily/2026-11-02.md", "daily/2026-11-01.md"]
    assert complete_file("daily/2026-11-01") == ["daily/2026-11-01.md"]
    assert complete_note("m_aa") == complete_note("aa") == ["m_aabbbbbb", "m_aaaaaaaa"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_prints_the_shells_script(duragent: Command, shell: str) -> None:
    ran = duragent("completions", shell)
    assert ran.code == 0
    assert "_DURAGENT_COMPLETE" in ran.out
