import json
from pathlib import Path
from typing import Any

import pytest

from duragent.errors import InvalidFile
from duragent.tools.programs.schema import load_schema, parse_schema


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ([], "must be a JSON object"),
        ({"type": "string"}, 'type: must be "object": arguments have names'),
        ({"type": ["object"]}, 'type: must be "object": arguments have names'),
        ({"oneOf": [{}]}, "oneOf: model providers refuse it at the top of a schema (use it inside of a property)"),
        ({"properties": []}, "properties: must be an object"),
        ({"properties": {"a b": {}}}, 'properties: "a b" must be 1 to 64 of a-z, A-Z, 0-9, _, . and -'),
        ({"properties": {"a": {"type": "text"}}}, "properties.a.type: 'text' is not valid under any of"),
        ({"properties": {"a": {"pattern": "("}}}, "properties.a.pattern: '(' is not a 'regex'"),
        ({"required": "a"}, "required: 'a' is not of type 'array'"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "$ref: 'file:///etc/passwd' must point into this file"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}}}, "$ref: 'http://127.0.0.1:9/x' must point"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "$ref: '#/$defs/b' points at nothing in this file"),
        ({"x-effect": "none"}, 'x-effect: must be one of pure, idempotent, unsafe, never, not "none"'),
        ({"x-effect": ["pure"]}, "x-effect: must be one of"),
        ({"x-efect": "pure"}, "x-efect: is not a known key (did you mean `x-effect`?)"),
        ({"x-timeout-seconds": 0}, "x-timeout-seconds: must be a number above 0 and at most 3600, not 0"),
        ({"x-timeout-seconds": True}, "x-timeout-seconds: must be a number"),
        ({"x-timeout-seconds": "9"}, "x-timeout-seconds: must be a number"),
        ({"x-timeout-seconds": 3601}, "x-timeout-seconds: must be a number"),
    ],
)
def test_schema_that_could_not_be_used_is_refused(schema: Any, fault: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the sentence is compared below
        parse_schema(schema)
    assert str(raised.value).startswith(fault)


def test_schema_without_anything_allows_any_object() -> None:
    schema = parse_schema({})
    assert schema.parameters == {"type": "object", "properties": {}}
    assert (schema.effect, schema.timeout_seconds, schema.faults({"a": 1})) == ("unsafe", 120.0, [])


def test_schema_may_refer_to_itself_and_never_ends_in_a_crash() -> None:
    tree = {"properties": {"node": {"$ref": "#"}}, "type": "object"}
    assert parse_schema(tree).faults({"node": {"node": 1}}) == ["node.node: 1 is not of type 'object'"]
    endless = {"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/a"}}}
    assert parse_schema(endless).faults({"a": 1})[0].startswith("they cannot be checked: ")


def test_many_faults_and_long_values_are_cut() -> None:
    schema = parse_schema({"additionalProperties": {"type": "integer"}})
    faults = schema.faults({f"a{number}": "x" * 10_000 for number in range(100)})
    assert len(faults) == 5
    assert all(len(fault) < 300 for fault in faults)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b'{"a":\n}', "schema.json:2: is not valid JSON: Expecting value"),
        (b"\xff\xfe{}", "schema.json: is not valid JSON: "),
        (b'{"minimum": NaN}', "schema.json: is not valid JSON: NaN is no JSON number"),
        (b"[" * 60_000, "schema.json: is not valid JSON: "),
        (b" " * 70_000, "schema.json: is larger than 64 KiB"),
        (json.dumps({"type": "array"}).encode(), 'schema.json: type: must be "object"'),
    ],
)
def test_schema_file_with_a_fault_is_named(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "schema.json").write_bytes(content)
    with pytest.raises(InvalidFile) as raised:
        load_schema(tmp_path / "schema.json", tmp_path)
    assert str(raised.value).removeprefix(f"{tmp_path}/").startswith(fault)


def test_schema_file_may_be_absent_or_have_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_schema(tmp_path / "schema.json", tmp_path) is None
    (tmp_path / "schema.json").write_bytes(b'\xef\xbb\xbf{"x-effect": "never"}')
    loaded = load_schema(tmp_path / "schema.json", tmp_path)
    assert loaded is not None
    assert loaded.effect == "never"
