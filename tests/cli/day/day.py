"""A person's day: windows on one workspace, and what must be true of every window after every step."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.day.steps import BY_NAME
from tests.cli.place import DURAGENT, Place
from tests.support.window import Size, Window

SPEED, USUAL_SPEED = "5", "1"
"""Of the demo model: answers still come word by word. The window that starts the server may ask for another speed."""

_FORBIDDEN = {
    "another screen": re.compile(r"\x1b\[\?(?:47|1047|1049)h"),
    "the mouse": re.compile(r"\x1b\[\?(?:9|1000|1001|1002|1003|1005|1006|1015)h"),
}
_GOES_ON = re.compile(r"^\w[\w ]* · \d+ s\b|^…$")
_BOX_TOP, _BOX_SIDE, _BOX_END = "╔", "║", "╚"
_RIGHT_SIDE = {_BOX_TOP: "╗", _BOX_SIDE: "║", _BOX_END: "╝"}


@dataclass
class Day:
    """Windows are closed at its end."""

    place: Place
    size: Size
    stack: ExitStack = field(default_factory=ExitStack)
    windows: list[Window] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.place.environ["DURAGENT_DEMO_SPEED"] = SPEED

    @property
    def folder(self) -> Path:
        return self.place.folder

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step of the table: a failure says which, and all open windows are looked at when it is over."""
        step = BY_NAME[name]
        try:
            yield
            for window in self.windows:
                window.settle(lambda window=window: wrong_in(window))  # type: ignore[misc]
        except AssertionError as error:
            error.add_note(f"in the step {name!r} at {self.size}: {step.does}: {step.sees}")
            raise

    def window(self, *arguments: str, size: Size | None = None, background: str = "", **environ: str) -> Window:
        """`duragent` with these arguments, in a window of its own."""
        program = [*DURAGENT, *arguments]
        everything = {**self.place.environ, "USER": "me", "LOGNAME": "me", **environ}
        window = Window(program, self.folder, everything, size or self.size, background=background)
        self.windows.append(window)
        return self.stack.enter_context(window)

    def chat(self, *arguments: str, **more: Any) -> Window:
        """`duragent chat` with its prompt."""
        window = self.window("chat", *arguments, **more)
        ready(window)
        return window

    def close(self, window: Window) -> None:
        """It is over, and nobody looks at it any more."""
        self.windows.remove(window)
        window.__exit__()

    def said(self) -> list[str]:
        """The messages of all sessions."""
        records = [record for each in self.place.sessions() for record in self.place.log(each["session_id"])]
        return [record["text"] for record in records if record["type"] == "message_received"]


def ready(window: Window) -> None:
    """Waits for an empty input line, with nothing going on above it."""
    window.until(lambda: prompt_of(window) == "" and not is_busy(window), "there is no empty prompt")


def is_busy(window: Window) -> bool:
    """Whether the line above the input line counts the seconds of what goes on."""
    row, _ = window.cursor
    return any(_GOES_ON.search(line) for line in window.lines[max(row - 2, 0) : row])


def prompt_of(window: Window) -> str | None:
    """What stands in the input line; None when the cursor is not in one."""
    row, _ = window.cursor
    line = window.lines[row] if row < len(window.lines) else ""
    return line[2:].strip() if line.startswith("> ") or line == ">" else None


def wrong_in(window: Window) -> str:
    """What must never be in a window; "" when all is well."""
    if "Traceback (most" in window.everything:
        return "a traceback reached a person"
    for what, pattern in _FORBIDDEN.items():
        if pattern.search(window.raw):
            return f"{what} was taken"
    for line in window.lines:
        if (right := _RIGHT_SIDE.get(line[:1])) and not line.endswith(right):
            return f"a box is broken at {line!r}"
    return ""
