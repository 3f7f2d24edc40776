"""Long pastes and images: a mark stands for each in the input line; the text, or the image, goes with the message."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from duragent.cli import view
from duragent.cli.uploads import Upload
from duragent.file_types import media_type_of

FOLD_LINES, FOLD_CHARS = 10, 2_000
"""A paste with more lines, or more characters, folds."""
OFFER_BYTES = 100_000
"""A paste that is larger is offered to become a file: it fills the window of a model."""
MESSAGE_BYTES = 1_500_000
"""What a message may hold, as UTF-8: with what JSON adds it stays below what a server takes for a request."""
FILE_NAME = "pasted-{number}.txt"

_IMAGE = re.compile(r"\[image #\d+\]")
_MARK = re.compile(r"\[pasted [\d,.]+ [a-zA-Z]+(?: #\d+)?\]")


@dataclass(frozen=True)
class Entered:
    """A line that a person has sent."""

    shown: str
    """As it stood in the input line: long pastes are marks."""

    text: str
    """What it says, with the pastes in full."""

    own: str = ""
    """What the person wrote of it: the files that are mentioned there go with it."""

    files: tuple[Upload, ...] = ()
    """The files that go with it, besides those."""


class Pastes:
    """The long pastes and the images of one chat, each with its mark."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._images: dict[str, Upload] = {}

    def folded(self, pasted: str) -> str:
        """What goes into the input line: the paste itself, or its mark when it is long."""
        if not is_long(pasted):
            return pasted
        lines = _lines(pasted)
        label = f"pasted {view.many(lines, 'line')}" if lines > 1 else f"pasted {len(pasted):,} characters"
        numbers = ("", *(f" #{number}" for number in range(2, len(self._texts) + 2)))
        mark = next(mark for mark in (f"[{label}{number}]" for number in numbers) if mark not in self._texts)
        self._texts[mark] = pasted
        return mark

    def image_mark(self, content: bytes) -> str:
        """What goes into the input line for an image that has no file."""
        number = len(self._images) + 1
        name = f"image-{number}.{media_type_of(content).removeprefix('image/')}"
        self._images[f"[image #{number}]"] = Upload(name, content, len(content))
        return f"[image #{number}]"

    def unfolded(self, line: str) -> str:
        """The line with the text of each mark in its place."""
        return _MARK.sub(lambda found: self._texts.get(found[0], found[0]), line) if self._texts else line

    def entered(self, line: str) -> Entered:
        files = [self._images[mark] for mark in dict.fromkeys(_IMAGE.findall(line)) if mark in self._images]
        return Entered(line, self.unfolded(line), line, tuple(files))

    def mark_before(self, text: str) -> str:
        """The mark with which the text ends; "" when it ends with none."""
        marks = [*self._texts, *self._images]
        return next((mark for mark in marks if text.endswith(mark)), "")

    def largest_in(self, line: str) -> str:
        """The mark of the largest paste in the line; "" when it has none."""
        marks = [found[0] for found in _MARK.finditer(line) if found[0] in self._texts]
        return max(marks, key=lambda mark: len(self._texts[mark]), default="")

    def text_of(self, mark: str) -> str:
        return self._texts[mark]


def is_long(text: str) -> bool:
    """Whether it is more than a person types: it was pasted."""
    return _lines(text) > FOLD_LINES or len(text) > FOLD_CHARS


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n"))


def size_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def write_file(folder: Path, text: str) -> Path:
    """A new file in the folder with the text, which only its owner can read. Raises OSError."""
    number = 1
    while True:
        path = folder / FILE_NAME.format(number=number)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(text)
        return path
