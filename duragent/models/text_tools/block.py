"""The tags around text tool calls, and where a block that begins with one ends. Pure."""

import re
from dataclasses import dataclass

_TAGS = "tool_calls?|toolcall|tool|function_calls?"
_FLAGS = re.IGNORECASE | re.ASCII
_OPEN = (
    rf"<(?:(?P<word>{_TAGS}|invoke|function)"
    r"(?:\s{0,9}(?:\sname\s{0,9})?=\s{0,9}[\"']?(?P<name>[\w.-]{1,80})[\"']?)?\s{0,9}"
    rf"|\|(?P<pipe>{_TAGS})(?:_start|_begin)?\|)>"
)
OPEN = re.compile(_OPEN, _FLAGS)
"""The tag that begins a call block."""
_PIPE_CLOSE = re.compile(
    rf"<\|/(?:{_TAGS})\|>|</\|(?:{_TAGS})\|>|<\|(?:{_TAGS})_end\|>|<\|end_(?:{_TAGS})\|>|</(?:{_TAGS})>", _FLAGS
)
REGION = re.compile(
    rf"{_OPEN}|<(?P<region>tool_result|tool_response|think|thinking)\b[^<>\n]{{0,300}}>|(?P<comment><!--)", _FLAGS
)
"""What opens a part in which nothing is a call: a call's own tag too, when it does not stand where calls stand."""
_OPENINGS = (*(f"<{bar}{word}" for bar in ("", "|") for word in ("tool", "function")), "<invoke")
_JSON_TOKEN = re.compile(r"[\"'{}\[\]<]")
_INSIDE = {quote: re.compile(rf"(?:[^\\{quote}]++|\\.|\\$)*+", re.DOTALL) for quote in "\"'"}
_WORD = re.compile(r"\S")
_BODY = re.compile(r"\s*+(?:[{\[<`]|$)")
_CODE_SPAN = re.compile(r"`[^`\n]*+`")


def may_open(start: str) -> bool:
    """Whether the beginning of a line may become one of the tags."""
    low = start.lower()
    return any(low.startswith(opening) or opening.startswith(low) for opening in _OPENINGS)


def close_of(opening: re.Match[str]) -> re.Pattern[str]:
    """The tag that ends what a match of OPEN or REGION opened."""
    groups = opening.groupdict()
    if groups["pipe"]:
        return _PIPE_CLOSE
    if groups.get("comment"):
        return re.compile("-->")
    return re.compile(f"</{re.escape(groups['word'] or groups['region'])}>", _FLAGS)


@dataclass(frozen=True)
class Region:
    """A part of the text that is not read for calls: until `close`, or also until a blank line."""

    close: re.Pattern[str]
    ends_blank: bool


def open_region(line: str, *, is_quoted: bool = False) -> tuple[Region | None, bool]:
    """What the line opens and does not close, outside of code spans, and whether blocks seem to begin in it.

    In a line that is quoted as a whole a call's tag opens nothing.
    """
    text = _CODE_SPAN.sub("", line)
    at, has_calls = 0, False
    while opening := REGION.search(text, at):
        is_call = not (opening["region"] or opening["comment"])
        at = opening.end()
        if is_call and is_quoted:
            continue
        has_calls = has_calls or (is_call and _BODY.match(text, at) is not None)
        close = close_of(opening)
        closing = close.search(text, at)
        if closing is None:
            return Region(close, ends_blank=is_call), has_calls
        at = closing.end()
    return None, has_calls


class CallBlock:
    """The tagged blocks, or the bare JSON, that are being read: where the one that is open will end."""

    def __init__(self, *, json: bool = False) -> None:
        self.is_open = json
        self.count = 0
        self._bare = json
        self._json: bool | None = True if json else None
        self._depth = 0
        self._quote = ""
        self._close = re.compile("")
        self._name: str | None = None
        self._body: list[str] = []
        self._bodies: list[tuple[str | None, str]] = []

    def open(self, opening: re.Match[str]) -> None:
        self.is_open, self._close, self._name = True, close_of(opening), opening["name"]
        self._json, self._depth, self._quote, self._body = None, 0, "", []

    def bodies(self) -> list[tuple[str | None, str]]:
        return self._bodies

    def end(self) -> None:
        """The end of the text. A tag that nothing follows does not count."""
        if self.is_open and any(piece.strip() for piece in self._body):
            self._end()

    def _end(self) -> None:
        self._bodies.append((self._name, "".join(self._body)))
        self.is_open = False

    def hides_its_end(self) -> bool:
        return self.is_open and bool(self._quote) and self._close.search("".join(self._body)) is not None

    def read(self, line: str, at: int, *, plain: bool) -> int | None:
        """Read the line from `at`; where the block ended in it, after its closing tag, or None."""
        if self._json is None and (start := _WORD.search(line, at)):
            self._json = start.group() in "{[`" and not plain
        end = self._end_in_json(line, at) if self._json else self._end_of_tag(line, at)
        if end is None:
            self._body.append(line[at:])
            return None
        self._body.append(line[at : end[0]])
        self.count += 1
        if not self._bare:
            self._end()
        return end[1]

    def _end_of_tag(self, line: str, at: int) -> tuple[int, int] | None:
        closing = self._close.search(line, at)
        return closing.span() if closing else None

    def _end_in_json(self, line: str, at: int) -> tuple[int, int] | None:
        while True:
            if self._quote:
                inside = _INSIDE[self._quote].match(line, at)
                at = inside.end() if inside else at
                if at >= len(line):
                    return None
                self._quote = ""
                at += 1
            token = _JSON_TOKEN.search(line, at)
            if token is None:
                return None
            char, at = token.group(), token.end()
            if char in "\"'":
                self._quote = char
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._bare and self._depth <= 0:
                    return at, at
            elif not self._bare and (end := self._tag_end(line, at - 1)):
                return end

    def _tag_end(self, line: str, at: int) -> tuple[int, int] | None:
        """The block ends with its closing tag, and before the next block when it was not closed."""
        if closing := self._close.match(line, at):
            return closing.span()
        return (at, at) if self._depth <= 0 and OPEN.match(line, at) else None
