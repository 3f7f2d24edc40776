"""Strict YAML that people write: read it, check it, and say in plain English what is wrong, and where.

The law of this file: whatever the text is, the answer is a value or an `InvalidFile`. Two keys that are the same, an
alias, a foreign tag, a second document, or a file out of bounds is an error and never a guess. Keys are always the
text that stands there (`on:` is the key "on"), dates stay text, and numbers with a colon (`22:30`) are text too.
"""

import copy
import difflib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

import yaml
from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic_core import ErrorDetails

from duragent.errors import InvalidFile

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_NUMBER_CHARS = 40
MAX_KEY_CHARS = 256

YamlPath = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("null", "bool", "int", "float", "str", "seq", "map")}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_SECRET = re.compile(r"(token|secret|password|key)$")
_SHOWN_FAULTS = 4


@dataclass(frozen=True)
class YamlDocument:
    """Plain data with the line (from 1) of every key and list item.

    `raw` has what was written wherever the value is not that text itself (`no` for False). `from_environment` are the
    paths whose text came out of an environment variable: those may become a number, and are never shown.
    """

    name: str
    data: Any
    lines: Mapping[YamlPath, int] = field(default_factory=dict)
    raw: Mapping[YamlPath, str] = field(default_factory=dict)
    from_environment: frozenset[YamlPath] = frozenset()

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


# --- reading --------------------------------------------------------------------------------------------------------


def read_text(path: Path, limit_bytes: int = MAX_BYTES) -> str:
    """The UTF-8 text of a file that people write, without a byte order mark. Raises InvalidFile."""
    try:
        mode = path.stat().st_mode
        # A pipe or a device would block the reader for ever.
        if not stat.S_ISREG(mode):
            raise InvalidFile(str(path), "is a folder, not a file" if stat.S_ISDIR(mode) else "is not a regular file")
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except FileNotFoundError:
        raise InvalidFile(str(path), "does not exist") from None
    except (OSError, ValueError) as error:
        raise InvalidFile(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
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
        found: dict[str, Any] = {}
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            key, here = self.key(event, path), event.start_mark.line + 1
            if key in found:
                first = self.lines[*path, key]
                self.fail(event, f"{dotted((*path, key))} is there twice; the first is on line {first}")
            self.lines[*path, key] = here
            found[key] = self.value(self.loader.get_event(), (*path, key))
        return found

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
        found: list[Any] = []
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            item: YamlPath = (*path, len(found))
            self.lines[item] = event.start_mark.line + 1
            found.append(self.value(event, item))
        return found

    def scalar(self, event: Any, path: YamlPath) -> Any:
        tag, written = event.tag, str(event.value)
        written.encode()  # PyYAML without libyaml lets "\ud800" through, which no UTF-8 door could tell any more
        if tag in (None, "!"):
            tag = self.loader.resolve(yaml.ScalarNode, written, event.implicit)
        # YAML 1.1 reads 22:30 as 1350, in base sixty; nobody means that.
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


# --- validating -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    line: int | None
    path: YamlPath
    problem: str
    hint: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line else ""
        what = f"{dotted(self.path)}: {self.problem}" if self.path else self.problem
        return where + what + (f" ({self.hint})" if self.hint else "")


def validate(document: YamlDocument, model: type[M]) -> M:
    """The document as a `model`. Raises one InvalidFile: the first fault in file order, which tells the others too.

    A key with nothing behind it counts as absent. Where the model wants a number or true/false, a text that came from
    the environment is read as one.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        mended = _mended(document, error)
    try:
        return model.model_validate(mended)
    except ValidationError as error:
        raise _invalid(document, model, error) from error


def _invalid(document: YamlDocument, model: type[BaseModel], error: ValidationError) -> InvalidFile:
    """What pydantic found as one error: one fault a place, in file order, and only the first ones spelled out."""
    places: dict[YamlPath, ErrorDetails] = {}
    for details in error.errors(include_url=False):
        places.setdefault(_place(document, model, details["loc"]), details)
    ordered = sorted(places.items(), key=lambda place: document.line(place[0]) or 0)
    first, *others = [_fault(document, model, path, details) for path, details in ordered[: 1 + _SHOWN_FAULTS]]
    problem, hint = first.problem, first.hint
    if others:
        # The hint belongs to the first fault, so it cannot stand at the end of the whole list.
        problem += f" ({hint})" if hint else ""
        problem += f"; and {len(places) - 1} more: " + "; ".join(str(fault) for fault in others)
        problem += "; …" if len(places) > 1 + _SHOWN_FAULTS else ""
        hint = None
    return InvalidFile(document.name, problem, line=first.line, field=dotted(first.path) or None, hint=hint)


def _mended(document: YamlDocument, error: ValidationError) -> Any:
    """The data without empty keys, and with numbers and truth values where the environment gave their text."""
    data = copy.deepcopy(document.data)
    for details in error.errors(include_url=False):
        path = _path(document, details["loc"])
        if not path or details["type"] == "extra_forbidden":
            continue
        parent = data
        for part in path[:-1]:
            parent = parent[part]
        # Not the fault's own input: that may belong to a key that is not in the file at all.
        if isinstance(parent, dict) and parent.get(path[-1], "") is None:
            del parent[path[-1]]
        elif path in document.from_environment:
            parent[path[-1]] = _typed(details["input"], details["type"])
    return data


def _typed(text: Any, error_type: str) -> Any:
    try:
        match error_type:
            case "int_type":
                return int(text)
            case "float_type":
                return float(text)
            case "bool_type" if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
    except ValueError:
        pass
    return text


def _path(document: YamlDocument, loc: tuple[str | int, ...]) -> YamlPath:
    """Where in the document pydantic's location is: without the names of union members, which it puts in between."""
    path: YamlPath = ()
    for part in loc:
        if (*path, part) in document.lines:
            path = (*path, part)
    return path


def _place(document: YamlDocument, model: type[BaseModel], loc: tuple[str | int, ...]) -> YamlPath:
    """As `_path`, but a key that is not in the file is a place too: it is missing, or its default fits badly."""
    if loc and loc[-1] in _names_at(model, loc[:-1]):
        return (*_path(document, loc[:-1]), loc[-1])
    return _path(document, loc)


def _fault(document: YamlDocument, model: type[BaseModel], path: YamlPath, details: ErrorDetails) -> Fault:
    kind, line = details["type"], document.line(path)
    if kind == "missing":
        return Fault(line, path, "is missing")
    if kind == "extra_forbidden":
        return Fault(line, path, *_unknown_key(str(path[-1]), _names_at(model, details["loc"][:-1])))
    shown = _shown(document, path, details["input"])
    return Fault(line, path, *_problem(kind, details, shown, document.raw.get(path)))


def _shown(document: YamlDocument, path: YamlPath, value: object) -> str:
    """The value as the person wrote it, without what could be a secret."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    if path in document.from_environment:
        return f"what {document.raw.get(path, 'the environment')} holds"
    if path and _SECRET.search(str(path[-1])):
        return "a text" if isinstance(value, str) else "an unquoted value"
    return _cut(document.raw.get(path) or f"'{value}'")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "tuple_type": "a list (each item begins with '-')",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("more than {}", "gt"),
    "greater_than_equal": ("{} or more", "ge"),
    "less_than": ("less than {}", "lt"),
    "less_than_equal": ("{} or less", "le"),
}


def _problem(kind: str, details: ErrorDetails, shown: str, written: str | None) -> tuple[str, str | None]:
    context = details.get("ctx", {})
    if kind in _WANTED:
        hint = None
        if kind == "string_type" and isinstance(details["input"], bool | int | float):
            hint = f'put it in quotes: "{written}"' if shown == written else "put it in quotes"
        return f"must be {_WANTED[kind]}, not {shown}", hint
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        return f"must be {words.format(f'{context[key]:.15g}')}, not {shown}", None
    if kind == "literal_error":
        return _not_one_of(str(context["expected"]), details["input"], shown)
    if kind == "union_tag_invalid":
        given = _cut(f"'{context['tag']}'")
        return f"type must be {_choices(str(context['expected_tags']))}, not {given}", None
    if kind == "union_tag_not_found":
        return "needs a 'type'", None
    if kind == "value_error":
        return str(context["error"]), None
    return details["msg"][:1].lower() + details["msg"][1:], None


def _not_one_of(expected: str, value: object, shown: str) -> tuple[str, str | None]:
    names = _quoted(expected)
    near = difflib.get_close_matches(str(value)[:60].lower(), names, n=1) if len(names) > 1 else []
    return f"must be {_choices(expected)}, not {shown}", f"did you mean '{near[0]}'?" if near else None


def _choices(expected: str) -> str:
    names = _quoted(expected)
    return f"'{names[0]}'" if len(names) == 1 else "one of " + ", ".join(names)


def _quoted(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _unknown_key(key: str, known: list[str]) -> tuple[str, str]:
    if key in known:
        return "is there under its other name too", "keep one of the two"
    near = difflib.get_close_matches(_snake(key), {_snake(name): name for name in known}, n=1)
    if near:
        return "is not a known key", f"did you mean `{next(name for name in known if _snake(name) == near[0])}`?"
    return "is not a known key", f"known keys: {', '.join(known)}"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def _names_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that the model knows at that place."""
    models = [model]
    for part in loc:
        inner = [found for each in models for found in _field_models(each, part)]
        tagged = [each for each in models if _has_tag(each, part)]
        models = inner or tagged or models
    return list(dict.fromkeys(name for each in models for name in _names(each)))


def _field_models(model: type[BaseModel], part: str | int) -> list[type[BaseModel]]:
    for name, info in model.model_fields.items():
        if part == name or part == info.alias:
            return _models_in(info.annotation)
    return []


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [found for argument in get_args(annotation) for found in _models_in(argument)]


def _has_tag(model: type[BaseModel], part: str | int) -> bool:
    kind = model.model_fields.get("type")
    return kind is not None and get_origin(kind.annotation) is Literal and part in get_args(kind.annotation)


def _names(model: type[BaseModel]) -> list[str]:
    found: list[str] = []
    for name, info in model.model_fields.items():
        if isinstance(info.validation_alias, AliasChoices):
            found += [choice for choice in info.validation_alias.choices if isinstance(choice, str)]
        else:
            found.append(info.alias or name)
    return found
