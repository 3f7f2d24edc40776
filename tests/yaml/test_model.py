"""A YAML document as a model: what does not fit is told by line and field, with what would be right."""

import contextlib
import time
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Discriminator, Field, Strict

from duragent.errors import InvalidFile
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import validate


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Model(Part):
    name: str
    max_input_tokens: int | None = Field(default=None, gt=0)
    max_output_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_output_tokens", "max_tokens")
    )
    temperature: float = Field(default=0, ge=0, le=2)


class Plain(Part):
    type: Literal["plain"]
    color: Literal["red", "green"] = "red"


class Fancy(Part):
    type: Literal["fancy"]
    sparkle: bool


class Thing(Part):
    api_version: Literal["v1"] = Field(alias="apiVersion")
    model: Model | None = None
    items: Annotated[tuple[Annotated[Plain | Fancy, Discriminator("type")], ...], Strict(False)] = ()
    labels: dict[str, str] = {}


def fault_of(text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        validate(parse_yaml(text, "a.yaml"), Thing)
    return str(caught.value)


def test_right_document_becomes_the_model() -> None:
    text = "apiVersion: v1\nmodel: {name: m, max_tokens: 3}\nitems:\n  - {type: fancy, sparkle: yes}\n"

    assert validate(parse_yaml(text, "a.yaml"), Thing) == Thing(
        apiVersion="v1",
        model=Model.model_validate({"name": "m", "max_tokens": 3}),
        items=(Fancy(type="fancy", sparkle=True),),
    )


def test_empty_key_counts_as_absent() -> None:
    thing = validate(
        parse_yaml("apiVersion: v1\nlabels:\nitems:\nmodel:\n  name: m\n  temperature:\n", "a.yaml"), Thing
    )

    assert thing == Thing(apiVersion="v1", model=Model(name="m"))
    assert thing.model_fields_set == {"api_version", "model"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "a.yaml:1: apiVersion: is missing"),
        ("apiVersion:\n", "a.yaml:1: apiVersion: is missing"),
        ("- 1\n", "a.yaml:1: must be a mapping (key: value), not a list"),
        ("hello\n", "a.yaml:1: must be a mapping (key: value), not 'hello'"),
        ("apiVersion: v2\n", "a.yaml:1: apiVersion: must be 'v1', not 'v2'"),
        ("apiVersion: v1\nmodel: {}\n", "a.yaml:2: model.name: is missing"),
        ("apiVersion: v1\nmodel: big\n", "a.yaml:2: model: must be a mapping (key: value), not 'big'"),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max_input_tokens: ten\n",
            "a.yaml:4: model.max_input_tokens: must be a whole number, not 'ten'",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max_input_tokens: 0\n",
            "a.yaml:4: model.max_input_tokens: must be more than 0, not 0",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max_input_tokens: true\n",
            "a.yaml:4: model.max_input_tokens: must be a whole number, not true",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max_tokens: 1.5\n",
            "a.yaml:4: model.max_tokens: must be a whole number, not 1.5",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  temperature: 3\n",
            "a.yaml:4: model.temperature: must be 2 or less, not 3",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: no\n",
            'a.yaml:3: model.name: must be text, not no (put it in quotes: "no")',
        ),
        (
            "apiVersion: v1\nlabels:\n  country: NO\n",
            'a.yaml:3: labels.country: must be text, not NO (put it in quotes: "NO")',
        ),
        (
            "apiVersion: v1\nlabels:\n  version: 010\n",
            'a.yaml:3: labels.version: must be text, not 010 (put it in quotes: "010")',
        ),
        ("apiVersion: v1\nlabels:\n  a: [1]\n", "a.yaml:3: labels.a: must be text, not a list"),
        (
            "apiVersion: v1\nlabels:\n  api_token: 12345\n",
            "a.yaml:3: labels.api_token: must be text, not an unquoted value (put it in quotes)",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  maxInputTokns: 3\n",
            "a.yaml:4: model.maxInputTokns: is not a known key (did you mean `max_input_tokens`?)",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max-tokens: 3\n",
            "a.yaml:4: model.max-tokens: is not a known key (did you mean `max_tokens`?)",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  zzz:\n",
            "a.yaml:4: model.zzz: is not a known key "
            "(known keys: name, max_input_tokens, max_output_tokens, max_tokens, temperature)",
        ),
        (
            "apiVersion: v1\nmodel:\n  name: m\n  max_tokens: 1\n  max_output_tokens: 2\n",
            "a.yaml:4: model.max_tokens: is there under its other name too (keep one of the two)",
        ),
        (
            "api_version: v1\n",
            "a.yaml:1: api_version: is not a known key (did you mean `apiVersion`?); "
            "and 1 more: line 1, apiVersion: is missing",
        ),
        ("apiVersion: v1\nitems: {type: plain}\n", "a.yaml:2: items: must be a list (each item begins with '-')"),
        ("apiVersion: v1\nitems:\n  - 5\n", "a.yaml:3: items[0]: must be a mapping (key: value), not 5"),
        ("apiVersion: v1\nitems:\n  -\n", "a.yaml:3: items[0]: must be a mapping (key: value), not nothing"),
        ("apiVersion: v1\nitems:\n  - color: red\n", "a.yaml:3: items[0]: needs a 'type'"),
        (
            "apiVersion: v1\nitems:\n  - type: shiny\n",
            "a.yaml:3: items[0]: type must be one of plain, fancy, not 'shiny'",
        ),
        (
            "apiVersion: v1\nitems:\n  - type: plain\n    color: gren\n",
            "a.yaml:4: items[0].color: must be one of red, green, not 'gren' (did you mean 'green'?)",
        ),
        (
            "apiVersion: v1\nitems:\n  - type: plain\n    colour: red\n",
            "a.yaml:4: items[0].colour: is not a known key (did you mean `color`?)",
        ),
        (
            "apiVersion: v1\nitems:\n  - type: fancy\n    sparkle: perhaps\n",
            "a.yaml:4: items[0].sparkle: must be true or false, not 'perhaps'",
        ),
        (
            "apiVersion: v1\nitems:\n  - type: fancy\n    colour: red\n    sparkle: on\n",
            "a.yaml:4: items[0].colour: is not a known key (known keys: type, sparkle)",
        ),
    ],
)
def test_fault_is_told_in_plain_words(text: str, message: str) -> None:
    assert fault_of(text).startswith(message)


def test_first_fault_in_file_order_tells_the_others_too() -> None:
    text = "model:\n  temprature: 1\n  name: 5\napiVersion: v3\nlabels: x\n"

    with pytest.raises(InvalidFile) as caught:
        validate(parse_yaml(text, "a.yaml"), Thing)

    assert (caught.value.path, caught.value.line, caught.value.field) == ("a.yaml", 2, "model.temprature")
    assert str(caught.value) == (
        "a.yaml:2: model.temprature: is not a known key (did you mean `temperature`?); and 3 more: "
        'line 3, model.name: must be text, not 5 (put it in quotes: "5"); '
        "line 4, apiVersion: must be 'v1', not 'v3'; "
        "line 5, labels: must be a mapping (key: value), not 'x'"
    )


def test_long_list_of_faults_is_cut() -> None:
    text = "apiVersion: v1\nlabels:\n" + "".join(f"  k{number}: {number}\n" for number in range(9))

    message = fault_of(text)

    assert "; and 8 more: line 4, labels.k1" in message
    assert message.endswith("; …")


def test_thousands_of_faults_are_told_quickly_and_shortly() -> None:
    text = "apiVersion: v1\nmodel:\n" + "".join(f"  max_tokenz{number}: {'x' * 9}\n" for number in range(20_000))
    began = time.process_time()

    message = fault_of(text)

    assert "a.yaml:3: model.max_tokenz0: is not a known key (did you mean `max_tokens`?); and 20000 more" in message
    assert len(message) < 1000
    assert time.process_time() - began < 20


@given(st.text(st.characters(), max_size=200) | st.text("ab:-[]{}&*!|>'\"# \n\t,?%@`01.~$<=", max_size=60))
def test_any_text_gives_a_model_or_an_invalid_file(text: str) -> None:
    try:
        document = parse_yaml(text, "a.yaml")
    except InvalidFile:
        return
    with contextlib.suppress(InvalidFile):
        validate(document, Thing)
