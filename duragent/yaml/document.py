"""Strict YAML that people write: read it, and know the line of everything in it.

The law of this file: whatever the text is, the answer is a value or an `InvalidFile`. Two keys that are the same, an
alias, a foreign tag, a second document, or a file out of bounds is an error and never a guess. Keys are always the
text that stands there (`on:` is the key "on"), dates stay text, and numbers with a colon (`22:30`) are text too.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from duragent.errors import InvalidFile

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_NUMBER_CHARS = 40
MAX_KEY_CHARS = 256

YamlPath = tuple[str | int, ...]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map")}


@dataclass(frozen=True)
class YamlDocument:
    """The plain data of one file, and where each part of it is."""

    name: str
    """What errors call it, usually the path."""
    data: Any
    """Mappings, lists, texts, numbers, truth values and None."""
    lines: Mapping[YamlPath, int] = field(default_factory=dict)
    """The line, from 1, of every key and list item."""
    raw: Mapping[YamlPath, str] = field(default_factory=dict)
    """The text as written, wherever the value is not that text itself: `no` for False."""
    from_environment: frozenset[YamlPath] = frozenset()
    """Paths whose text came from an environment variable: it may become a number, and is never shown."""

    def line(self, path: YamlPath) -> int | None:
        """The line of that key, or of the nearest thing around it that has one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def fail(self, path: YamlPath, problem: str, hint: str | None = None) -> NoReturn:
        """Raises InvalidFile at the line of `path`."""
        raise InvalidFile(self.name, problem, line=self.line(path), field=dotted(path) or None, hint=hint)


def dotted(path: YamlPath) -> str:
    """`("spec", "tools", 0, "name")` as `spec.tools[0].name`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def read_text(path: Path, limit_bytes: int = MAX_BYTES) -> str:
    """The UTF-8 text of a file that people write, without a byte order mark. Raises InvalidFile."""
    try:
        # Before it is opened: a pipe or a device would block the reader for ever.
        refuse_odd(path, path.stat())
        with open(path, "rb", opener=_opened) as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise InvalidFile(str(path), "does not exist") from None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error
    return decoded(content, path, limit_bytes)


def _opened(path: str, flags: int) -> int:
    # It may have become a pipe since.
    return os.open(path, flags | os.O_NONBLOCK)


def refuse_odd(path: Path, status: os.stat_result) -> None:
    """Raises InvalidFile for a folder, a pipe, a device: for all that is not a regular file."""
    if not stat.S_ISREG(status.st_mode):
        folder = stat.S_ISDIR(status.st_mode)
        raise InvalidFile(str(path), "is a folder, not a file" if folder else "is not a regular file")


def unreadable(path: Path, error: Exception) -> InvalidFile:
    """What to raise when the system does not let us read, or does not take the path for one."""
    return InvalidFile(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}")


def decoded(content: bytes, path: Path, limit_bytes: int) -> str:
    """The bytes of a file that people write as text, without a byte order mark. Raises InvalidFile."""
    if len(content) > limit_bytes:
        raise InvalidFile(str(path), f"is larger than {limit_bytes // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidFile(str(path), "is not UTF-8 text", line=line, hint="save it as UTF-8") from error


def read_yaml(path: Path, limit_bytes: int = MAX_BYTES) -> YamlDocument:
    """The file's content; an empty file is `{}`. Raises InvalidFile."""
    return parse_yaml(read_text(path, limit_bytes), str(path), limit_bytes)


def parse_yaml(text: str, name: str, limit_bytes: int = MAX_BYTES) -> YamlDocument:
    """The one document in `text`; `name` is how errors call it. Raises InvalidFile."""
    try:
        if len(text.encode()) > limit_bytes:
            raise InvalidFile(name, f"is larger than {limit_bytes // 1024} KiB")
        loader = _Loader(text)
    except UnicodeEncodeError as error:
        raise InvalidFile(name, "is not valid Unicode text", line=text.count("\n", 0, error.start) + 1) from error
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, name) from error
    reader = _Reader(loader, name)
    try:
        data = reader.document()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise _not_yaml(error, text, name) from error
    finally:
        loader.dispose()
    return YamlDocument(name, {} if data is None else data, reader.lines, reader.raw)


_SYNTAX_HINTS = {
    "did not find expected alphabetic or numeric character": "a value that begins with * or & needs quotes",
    "found character that cannot start any token": "a value that begins with @, % or ` needs quotes",
    "mapping values are not allowed in this context": "a text with ': ' in it needs quotes; or look at the indent",
    "could not find expected ':'": "is a ':' missing, or is the indent wrong?",
    "did not find expected key": "look at the indent, and for a quote or bracket that is not closed",
    "found unexpected end of stream": "a quote is not closed",
}


def _not_yaml(error: Exception, text: str, name: str) -> InvalidFile:
    if not isinstance(error, yaml.MarkedYAMLError) or (mark := error.problem_mark or error.context_mark) is None:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        return InvalidFile(name, "has a character that YAML does not allow", line=line)
    lines = text.splitlines()
    written = lines[mark.line] if mark.line < len(lines) else ""
    indent = written[: len(written) - len(written.lstrip())]
    hint = "indent with spaces, not with tabs" if "\t" in indent else _SYNTAX_HINTS.get(str(error.problem))
    return InvalidFile(name, f"is not valid YAML: {error.problem}", line=mark.line + 1, hint=hint)


class _Reader:
    """Builds plain data straight from the parser's events: what is refused never takes memory."""

    def __init__(self, loader: Any, name: str) -> None:
        self.loader, self.name, self.nodes = loader, name, 0
        self.lines: dict[YamlPath, int] = {}
        self.raw: dict[YamlPath, str] = {}

    def document(self) -> Any:
        self.loader.get_event()  # the stream's start
        if isinstance(self.loader.get_event(), yaml.StreamEndEvent):
            return None
        first = self.loader.get_event()
        self.lines[()] = first.start_mark.line + 1
        data = self.value(first, ())
        self.loader.get_event()  # the document's end
        after = self.loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            self.fail(after, "has a second document; only one is allowed")
        return data

    def value(self, event: Any, path: YamlPath) -> Any:
        self.check(event, path)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def check(self, event: Any, path: YamlPath) -> None:
        self.nodes += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self.fail(event, "anchors (&) and aliases (*) are not allowed", "write the value out, or put it in quotes")
        if event.tag not in (None, "!") and event.tag not in _TAGS:
            self.fail(event, f"the tag {event.tag} is not allowed", "put the value in quotes")
        if len(path) > MAX_DEPTH:
            self.fail(event, f"is nested more than {MAX_DEPTH} levels deep")
        if self.nodes > MAX_NODES:
            self.fail(event, f"has more than {MAX_NODES} values")

    def mapping(self, path: YamlPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            key, here = self.key(event, path), event.start_mark.line + 1
            if key in result:
                first = self.lines[*path, key]
                self.fail(event, f"{dotted((*path, key))} is there twice; the first is on line {first}")
            self.lines[*path, key] = here
            result[key] = self.value(self.loader.get_event(), (*path, key))
        return result

    def key(self, event: Any, path: YamlPath) -> str:
        self.check(event, path)
        if not isinstance(event, yaml.ScalarEvent):
            self.fail(event, "a key must be plain text", "if it begins with { or [, put it in quotes")
        if not 1 <= len(event.value) <= MAX_KEY_CHARS:
            problem = (
                f"a key has more than {MAX_KEY_CHARS} characters" if event.value else "a key is missing before ':'"
            )
            self.fail(event, problem)
        return str(event.value)

    def sequence(self, path: YamlPath) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            item: YamlPath = (*path, len(result))
            self.lines[item] = event.start_mark.line + 1
            result.append(self.value(event, item))
        return result

    def scalar(self, event: Any, path: YamlPath) -> Any:
        tag, written = event.tag, str(event.value)
        written.encode()  # PyYAML without libyaml lets "\ud800" through, which no UTF-8 door could tell any more
        if tag in (None, "!"):
            tag = self.loader.resolve(yaml.ScalarNode, written, event.implicit)
        # YAML 1.1 reads 22:30 as 1350, in base sixty, which no author means.
        if tag not in _TAGS or tag == _TAG + "str" or ":" in written:
            return written
        self.raw[path] = written
        if tag == _TAG + "null":
            return None
        if len(written) > MAX_NUMBER_CHARS:
            self.fail(event, f"the number has more than {MAX_NUMBER_CHARS} characters", "put it in quotes")
        try:
            construct = getattr(self.loader, "construct_yaml_" + tag.removeprefix(_TAG))
            return construct(yaml.ScalarNode(tag, written))
        except (ValueError, OverflowError, KeyError, IndexError):
            self.fail(event, f"'{written}' is not a {tag.removeprefix(_TAG)}", "put it in quotes")

    def fail(self, event: Any, problem: str, hint: str | None = None) -> NoReturn:
        raise InvalidFile(self.name, problem, line=event.start_mark.line + 1, hint=hint)
