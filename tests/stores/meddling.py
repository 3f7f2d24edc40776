"""What somebody else may do to a log."""

import os
from pathlib import Path


def replace_by_rename(log: Path) -> None:
    log.with_suffix(".other").write_bytes(log.read_bytes())
    os.rename(log.with_suffix(".other"), log)


def remove(log: Path) -> None:
    log.unlink()


def lengthen(log: Path) -> None:
    with log.open("ab") as file:
        file.write(b"{}\n")
