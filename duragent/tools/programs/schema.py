"""`schema.json` beside a program: the JSON schema of its arguments, and what the call does to the world.

    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
     "x-effect": "pure", "x-timeout-seconds": 20}

The law of this file: a schema that a model provider would refuse, or that points anywhere outside itself, is a fault
when it is read and not when it is used.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from duragent.agent.folder_files import read_inside
from duragent.errors import InvalidFile
from duragent.journal.events import EffectClass
from duragent.text import cut_to
from duragent.yaml.validation_words import unknown_key

MAX_BYTES = 64 * 1024
MAX_TIMEOUT_SECONDS = 3600
DEFAULT_TIMEOUT_SECONDS = 120.0

_OWN_KEYS = ("x-effect", "x-timeout-seconds")
_COMBINED = ("oneOf", "anyOf", "allOf", "not", "enum", "const", "$ref")
_PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_SHOWN_FAULTS = 5
_SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class CliSchema:
    """What may be given to a program."""

    parameters: Mapping[str, Any]
    """A JSON schema of an object."""
    validator: Any
    """That of jsonschema for it."""
    effect: EffectClass = "unsafe"
    """What running it twice means."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    """When it is ended if it still runs."""

    def faults(self, values: Mapping[str, Any]) -> list[str]:
        """What is wrong with these arguments, as sentences for the model."""
        from referencing.exceptions import Unresolvable

        try:
            errors = sorted(self.validator.iter_errors(dict(values)), key=lambda error: [*map(str, error.path)])
        except (Unresolvable, RecursionError, ArithmeticError, re.error) as error:
            return [f"they cannot be checked: {_cut(str(error))}"]
        return [_sentence(error) for error in errors[:_SHOWN_FAULTS]]


def load_schema(path: Path, root: Path) -> CliSchema | None:
    """The schema in that file below `root`; None when there is no such file. Raises InvalidFile."""
    if not os.path.lexists(path):
        return None
    content = read_inside(root, path, MAX_BYTES)
    if len(content) > MAX_BYTES:
        raise InvalidFile(str(path), f"is larger than {MAX_BYTES // 1024} KiB")
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidFile(str(path), f"is not valid JSON: {error.msg}", line=error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise InvalidFile(str(path), f"is not valid JSON: {error}") from None
    try:
        return parse_schema(found)
    except ValueError as error:
        raise InvalidFile(str(path), str(error)) from None


def parse_schema(found: Any) -> CliSchema:
    """The schema in that JSON. Raises ValueError."""
    if not isinstance(found, dict):
        raise ValueError("must be a JSON object")
    effect, timeout = _effect(found), _timeout(found)
    for key in found:
        if key.startswith("x-") and key not in _OWN_KEYS:
            problem, hint = unknown_key(key, _OWN_KEYS)
            raise ValueError(f"{key}: {problem} ({hint})")
    parameters = {
        "properties": {},
        **{key: value for key, value in found.items() if key not in (*_OWN_KEYS, "$schema")},
    }
    if parameters.setdefault("type", "object") != "object":
        raise ValueError('type: must be "object": arguments have names')
    _check_shape(parameters)
    return CliSchema(parameters, _validator(found, parameters), effect, timeout)


def _check_shape(parameters: Mapping[str, Any]) -> None:
    for key in _COMBINED:
        if key in parameters:
            raise ValueError(f"{key}: model providers refuse it at the top of a schema (use it inside of a property)")
    properties = parameters["properties"]
    if not isinstance(properties, dict):
        raise ValueError("properties: must be an object")
    for name in properties:
        if not _PROPERTY_NAME.fullmatch(name):
            raise ValueError(f"properties: {_cut(json.dumps(name))} must be 1 to 64 of a-z, A-Z, 0-9, _, . and -")


def _validator(found: Mapping[str, Any], parameters: dict[str, Any]) -> Any:
    """Imported here: few agents have schemas, and the library is slow to start."""
    import jsonschema  # type: ignore[import-untyped]  # ships no types
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    dialect = {key: value for key, value in found.items() if key == "$schema" and isinstance(value, str)}
    kind = jsonschema.validators.validator_for(dialect, default=jsonschema.Draft202012Validator)
    registry: Any = Registry()
    resolver = registry.resolver_with_root(DRAFT202012.create_resource(parameters))
    try:
        kind.check_schema(parameters)
        for reference in _references(parameters):
            # Without this the library would fetch it.
            if not reference.startswith("#"):
                raise ValueError(f"$ref: '{_cut(reference)}' must point into this file, such as #/$defs/name")
            resolver.lookup(reference)
    except jsonschema.SchemaError as error:
        where = ".".join(str(part) for part in error.path)
        raise ValueError(f"{where or 'it'}: {_cut(error.message)}") from None
    except Unresolvable:
        raise ValueError(f"$ref: '{_cut(reference)}' points at nothing in this file") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return kind(parameters, registry=registry)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in schema:
            yield from _references(each)
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)


def _effect(found: Mapping[str, Any]) -> EffectClass:
    effect = found.get("x-effect", "unsafe")
    for known in get_args(EffectClass):
        if effect == known:
            return known  # type: ignore[no-any-return]  # get_args forgets the literals
    raise ValueError(f"x-effect: must be one of {', '.join(get_args(EffectClass))}, not {_cut(json.dumps(effect))}")


def _timeout(found: Mapping[str, Any]) -> float:
    timeout = found.get("x-timeout-seconds", DEFAULT_TIMEOUT_SECONDS)
    number = isinstance(timeout, int | float) and not isinstance(timeout, bool)
    if not number or not 0 < timeout <= MAX_TIMEOUT_SECONDS:
        raise ValueError(
            f"x-timeout-seconds: must be a number above 0 and at most {MAX_TIMEOUT_SECONDS}, "
            f"not {_cut(json.dumps(timeout))}"
        )
    return float(timeout)


def _sentence(error: Any) -> str:
    where = ".".join(str(part) for part in error.path)
    return f"{where or 'they'}: {_cut(error.message)}"


def _cut(text: str) -> str:
    return cut_to(text, _SHOWN_CHARS)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
