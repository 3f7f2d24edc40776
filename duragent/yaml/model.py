"""A YAML document as a pydantic model. Errors name the file, the line and the field, and what would be right."""

import copy
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AliasChoices, BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails

from duragent.errors import InvalidFile
from duragent.yaml.document import YamlDocument, YamlPath, dotted
from duragent.yaml.validation_words import SHAPES, cut, problem_and_hint, unknown_key

M = TypeVar("M", bound=BaseModel)

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_SECRET = re.compile(r"(token|secret|password|key)$")
_SHOWN_FAULTS = 4


def _path_text(value: object) -> object:
    # No system takes it, and Python's own complaint names neither file nor line.
    if isinstance(value, str) and "\0" in value:
        raise ValueError("must not have a NUL character in it")
    return value


PathText = Annotated[str, BeforeValidator(_path_text)]
"""The text of a path. Whether anything is there is not looked at."""


@dataclass(frozen=True)
class FileFault:
    """One thing that is wrong in a file."""

    line: int | None
    """Counts from 1; None when it is not known."""
    path: YamlPath
    """The key or item; empty for the whole document."""
    problem: str
    """A clause: `must be text, not 5`."""
    hint: str | None = None
    """What would be right; None when that is not known."""

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
        return _validated(document, model)
    except ValidationError as error:
        raise _invalid(document, model, error) from error


def found_faults(document: YamlDocument, model: type[BaseModel]) -> list[tuple[YamlPath, ErrorDetails]]:
    """What pydantic finds wrong, one fault a place, in file order; a key that is missing comes last."""
    try:
        _validated(document, model)
        return []
    except ValidationError as error:
        return _ordered(document, model, error)


def _validated(document: YamlDocument, model: type[M]) -> M:
    """Raises ValidationError."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        mended = _mended(document, error)
    return model.model_validate(mended)


def _invalid(document: YamlDocument, model: type[BaseModel], error: ValidationError) -> InvalidFile:
    """What pydantic found as one error: the first faults spelled out."""
    ordered = _ordered(document, model, error)
    first, *others = [_fault(document, model, path, details) for path, details in ordered[: 1 + _SHOWN_FAULTS]]
    problem, hint = first.problem, first.hint
    if others:
        # The hint belongs to the first fault, so it cannot stand at the end of the whole list.
        problem += f" ({hint})" if hint else ""
        problem += f"; and {len(ordered) - 1} more: " + "; ".join(str(fault) for fault in others)
        problem += "; …" if len(ordered) > 1 + _SHOWN_FAULTS else ""
        hint = None
    return InvalidFile(document.name, problem, line=first.line, field=dotted(first.path) or None, hint=hint)


def _ordered(
    document: YamlDocument, model: type[BaseModel], error: ValidationError
) -> list[tuple[YamlPath, ErrorDetails]]:
    places: dict[YamlPath, ErrorDetails] = {}
    for details in error.errors(include_url=False):
        places.setdefault(_place(document, model, details["loc"]), details)
    # What is missing comes last: it is often the right name of a key that is there, misspelt.
    return sorted(places.items(), key=lambda place: (place[1]["type"] == "missing", document.line(place[0]) or 0))


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
    if loc and loc[-1] in known_names(model, loc[:-1]):
        return (*_path(document, loc[:-1]), loc[-1])
    return _path(document, loc)


def _fault(document: YamlDocument, model: type[BaseModel], path: YamlPath, details: ErrorDetails) -> FileFault:
    kind, line = details["type"], document.line(path)
    if kind == "missing":
        return FileFault(line, path, "is missing")
    if kind == "extra_forbidden":
        return FileFault(line, path, *_unknown_key(str(path[-1]), known_names(model, details["loc"][:-1])))
    shown = _shown(document, path, details["input"])
    return FileFault(line, path, *_problem(details, shown, document.raw.get(path)))


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
    return cut(document.raw.get(path) or f"'{value}'")


_SHAPES = SHAPES | {
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "tuple_type": "a list (each item begins with '-')",
}


def _problem(details: ErrorDetails, shown: str, written: str | None) -> tuple[str, str | None]:
    problem, hint = problem_and_hint(details, shown, _SHAPES)
    if details["type"] == "string_type" and isinstance(details["input"], bool | int | float):
        hint = f'put it in quotes: "{written}"' if shown == written else "put it in quotes"
    return problem, hint


def _unknown_key(key: str, known: list[str]) -> tuple[str, str]:
    if key in known:
        return "is there under its other name too", "keep one of the two"
    return unknown_key(key, known)


def known_names(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
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
    names: list[str] = []
    for name, info in model.model_fields.items():
        if isinstance(info.validation_alias, AliasChoices):
            names += [choice for choice in info.validation_alias.choices if isinstance(choice, str)]
        else:
            names.append(info.alias or name)
    return names
