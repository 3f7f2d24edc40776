"""`models/<name>.yaml`: a model that several agents use by its name, `spec.model: {use: name}`.

An embedder has its provider, name and address from there in the same way: `spec.memory.embedding: {use: name}`.

What an agent says of its model itself goes before what the file says, field by field.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, field_validator

from duragent.agent.folder_files import names_in, read_text_inside
from duragent.agent.spec import NAME_PATTERN, AgentSpec, ModelFields, check_name
from duragent.errors import InvalidFile
from duragent.yaml.document import MAX_BYTES, YamlDocument, parse_yaml
from duragent.yaml.model import validate
from duragent.yaml.section import YamlSection

FOLDER = "models"
_PLACE = ("spec", "model", "use")
_BACKGROUND = ("spec", "memory", "sleep", "model")
_SUMMARIES = ("spec", "session", "context", "summaries")
_EMBEDDING = ("spec", "memory", "embedding", "use")
_OF_EMBEDDING = {"provider": "provider", "name": "model", "base_url": "base_url"}
"""What a model's file says for an embedder, and how that field is called there."""


class SharedModelSpec(ModelFields):
    """The `spec` block."""

    always: str = Field(
        default="", description="What the model reads again with every question, behind the agent's `always.md`."
    )


class SharedModelMetadata(YamlSection):
    """What the model is called."""

    name: str | None = Field(default=None, description="The file's name without `.yaml`, when it is given at all.")
    description: str | None = Field(default=None, description="One line for people.")

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, value: str | None) -> str | None:
        return value if value is None else check_name(value)


class ModelFile(YamlSection):
    """A `models/<name>.yaml`."""

    api_version: Literal["duragent/v1alpha1"] = Field(alias="apiVersion", description="The format's version.")
    kind: Literal["Model"] = Field(description="What this file is.")
    metadata: SharedModelMetadata = Field(
        default_factory=SharedModelMetadata, description="What the model is called; its file's name is enough."
    )
    spec: SharedModelSpec = Field(description="Which model it is, and how it is asked.")


@dataclass(frozen=True, slots=True)
class SharedModel:
    """A model's file as it was when it was read."""

    name: str
    """The file's name without `.yaml`."""
    spec: SharedModelSpec
    """Its `spec` block."""
    document: YamlDocument
    """The file itself."""


def load_model_file(workspace: Path, name: str) -> SharedModel:
    """The model of that name. Raises InvalidFile; for one that is not there it tells those that are."""
    folder = workspace / FOLDER
    path = folder / f"{name}.yaml"
    if not NAME_PATTERN.fullmatch(name) or not os.path.lexists(path):
        raise InvalidFile(str(path), "does not exist", hint=_others(folder, name))
    document = parse_yaml(read_text_inside(folder, path, MAX_BYTES), str(path))
    file = validate(document, ModelFile)
    if file.metadata.name not in (None, name):
        document.fail(("metadata", "name"), f"is '{file.metadata.name}', but the file is '{name}.yaml'")
    return SharedModel(name, file.spec, document)


def used_model(document: YamlDocument, workspace: Path) -> SharedModel | None:
    """The model's file that an agent.yaml names; None when it names none. Raises InvalidFile."""
    name = _own_fields(document, _PLACE).get("use")
    return _named(document, _PLACE, workspace, name) if isinstance(name, str) else None


def background_model(document: YamlDocument, spec: AgentSpec, workspace: Path) -> SharedModelSpec | None:
    """The model that works in the background for an agent; None when it names none. Raises InvalidFile."""
    name = spec.memory.sleep.model if spec.memory is not None else None
    if name is not None:
        return _named(document, _BACKGROUND, workspace, name).spec
    if spec.session.context.summaries == "model":
        document.fail(
            _SUMMARIES,
            f"`model` needs {'.'.join(_BACKGROUND)}, the name of a file in {FOLDER}/ whose model writes them",
            "`extract` needs no model",
        )
    return None


def _named(document: YamlDocument, place: Sequence[str], workspace: Path, name: str) -> SharedModel:
    folder = workspace / FOLDER
    if not os.path.lexists(folder / f"{name}.yaml") or not NAME_PATTERN.fullmatch(name):
        document.fail(tuple(place), f"there is no {FOLDER}/{name[:64]}.yaml", _others(folder, name))
    return load_model_file(workspace, name)


def with_embedding(document: YamlDocument, workspace: Path) -> YamlDocument:
    """The agent.yaml as if what the model's file that its embedder names says of it stood there. Raises InvalidFile."""
    name = _own_fields(document, _EMBEDDING).get("use")
    if not isinstance(name, str):
        return document
    model = _named(document, _EMBEDDING, workspace, name)
    own, written = _own_fields(document, _EMBEDDING), model.document.data["spec"]
    taken = {name: written[key] for key, name in _OF_EMBEDDING.items() if written.get(key) is not None}
    spec = document.data["spec"]
    memory = {**spec["memory"], "embedding": {**taken, **own}}
    return replace(document, data={**document.data, "spec": {**spec, "memory": memory}})


def with_fields_of(document: YamlDocument, model: SharedModel) -> tuple[YamlDocument, tuple[str, ...]]:
    """The agent.yaml as if the fields that only the model's file has stood there, and the names of these fields."""
    own = _own_fields(document, _PLACE)
    there = {_field_of(key) for key in own}
    written: Mapping[str, Any] = model.document.data["spec"]
    taken = {
        key: value
        for key, value in written.items()
        if key != "always" and value is not None and _field_of(key) not in there
    }
    spec = {**document.data["spec"], "model": {**taken, **own}}
    return replace(document, data={**document.data, "spec": spec}), tuple(_field_of(key) for key in taken)


def _own_fields(document: YamlDocument, place: tuple[str, ...]) -> Mapping[str, Any]:
    """What agent.yaml says beside `use`; nothing where the file has another form: that is found later."""
    found: Any = document.data
    for part in place[:-1]:
        found = found.get(part) if isinstance(found, dict) else None
    return {key: value for key, value in found.items() if value is not None} if isinstance(found, dict) else {}


def _field_of(key: str) -> str:
    """The field that the key means: some have an older name, too."""
    for name, field in ModelFields.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices) and key in field.validation_alias.choices:
            return name
    return key


def _others(folder: Path, name: str) -> str:
    try:
        known = [each.removesuffix(".yaml") for each in names_in(folder) if each.endswith(".yaml")]
    except InvalidFile:
        known = []
    if near := difflib.get_close_matches(name.lower(), known, n=1):
        return f"did you mean '{near[0]}'?"
    return f"there are: {', '.join(known)}" if known else f"{FOLDER}/ has no model yet"
