"""What may stand where a file of ours should be: each function puts one kind of it at a path that is free."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

Odd = Callable[[Path], None]


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def folder(path: Path) -> None:
    path.mkdir()


def unix_socket(path: Path) -> None:
    # Paths of sockets are short.
    descriptor = os.open(path.parent, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{descriptor}/{path.name}")
    os.close(descriptor)


def real_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def too_long(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


ODD: tuple[Odd, ...] = (
    named_pipe,
    endless_device,
    dangling_link,
    link_to_itself,
    folder,
    unix_socket,
    real_device,
    too_long,
)
