"""Small signs by which text shows that what stands beside it is meant as a call, or is not. Pure."""

import re

from duragent.models.text_tools.calls import CALL_KEYS

_EXAMPLE = re.compile(
    r"(?:\bfor (?:example|instance)[\s:.,*_]*|\be\.g\.?[\s:,*_]*"
    r"|\b(?:like (?:this|so)|examples?(?: (?:of|call|usage)\b.{0,100})?)[\s*_]*:[\s*_]*)$",
    re.IGNORECASE,
)
_FIRST_KEY = re.compile(r"(?:\[\s*+)?\{\s*+[\"'\u201c\u201d\u2018\u2019]?(\w++)[\"'\u201c\u201d\u2018\u2019]?\s*+:")
_NO_KEY = re.compile(r"\[\s*+[^\s{]|(?:\[\s*+)?\{\s*+[^\s\"'\u201c\u201d\u2018\u2019\w/#]")
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
