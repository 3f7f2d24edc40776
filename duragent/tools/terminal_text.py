"""What a command wrote for a terminal, as plain text. Pure, and light: a chat imports it before its first prompt.

Terminal control sequences are taken out: colours and cursor moves say nothing to a model, and of a progress bar only
its last state counts.
"""

import re

from duragent.text import printable

# What stands in brackets has no ESC in it, so the search is linear also in a text of nothing but ESC.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links, the clipboard
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # the short ones
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one character
    r"|[\x07\x0e\x0f]"
)


def cleaned(text: str) -> str:
    """The text without what only a terminal understands; NULs and the like become U+FFFD."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\f", "\n")
    if "\r" in text or "\b" in text:
        text = "\n".join(_as_seen(line) for line in text.split("\n"))
    return printable(text)


def _as_seen(line: str) -> str:
    """What a terminal shows of a line in the end: the last thing that was written over it."""
    if "\r" in line:
        line = next((part for part in reversed(line.split("\r")) if part), "")
    if "\b" not in line:
        return line
    seen: list[str] = []
    for char in line:
        if char != "\b":
            seen.append(char)
        elif seen:
            seen.pop()
    return "".join(seen)
