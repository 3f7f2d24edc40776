"""Signs in the text around a call that it is meant, or that it is only shown. Pure."""

import re

from duragent.models.text_tools.calls import CALL_KEYS

_EXAMPLE = re.compile(
    r"(?:\bfor (?:example|instance)[\s:.,*_]*|\be\.g\.?[\s:,*_]*"
    r"|\b(?:like (?:this|so)|examples?(?: (?:of|call|usage)\b.{0,100})?)[\s*_]*:[\s*_]*)$",
    re.IGNORECASE,
)
_FIRST_KEY = re.compile(r"(?:\[\s*+)?\{\s*+[\"'\u201c\u201d\u2018\u2019]?(\w++)[\"'\u201c\u201d\u2018\u2019]?\s*+:")
_NO_KEY = re.compile(r"\[\s*+[^\s{]|(?:\[\s*+)?\{\s*+[^\s\"'\u201c\u201d\u2018\u2019\w/#]")
_WORDS_CHARS = 300
_SENTENCE_ENDS = (".", ":", "!", "?", ")", "\u2026", "\u3002", "\uff1a", "*", "_")


def is_no_call(start: str) -> bool:
    """Whether JSON that begins so is certainly no call. Once true, more text does not make it false."""
    if _NO_KEY.match(start):
        return True
    key = _FIRST_KEY.match(start)
    return key is not None and key.group(1) not in CALL_KEYS


def announces_example(line: str) -> bool:
    """Whether what follows the line is shown rather than meant."""
    return _EXAMPLE.search(line) is not None


def ends_sentence(line: str) -> bool:
    return line.endswith(_SENTENCE_ENDS)


class LinesBefore:
    """The text in front of the current line, as far as it decides whether a call can begin there."""

    def __init__(self) -> None:
        self._words = ""
        self._blank_lines = 0

    def add(self, text: str, *, keep_words: bool = False) -> None:
        """Text that is no call. `keep_words`: the words before it still count, as those before an example do."""
        self._blank_lines = 0
        if not keep_words:
            self._words = text.strip()[-_WORDS_CHARS:]

    def add_blank(self) -> None:
        """A blank line."""
        self._blank_lines += 1

    def clear(self) -> None:
        """After a call: nothing is in front."""
        self._words, self._blank_lines = "", 0

    def ends_a_paragraph(self) -> bool:
        """Whether the current line can begin a paragraph of its own."""
        return not self._words or self._blank_lines > 0 or ends_sentence(self._words)

    def announces_example(self) -> bool:
        """Whether the current line is probably shown as an example rather than meant."""
        return self._blank_lines <= 1 and announces_example(self._words)
