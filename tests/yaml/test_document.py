"""Strict YAML: whatever the text is, the answer is a value or an InvalidFile that tells where."""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.errors import InvalidFile
from duragent.yaml.document import dotted, parse_yaml, read_text, read_yaml


def error_of(text: str) -> str:
    with pytest.raises(InvalidFile) as caught:
        parse_yaml(text, "a.yaml")
    return str(caught.value)


def test_reader_knows_the_line_of_every_key_and_item() -> None:
    document = parse_yaml("# hello\na: 1\nb:\n  - x\n  - c: no\n", "a.yaml")

    assert document.data == {"a": 1, "b": ["x", {"c": False}]}
    assert document.lines == {(): 2, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5}
    assert document.raw == {("a",): "1", ("b", 1, "c"): "no"}


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "null\n", "\ufeff"])
def test_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse_yaml(text, "a.yaml").data == {}


def test_keys_are_the_text_that_stands_there() -> None:
    assert parse_yaml("on: a\nyes: b\n1: c\n2024-01-01: d\n~: e\n", "a.yaml").data == {
        "on": "a",
        "yes": "b",
        "1": "c",
        "2024-01-01": "d",
        "~": "e",
    }


def test_dates_and_base_sixty_numbers_stay_text() -> None:
    text = "a: 2024-01-01\nb: 22:30\nc: 190:20:30.15\nd: =\ne: <<\n"

    assert parse_yaml(text, "a.yaml").data == {
        "a": "2024-01-01",
        "b": "22:30",
        "c": "190:20:30.15",
        "d": "=",
        "e": "<<",
    }


def test_standard_tags_are_read() -> None:
    assert parse_yaml("a: !!str 1\nb: !!int '2'\nc: !!float '3'\n", "a.yaml").data == {"a": "1", "b": 2, "c": 3.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\n", "a.yaml:1: anchors (&) and aliases (*) are not allowed"),
        ("a: 1\nb: *x\n", "a.yaml:2: anchors (&) and aliases (*) are not allowed"),
        ("&k a: 1\n", "a.yaml:1: anchors (&) and aliases (*) are not allowed"),
        ("a: *.md\n", "a.yaml:1: is not valid YAML: did not find expected alphabetic or numeric character (a value"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "a.yaml:4: a.b is there twice; the first is on line 2"),
        ("a: 1\n'a': 3\n", "a.yaml:2: a is there twice; the first is on line 1"),
        ("a: 1\n---\nb: 2\n", "a.yaml:2: has a second document; only one is allowed"),
        ("a: !!python/object:os.system x\n", "a.yaml:1: the tag tag:yaml.org,2002:python/object:os.system"),
        ("a: !env HOME\n", "a.yaml:1: the tag !env is not allowed"),
        ("a: !!binary aGk=\n", "a.yaml:1: the tag tag:yaml.org,2002:binary is not allowed"),
        ("{a: 1}: 2\n", "a.yaml:1: a key must be plain text"),
        ("? [1, 2]\n: 3\n", "a.yaml:1: a key must be plain text"),
        (": 3\n", "a.yaml:1: is not valid YAML: did not find expected key (look at the indent"),
        ("a" * 300 + ": 3\n", "a.yaml:1: a key has more than 256 characters"),
        ("? \n: 3\n", "a.yaml:1: a key is missing before ':'"),
        ("a: b: c\n", "a.yaml:1: is not valid YAML: mapping values are not allowed in this context (a text with ': '"),
        ("a: !!int ten\n", "a.yaml:1: 'ten' is not a int"),
        ("a: !!bool maybe\n", "a.yaml:1: 'maybe' is not a bool"),
        ("a: !!int ''\n", "a.yaml:1: '' is not a int"),
        ("a:\n\tb: 1\n", "a.yaml:2: is not valid YAML: found character that cannot start any token"),
        ("a: [1\nb: 2\n", "a.yaml:2: is not valid YAML:"),
        ("a: \x00\n", "a.yaml"),
        ("a: 1\nb: \x07\n", "a.yaml"),
        ("a: \ud800\n", "a.yaml:1: is not valid Unicode text"),
        ('a: "\\ud800"\n', "a.yaml"),
        ('a: "\\U00110000"\n', "a.yaml"),
        ('a: "\\UFFFFFFFF"\n', "a.yaml"),
    ],
)
def test_reader_refuses_what_is_not_plain_yaml(text: str, message: str) -> None:
    assert error_of(text).startswith(message)


def test_tab_in_the_indent_is_told() -> None:
    assert error_of("a:\n\tb: 1\n").endswith("(indent with spaces, not with tabs)")


def test_reader_refuses_an_alias_bomb() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{after}: &{after} [*{before}, *{before}]\n" for before, after in [("a", "b"), ("b", "c")]
    )

    assert "anchors (&)" in error_of(bomb)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_reader_refuses_deep_nesting_at_once(opening: str) -> None:
    began = time.process_time()

    error = error_of(opening * (1_000_000 // len(opening)))

    assert "nested more than 32 levels deep" in error or "plain text" in error or "not valid YAML" in error
    assert time.process_time() - began < 20


def test_reader_takes_32_levels_and_no_more() -> None:
    assert parse_yaml("[" * 33 + "]" * 33, "a.yaml").data
    assert error_of("[" * 34 + "]" * 34).endswith("is nested more than 32 levels deep")


def test_reader_refuses_too_many_values() -> None:
    assert error_of("[" + "1," * 60_000 + "]").endswith("has more than 50000 values")


@pytest.mark.parametrize("number", ["9" * 10_000, "0x" + "f" * 10_000, "1" * 10_000 + ".5", "0b" + "1" * 500])
def test_reader_refuses_a_giant_number(number: str) -> None:
    assert "the number has more than 40 characters" in error_of(f"a: {number}\n")


def test_reader_refuses_a_large_text() -> None:
    assert error_of("# " + "x" * 1024 * 1024) == "a.yaml: is larger than 1024 KiB"
    with pytest.raises(InvalidFile, match="larger than 0 KiB"):
        parse_yaml("a: b", "a.yaml", limit_bytes=2)


@given(st.text(st.characters(), max_size=200) | st.text("ab:-[]{}&*!|>'\"# \n\t,?%@`01.~$<=", max_size=60))
def test_any_text_gives_a_value_or_an_invalid_file(text: str) -> None:
    with contextlib.suppress(InvalidFile):
        parse_yaml(text, "a.yaml")


@pytest.mark.parametrize(
    ("path", "dots"),
    [((), ""), (("a",), "a"), (("spec", "tools", 0, "name"), "spec.tools[0].name"), ((1, "x"), "[1].x")],
)
def test_a_path_is_written_with_dots_and_numbers(path: tuple[str | int, ...], dots: str) -> None:
    assert dotted(path) == dots


def test_the_line_of_what_has_none_is_that_of_what_lies_around_it() -> None:
    document = parse_yaml("a:\n  b: {c: 1}\n", "a.yaml")
    assert [document.line(path) for path in [("a", "b", "c"), ("a", "b", "x", "y"), ("z",)]] == [2, 2, 1]
    with pytest.raises(InvalidFile, match=r"^a.yaml:2: a.b: is too much \(less\)$"):
        document.fail(("a", "b"), "is too much", "less")


# --- files ----------------------------------------------------------------------------------------------------------


def read_error(path: Path) -> str:
    with pytest.raises(InvalidFile) as caught:
        read_yaml(path)
    return str(caught.value).removeprefix(str(path))


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")

    assert read_yaml(tmp_path / "a.yaml").data == {"a": 1}


def test_file_may_be_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    (tmp_path / "a.yaml").symlink_to("real.yaml")

    assert read_yaml(tmp_path / "a.yaml").data == {"a": 1}


def test_file_that_cannot_be_read_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe.yaml")

    assert read_error(tmp_path) == ": is a folder, not a file"
    assert read_error(tmp_path / "absent.yaml") == ": does not exist"
    assert read_error(tmp_path / "latin.yaml") == ":2: is not UTF-8 text (save it as UTF-8)"
    assert read_error(tmp_path / "large.yaml") == ": is larger than 1024 KiB"
    assert read_error(tmp_path / "pipe.yaml") == ": is not a regular file"
    assert read_error(tmp_path / "loop.yaml").startswith(": cannot be read: ")
    assert read_error(tmp_path / "file" / "a.yaml").startswith(": cannot be read: ")
    assert read_error(tmp_path / "nul\0.yaml").startswith(": cannot be read: ")


def test_socket_is_not_a_file(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(os.path.relpath(tmp_path / "s.yaml"))

        assert read_error(tmp_path / "s.yaml") == ": is not a regular file"


def test_text_of_a_file_ends_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf12345")
    assert read_text(tmp_path / "a", 8) == "12345"
    with pytest.raises(InvalidFile, match="is larger than 0 KiB"):
        read_text(tmp_path / "a", 7)
