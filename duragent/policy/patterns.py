"""One pattern of a policy file: `type:rest`, where `*` stands for anything and the rest must fit from end to end.

A trailing ` *` also fits when nothing follows. `\\*` is a star itself. `spellings` has what else means the same. When a
pattern *allows*, a `*` behind a `/` stays within one word and never climbs with `..`; when it denies, letter case and
look-alikes do not matter.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from duragent.kept_texts import keeps_texts
from duragent.policy import spellings
from duragent.policy.shell.words import GLOB, HOLE, NUMBER

Kind = Literal["bash", "builtin", "cli", "mcp"]
KINDS: tuple[str, ...] = get_args(Kind)
_STAR = 0
_CACHED_CHARS = 512
_WEIGHED_CHARS = 2_048
_ANY_MARK = re.compile(f"[{HOLE}{GLOB}{NUMBER}]+")
_Token = str | int
_Parts = tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A pattern and where it stands. Without a colon it is for every type of tool."""

    pattern: str
    """`type:rest` as it was written, or only the rest."""
    source: str
    """The file, or what else it comes from, for people."""
    line: int | None = None
    """Its line in the file, from 1; None when it is in no file."""

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
            _allowed(spelling, text) for spelling in spellings.allowing(self.rest) for text in texts
        )

    def allows_unknown(self, kind: str, template: str) -> bool:
        """Whether it allows a text with holes for every filling of them: they all lie within its last `*`."""
        tokens = _tokens(self.rest)
        if self.kind not in ("*", kind) or tokens.count(_STAR) != 1 or tokens[-1] != _STAR or tokens[-2:-1] == ["/"]:
            return False
        template = template.replace(GLOB, HOLE).replace(NUMBER, HOLE)
        return template.startswith("".join(str(token) for token in tokens[:-1]))

    def denies(self, kind: str, texts: tuple[str, ...]) -> bool:
        """`texts` are folded."""
        if self.kind != "*" and folded(self.kind) != kind:
            return False
        patterns = [_parts(folded(spelling)) for spelling in spellings.denying(self.rest, self.kind)]
        return any(_fits(parts, text) for text in texts for parts in patterns)

    def may_deny(self, kind: str, template: str) -> bool:
        """Whether it could deny the folded text once its holes are filled."""
        if self.kind != "*" and folded(self.kind) != kind:
            return False
        return any(_could_fit(folded(spelling), template) for spelling in spellings.denying(self.rest, kind))


def known_pattern(pattern: str) -> str:
    """The pattern, when it is one that there can be; else ValueError."""
    kind, colon, rest = pattern.partition(":")
    if not pattern.strip() or (colon and not rest):
        raise ValueError("must not be empty")
    if colon and kind != "*" and kind not in KINDS:
        raise ValueError(
            f"'{pattern[:60]}' begins with the type '{kind[:30]}', which there is not: "
            "write bash:, builtin:, cli:, or *: for all, in front of it (mcp: has no tools yet)"
        )
    return pattern


def escaped(text: str) -> str:
    """The pattern that fits this text and nothing else."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def folded(text: str) -> str:
    """The text as denials compare it: without letter case, and with look-alike characters replaced by plain letters."""
    return _folded(text) if len(text) < _CACHED_CHARS else _fold(text)


def _fold(text: str) -> str:
    return text.casefold() if text.isascii() else _normal(_normal(text).casefold())


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


_folded = keeps_texts(functools.lru_cache(2048)(_fold))


@keeps_texts
@functools.lru_cache(4096)
def _tokens(rest: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(rest):
        if rest[at] == "\\" and at + 1 < len(rest):
            at += 1
            tokens.append(rest[at])
        elif rest[at] == "*":
            if tokens[-1:] != [_STAR]:
                tokens.append(_STAR)
        else:
            tokens.append(rest[at])
        at += 1
    return tokens


@keeps_texts
@functools.lru_cache(4096)
def _parts(rest: str) -> _Parts:
    """The texts between the stars; there is one more than there are stars."""
    parts: list[list[str]] = [[]]
    for token in _tokens(rest):
        if isinstance(token, int):
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple("".join(part) for part in parts)


def _fits(parts: _Parts, text: str) -> bool:
    """Whether the text has the parts in this order, the first at its start and the last at its end."""
    if len(parts) == 1:
        return text == parts[0]
    at, end = len(parts[0]), len(text) - len(parts[-1])
    if at > end or not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return False
    for part in parts[1:-1]:
        # The leftmost place is as good as any: what follows then has the most room.
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _allowed(rest: str, text: str) -> bool:
    parts = _parts(rest)
    if not any(part.endswith("/") for part in parts[:-1]):
        return _fits(parts, text)
    if not text.startswith(parts[0]):
        return False
    tokens, head = _tokens(rest), len(parts[0])
    states = _closure({head}, tokens)
    for at in range(head, len(text)):
        states = _closure({after for state in states for after in _step(tokens, state, text, at, True)}, tokens)
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


def _could_fit(rest: str, template: str) -> bool:
    if not _meet(_parts(rest), tuple(_ANY_MARK.split(template))):
        return False
    # What marks say besides is weighed where that cannot take long.
    exact = len(template) <= _WEIGHED_CHARS and (GLOB in template or NUMBER in template)
    return _could_become(_tokens(rest), template) if exact else True


def _meet(one: _Parts, other: _Parts) -> bool:
    """Whether some text fits both, when anything may stand between the parts of each."""
    if len(one) == 1 or len(other) == 1:
        return _fits(one, other[0]) if len(other) == 1 else _fits(other, one[0])
    starts = one[0].startswith(other[0]) or other[0].startswith(one[0])
    return starts and (one[-1].endswith(other[-1]) or other[-1].endswith(one[-1]))


def _could_become(tokens: list[_Token], template: str) -> bool:
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
