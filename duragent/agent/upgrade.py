"""An agent.yaml that was written for a reader that let much pass, as a text that a strict one takes. Pure.

duragent v0.5 ignored keys that it did not know, took numbers for text, and any text for a name. Each such place is
changed where it stands, so that comments and the order of things stay. A change counts only if the text then says what
was meant to be changed and nothing else; what cannot be changed so is left to a person.
"""

import copy
import difflib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from duragent.agent.spec import NAME_PATTERN, AgentFile
from duragent.errors import InvalidFile
from duragent.yaml.document import YamlDocument, YamlPath, dotted, parse_yaml
from duragent.yaml.model import found_faults, known_names

MOST_CHANGES = 500
_SURE = 0.8
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_PROMPTS = ("soul", "system_prompt", "instructions")


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The text as it should be, and what was changed for it, a sentence each."""

    text: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    """A new text, the data that it has to hold, and what to say."""

    text: str
    data: Any
    told: str


def upgraded(text: str, folder_name: str, has_file: Callable[[str], bool]) -> Upgraded:
    """The text of an agent.yaml in the folder of that name; `has_file` says of a prompt's path whether it is there.

    Raises InvalidFile for what is no YAML that could be read.
    """
    changes: list[str] = []
    given_up: set[tuple[YamlPath, str]] = set()
    while len(changes) < MOST_CHANGES:
        document = parse_yaml(text, "agent.yaml")
        found = _next_change(document, text, (folder_name, has_file), given_up)
        if found is None:
            return Upgraded(text, tuple(changes))
        text = found.text
        changes.append(found.told)
    return Upgraded(text, tuple(changes))


def _next_change(
    document: YamlDocument, text: str, around: tuple[str, Callable[[str], bool]], given_up: set[tuple[YamlPath, str]]
) -> _Change | None:
    nodes, faults = _Nodes(text), found_faults(document, AgentFile)
    for path, details in faults:
        if path == ("metadata", "name") or (path, details["type"]) in given_up:
            continue
        for change in _changes(nodes, document, path, details):
            if _is_good(change, len(faults) - 1):
                return change
        given_up.add((path, details["type"]))
    folder_name, has_file = around
    for other in (_named(nodes, document, folder_name), _without_prompt(nodes, document, has_file)):
        if other is not None and _is_good(other, len(faults)):
            return other
    return None


def _is_good(change: _Change, most_faults: int) -> bool:
    """Whether its text says just what it should, and has no more faults than that."""
    try:
        document = parse_yaml(change.text, "agent.yaml")
    except InvalidFile:
        return False
    return bool(document.data == change.data) and len(found_faults(document, AgentFile)) <= most_faults


def _changes(nodes: "_Nodes", document: YamlDocument, path: YamlPath, details: ErrorDetails) -> Iterator[_Change]:
    """What could be done about the fault, the best first."""
    found: list[_Change | None] = []
    if details["type"] == "extra_forbidden":
        renamed = _renamed(nodes, document, path, details)
        found += [renamed, renamed and _with_value(renamed, document, path)]
        found.append(_commented(nodes, document, path, "not a key of duragent"))
    elif (wanted := _as_wanted(document, path, details)) is not None:
        found.append(_set(nodes, document, path, *wanted))
    yield from (change for change in found if change is not None)


# --- values ----------------------------------------------------------------------------------------------------------


def _as_wanted(document: YamlDocument, path: YamlPath, details: ErrorDetails) -> tuple[Any, str] | None:
    """The value as the field's type wants it, and as it is written in YAML; None when that would be a guess."""
    value, kind = details["input"], details["type"]
    match kind:
        case "string_type" if isinstance(value, bool | int | float):
            written = document.raw.get(path, str(value))
            return written, f'"{written}"'
        case "int_type" | "int_from_float" | "float_type" if isinstance(value, str | float):
            return _number(value, whole=kind != "float_type")
        case "bool_type" if isinstance(value, str) and value.lower() in (*_TRUE, *_FALSE):
            return value.lower() in _TRUE, "true" if value.lower() in _TRUE else "false"
        case "literal_error" if isinstance(value, str):
            near = [each for each in _expected(details) if each.lower() == value.strip().lower()]
            return (near[0], near[0]) if len(near) == 1 else None
    return None


def _number(value: str | float, *, whole: bool) -> tuple[Any, str] | None:
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number) or (whole and not number.is_integer()) or abs(number) >= 1 << 53:
        return None
    found = int(number) if whole or number.is_integer() else number
    return found, str(found)


def _expected(details: ErrorDetails) -> list[str]:
    told = str(details.get("ctx", {}).get("expected", ""))
    return [part.strip("' ") for part in told.replace(" or ", ",").split(",")]


# --- names -----------------------------------------------------------------------------------------------------------


def _named(nodes: "_Nodes", document: YamlDocument, folder_name: str) -> _Change | None:
    """The name that the folder has, with the old one as an alias, so that old sessions find their agent."""
    metadata = _mapping(_mapping(document.data).get("metadata"))
    name = metadata.get("name")
    if not isinstance(name, str | int | float) or name == folder_name or not NAME_PATTERN.fullmatch(folder_name):
        return None
    change = _set(nodes, document, ("metadata", "name"), folder_name, folder_name)
    if change is None or "aliases" in metadata or nodes.is_flow(("metadata",)):
        return None
    key, value = nodes.at(("metadata", "name"))
    old = document.raw.get(("metadata", "name"), str(name))
    lines = change.text.splitlines(keepends=True)
    lines.insert(value.end_mark.line + 1, f"{' ' * key.start_mark.column}aliases: [{json.dumps(old)}]\n")
    data = change.data
    data["metadata"]["aliases"] = [old]
    told = f"metadata.name: '{old}' is '{folder_name}', as the folder is called; sessions find it by its old name too"
    return _Change("".join(lines), data, told)


def _without_prompt(nodes: "_Nodes", document: YamlDocument, has_file: Callable[[str], bool]) -> _Change | None:
    spec = _mapping(_mapping(document.data).get("spec"))
    for name in _PROMPTS:
        named = spec.get(name)
        if isinstance(named, str) and named.strip() and not has_file(named):
            return _commented(nodes, document, ("spec", name), "the file is not there")
    return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# --- edits -----------------------------------------------------------------------------------------------------------


def _set(nodes: "_Nodes", document: YamlDocument, path: YamlPath, value: Any, written: str) -> _Change | None:
    _, node = nodes.at(path)
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        return None
    text = nodes.text[: node.start_mark.index] + written + nodes.text[node.end_mark.index :]
    data = copy.deepcopy(document.data)
    _parent(data, path)[path[-1]] = value
    before = nodes.text[node.start_mark.index : node.end_mark.index]
    return _Change(text, data, f"{dotted(path)}: {before} is {written}")


def _renamed(nodes: "_Nodes", document: YamlDocument, path: YamlPath, details: ErrorDetails) -> _Change | None:
    """A key that is a slip of one that is known, and not there yet."""
    known, key = known_names(AgentFile, details["loc"][:-1]), str(path[-1])
    near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=2, cutoff=_SURE)
    data = copy.deepcopy(document.data)
    parent = _parent(data, path)
    if len(near) != 1 or near[0] in parent:
        return None
    renamed = {near[0] if name == key else name: value for name, value in parent.items()}
    parent.clear()
    parent.update(renamed)
    node, _ = nodes.at(path)
    text = nodes.text[: node.start_mark.index] + near[0] + nodes.text[node.end_mark.index :]
    return _Change(text, data, f"{dotted(path)}: the key is {near[0]}; v0.5 ignored it as it was written")


def _with_value(renamed: _Change, before: YamlDocument, old: YamlPath) -> _Change | None:
    """The key with its right name, and its value as the field of that name wants it."""
    document = parse_yaml(renamed.text, "agent.yaml")
    (name,) = _parent(document.data, old).keys() - _parent(before.data, old).keys()
    path = (*old[:-1], name)
    for at, details in found_faults(document, AgentFile):
        if at == path and (wanted := _as_wanted(document, path, details)) is not None:
            change = _set(_Nodes(renamed.text), document, path, *wanted)
            return change and _Change(change.text, change.data, f"{renamed.told}; {change.told}")
    return None


def _commented(nodes: "_Nodes", document: YamlDocument, path: YamlPath, why: str) -> _Change | None:
    """The key and its value as a comment."""
    if nodes.is_flow(path[:-1]):
        return None
    key, value = nodes.at(path)
    first, column = key.start_mark.line, key.start_mark.column
    last = max(_last_line(nodes.text, value), first)
    lines = nodes.text.splitlines(keepends=True)
    for at in range(first, last + 1):
        note = f"({why}) " if at == first else ""
        lines[at] = f"{lines[at][:column]}# {note}{lines[at][column:]}" if lines[at].strip() else lines[at]
    data = copy.deepcopy(document.data)
    parent = _parent(data, path)
    del parent[path[-1]]
    if not parent and len(path) > 1:
        _parent(data, path[:-1])[path[-2]] = None
    return _Change("".join(lines), data, f"{dotted(path)}: {why}; it is a comment now")


def _parent(data: Any, path: YamlPath) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


def _last_line(text: str, node: Any) -> int:
    """The last line on which anything of the value stands."""
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        body = text[: node.end_mark.index].rstrip()
        return body.count("\n")
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(text, last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.line)


class _Nodes:
    """Where in the text everything stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        # Not the fast loader: its positions are not of characters.
        self._root: Any = yaml.compose(text, yaml.SafeLoader)

    def at(self, path: YamlPath) -> tuple[Any, Any]:
        """The key and the value there; of a list's item the value is both."""
        key, node = self._root, self._root
        for part in path:
            if isinstance(node, yaml.MappingNode):
                key, node = next((k, v) for k, v in node.value if k.value == part)
            else:
                key = node = node.value[part]
        return key, node

    def is_flow(self, path: YamlPath) -> bool:
        """Whether it is written in braces, where no comment can stand."""
        return bool(getattr(self.at(path)[1], "flow_style", False))
