"""What was typed in earlier chats, in a file."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from duragent.system.workspace_folder import make_folders

LINE_CHARS = 20_000
"""What is longer is kept only until the chat ends: the file is read whole at every start."""


def open_history(path: Path | None, whole: Callable[[str], str] = str) -> History:
    """What was typed before. `whole` gives a line with the text of long pastes in place of their marks."""
    if path is None:
        return InMemoryHistory()
    try:
        make_folders(path.parent)
        path.touch(mode=0o600)
        return _WholeHistory(str(path), whole)
    except OSError:
        return InMemoryHistory()


class _WholeHistory(FileHistory):
    """A full disk must not end a chat."""

    def __init__(self, path: str, whole: Callable[[str], str]) -> None:
        super().__init__(path)
        self._whole = whole

    def store_string(self, string: str) -> None:
        whole = self._whole(string)
        if len(whole) <= LINE_CHARS:
            with contextlib.suppress(OSError):
                super().store_string(whole.encode("utf-8", "replace").decode())
