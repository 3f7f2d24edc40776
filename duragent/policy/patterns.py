"""One pattern of a policy file: `type:rest`, where `*` stands for anything and the rest must fit from end to end.

A trailing ` *` also fits when nothing follows. `\\*` is a star itself. When a pattern *allows*, a `*` behind a `/`
stays within one word and never climbs with `..`; when it denies, letter case and look-alikes do not matter.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from duragent.policy.words import GLOB, HOLE, NUMBER

Kind = Literal["bash", "builtin", "cli", "mcp"]
KINDS: tuple[str, ...] = get_args(Kind)
_STAR = 0
_CACHED_CHARS = 512
_Token = str | int


@dataclass(frozen=True)
class Rule:
    """A pattern and where it stands. Without a colon it is for every type of tool."""

    pattern: str
    source: str
    line: int | None = None

    @property
    def kind(self) -> str:
        return self.pattern.partition(":")[0] if ":" in self.pattern else "*"

    @property
    def rest(self) -> str:
        return self.pattern.partition(":")[2] if ":" in self.pattern else self.pattern

    @property
    def exact(self) -> bool:
        return _STAR not in _tokens(self.rest)

    def names(self, word: str) -> bool:
        """Whether the pattern itself has `word` in it."""
        return bool(word) and any(_tokens(each) == list(word) for each in self.rest.split(" "))

    def allows(self, kind: str, texts: tuple[str, ...]) -> bool:
        return self.kind in ("*", kind) and any(
            _fits(_tokens(spelling), text, within=True) for spelling in _spellings(self.rest) for text in texts
        )

    def allows_unknown(self, kind: str, template: str) -> bool:
        """Whether it allows a text with holes, whatever comes to stand in them: they all lie within its last `*`."""
        tokens = _tokens(self.rest)
        if self.kind not in ("*", kind) or tokens.count(_STAR) != 1 or tokens[-1] != _STAR or tokens[-2:-1] == ["/"]:
            return False
        template = template.replace(GLOB, HOLE).replace(NUMBER, HOLE)
        return template.startswith("".join(str(token) for token in tokens[:-1]))

    def denies(self, kind: str, texts: tuple[str, ...]) -> bool:
        if self.kind != "*" and folded(self.kind) != kind:
            return False
        spellings = [_tokens(folded(spelling)) for spelling in _spellings(self.rest)]
        return any(_fits(tokens, text, within=False) for text in map(folded, texts) for tokens in spellings)

    def may_deny(self, kind: str, template: str) -> bool:
        """Whether it could deny the text once its holes are filled."""
        if self.kind != "*" and folded(self.kind) != kind:
            return False
        return any(_could_fit(_tokens(folded(spelling)), folded(template)) for spelling in _spellings(self.rest))


def escaped(text: str) -> str:
    """The pattern that fits this text and nothing else."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def folded(text: str) -> str:
    """The text as denials compare it: without letter case, and with look-alike forms as the letters they stand for."""
    return _folded(text) if len(text) < _CACHED_CHARS else _fold(text)


def _fold(text: str) -> str:
    return text.casefold() if text.isascii() else _normal(_normal(text).casefold())


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


_folded = functools.lru_cache(2048)(_fold)


@functools.lru_cache(4096)
def _spellings(rest: str) -> tuple[str, ...]:
    """The rest as it stands, with quotes as we write them, and without what ` *` may leave out."""
    found = [rest, re.sub(r'"([^"\'$`\\*]*)"', lambda quoted: _quoted(quoted[1]), rest)]
    found += [spelling[:-2] for spelling in found if spelling.endswith(" *")]
    return tuple(dict.fromkeys(found))


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text) else f"'{text}'"


@functools.lru_cache(4096)
def _tokens(rest: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(rest):
        if rest[at] == "\\" and at + 1 < len(rest):
            at += 1
            found.append(rest[at])
        elif rest[at] == "*":
            if found[-1:] != [_STAR]:
                found.append(_STAR)
        else:
            found.append(rest[at])
        at += 1
    return found


def _head(tokens: list[_Token]) -> str:
    return "".join(str(token) for token in tokens[: tokens.index(_STAR) if _STAR in tokens else len(tokens)])


def _fits(tokens: list[_Token], text: str, *, within: bool) -> bool:
    head = _head(tokens)
    if len(head) == len(tokens) or not text.startswith(head):
        return text == head if len(head) == len(tokens) else False
    if tokens[len(head) :] == [_STAR] and not (within and head.endswith("/")):
        return True
    states = _closure({len(head)}, tokens)
    for at in range(len(head), len(text)):
        states = _closure({after for state in states for after in _step(tokens, state, text, at, within)}, tokens)
        if not states:
            return False
    return len(tokens) in states


def _step(tokens: list[_Token], state: int, text: str, at: int, within: bool) -> list[int]:
    if state == len(tokens):
        return []
    if tokens[state] != _STAR:
        return [state + 1] if tokens[state] == text[at] else []
    if within and tokens[state - 1 : state] == ["/"] and (text[at].isspace() or _climbs(text, at)):
        return []
    return [state]


def _climbs(text: str, at: int) -> bool:
    if text[at : at + 3].lower() == "%2e":
        return True
    if text[at - 1 : at] != "/":
        return False
    # `.*` and `.?` may become `..` as well.
    dots = text[at : at + 2] == ".." and text[at + 2 : at + 3] in ("", "/", " ", "'", '"')
    return dots or text[at : at + 2] in (".*", ".?", ".[")


def _closure(states: set[int], tokens: list[_Token]) -> set[int]:
    return states | {state + 1 for state in states if state < len(tokens) and tokens[state] == _STAR}


def _could_fit(tokens: list[_Token], template: str) -> bool:
    states = _closure({0}, tokens)
    for at, char in enumerate(template):
        if char == HOLE:
            states = set(range(min(states), len(tokens) + 1))
        elif char == GLOB:
            states = _globbed(tokens, states, hidden=template[at - 1 : at] in ("", "/", " "))
        elif char == NUMBER:
            states = _numbered(tokens, states)
        else:
            states = _closure(
                {after for state in states for after in _step(tokens, state, template, at, False)}, tokens
            )
        if not states:
            return False
    return len(tokens) in states


def _globbed(tokens: list[_Token], states: set[int], *, hidden: bool) -> set[int]:
    """The states after file names came in; `hidden`: a dot as their first character would be a hidden file's."""
    seen: set[tuple[int, bool]] = set()
    waiting = [(state, hidden) for state in states]
    while waiting:
        state, first = each = waiting.pop()
        if each in seen or state > len(tokens):
            continue
        seen.add(each)
        if state == len(tokens):
            continue
        token = tokens[state]
        if token == _STAR:
            waiting += [(state, False), (state + 1, first)]
        # Operators are in patterns for whole lines; a name with one in it would stand in quotes.
        elif str(token) not in "/|&;()<>" and not (token == "." and first):
            waiting.append((state + 1, token == " "))
    return {state for state, _ in seen}


def _numbered(tokens: list[_Token], states: set[int]) -> set[int]:
    after: set[int] = set()
    for state in states:
        after |= {state} if tokens[state : state + 1] == [_STAR] else set()
        at = state
        while at < len(tokens) and (tokens[at] == _STAR or str(tokens[at]).isdigit()):
            at += 1
            after.add(at)
    return _closure(after, tokens)
