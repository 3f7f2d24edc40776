"""What is kept of a command's output: bounded, however much it prints.

Imported by the runner, so this file imports only the standard library.
"""

import os


class Kept:
    """What is kept of one stream: its first bytes in NAME.0, then pieces of which the oldest are removed again."""

    def __init__(self, name: str, head_bytes: int, piece_bytes: int, pieces: int) -> None:
        self.size = 0
        self._name, self._head, self._piece, self._pieces = name, head_bytes, piece_bytes, pieces
        self._number, self._room, self._fd = -1, 0, -1

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        rest = memoryview(chunk)
        while rest:
            if not self._room:
                self._next()
            count = os.write(self._fd, rest[: self._room])
            self._room -= count
            rest = rest[count:]

    def sync(self) -> None:
        for number in {0, *range(max(self._number - self._pieces, 0), self._number + 1)} if self.size else ():
            sync(f"{self._name}.{number}")

    def _next(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._number += 1
        self._fd = os.open(f"{self._name}.{self._number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._room = self._piece if self._number else self._head
        if self._number > self._pieces + 1:
            os.unlink(f"{self._name}.{self._number - self._pieces - 1}")


def sync(path: str) -> None:
    """Make a file or a folder durable. Raises OSError."""
    # A command may have put a pipe there: it must not block.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.fsync(fd)
    os.close(fd)
