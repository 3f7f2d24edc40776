"""The clipboard of the person."""

import base64
import os
from pathlib import Path

import pytest

from duragent.cli.clipboard import TERMINAL_BYTES, copy, image, programs

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1_000


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


@pytest.mark.parametrize(
    ("display", "name", "arguments"),
    [
        ("WAYLAND_DISPLAY", "wl-paste", "--no-newline --type image/png"),
        ("DISPLAY", "xclip", "-selection clipboard -target image/png -out"),
    ],
)
async def test_image_is_read_from_the_clipboard(path: Path, display: str, name: str, arguments: str) -> None:
    (path / "image").write_bytes(PNG)
    program(path, name, f'echo "$@" > "{path}/{name}.arguments"; cat "{path}/image"')
    assert await image({display: "0", "PATH": str(path)}) == PNG
    assert (path / f"{name}.arguments").read_text() == f"{arguments}\n"


async def test_image_of_a_mac_is_read_from_what_its_program_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    (path / "said").write_text(f"\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}data PNGf{PNG.hex().upper()}\n")
    program(path, "osascript", f'cat "{path}/said"')
    assert await image({"PATH": str(path)}) == PNG


@pytest.mark.parametrize("does", ["exit 1", "echo no image", "printf ''"])
async def test_clipboard_without_an_image_has_none(path: Path, does: str) -> None:
    program(path, "xclip", does)
    assert await image({"DISPLAY": ":0", "PATH": str(path)}) is None


async def test_clipboard_of_another_machine_is_not_read(path: Path) -> None:
    program(path, "xclip", r"printf 'GIF89a\1\0'")
    here = {"DISPLAY": ":0", "PATH": str(path)}
    assert await image(here) == b"GIF89a\x01\x00"
    assert await image({**here, "SSH_CONNECTION": "a"}) is None
    assert await image({"PATH": str(path)}) is None


async def test_what_is_larger_than_a_file_may_be_is_no_image(path: Path) -> None:
    program(path, "xclip", "printf 'GIF89a'; head -c 60000000 /dev/zero")
    assert await image({"DISPLAY": ":0", "PATH": str(path)}) is None
