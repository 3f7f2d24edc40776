"""The clipboard of the person."""

import base64
import os
from pathlib import Path

import pytest

from duragent.cli.clipboard import TERMINAL_BYTES, copy, programs


def program(folder: Path, name: str, does: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o700)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Has the programs that a machine may have; `PATH` holds nothing else but what scripts need."""
    for name in ("wl-copy", "xclip", "tmux"):
        program(tmp_path, name, f'echo "$@" > "{tmp_path}/{name}.arguments"; cat > "{tmp_path}/{name}.got"')
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        ({}, []),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ["wl-copy", "xclip"]),
        ({"DISPLAY": ":0"}, ["xclip"]),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "a"}, []),
        ({"DISPLAY": ":0", "TMUX": "/tmp/x"}, ["tmux"]),
    ],
)
def test_programs_fit_to_where_the_person_sits(path: Path, environ: dict[str, str], names: list[str]) -> None:
    assert [command[0] for command in programs({**environ, "PATH": str(path)})] == names


async def test_program_is_given_the_text(path: Path) -> None:
    sent: list[str] = []
    where = await copy("one\nzwei ä", {"DISPLAY": ":0", "PATH": str(path)}, sent.append)
    assert (where, sent) == ("in the clipboard (xclip)", [])
    assert (path / "xclip.got").read_text() == "one\nzwei ä"
    assert (path / "xclip.arguments").read_text() == "-selection clipboard\n"


@pytest.mark.parametrize("does", ["exit 1", "exec 0<&-; exit 3"])
async def test_terminal_gets_it_where_no_program_takes_it(path: Path, does: str) -> None:
    program(path, "xclip", does)
    sent: list[str] = []
    where = await copy("zwei ä\x1b\udcff", {"DISPLAY": ":0", "PATH": str(path)}, sent.append)
    assert where == "sent to the terminal's clipboard"
    [code] = sent
    assert code.startswith("\x1b]52;c;")
    assert code.endswith("\a")
    assert base64.b64decode(code[7:-1]).decode() == "zwei ä\x1b?"


async def test_what_may_be_too_long_for_a_terminal_is_said() -> None:
    where = await copy("x" * (TERMINAL_BYTES + 1), {}, lambda _: None)
    assert where == "sent to the terminal's clipboard, which may not take so much"
