"""A shell text as the simple commands in it, or the word that it is not understood."""

import pytest

from duragent.policy.shell.parse import MAX_CHARS, parse
from duragent.policy.shell.script import Construct, Script, SimpleCommand, Unparsable


def commands(text: str) -> list[str]:
    script = parse(text)
    assert isinstance(script, Script), text
    found = [piece for piece in script.pieces if isinstance(piece, SimpleCommand)]
    return [" ".join(word.text for word in piece.words) for piece in found if piece.words]


def constructs(text: str) -> list[str]:
    script = parse(text)
    assert isinstance(script, Script), text
    return [piece.why for piece in script.pieces if isinstance(piece, Construct)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ls -l; pwd && echo 'a b' | wc", ["ls -l", "pwd", "echo a b", "wc"]),
        ("! (ls); { pwd; }", ["ls", "pwd"]),
        ("if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
        ("while a; do b; done; for x in 1 $(c); do d; done", ["a", "b", "c", "d"]),
        ("echo $(a `b`) <(c)", ["echo $(a `b`) <(c)", "a `b`", "b", "c"]),
        ("X=$(a) b", ["b", "a"]),
        ("a > $(b)", ["a", "b"]),
        ("# a comment\nls # and more", ["ls"]),
        ("", []),
    ],
)
def test_simple_commands_are_found_wherever_they_stand(text: str, found: list[str]) -> None:
    assert sorted(commands(text)) == sorted(found)


def test_assignments_and_redirections_belong_to_their_command() -> None:
    script = parse("A=1 B+=2 make all >out 2>&1 more")
    assert isinstance(script, Script)
    [command, redirected] = [piece for piece in script.pieces if isinstance(piece, SimpleCommand)]
    assert [word.text for word in command.words] == ["make", "all", "more"]
    assert [each.canonical for each in command.assignments] == ["A=1", "B+=2"]
    redirections = (*command.redirections, *redirected.redirections)
    assert sorted((each.operator, each.target.text if each.target else "") for each in redirections) == [
        (">", "out"),
        (">&", "1"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("case a in a) ls;; esac", "branches by patterns"),
        ("f() { ls; }", "defines a function"),
        ("export A=1", "declares variables"),
        ("(( a = 1 ))", "does arithmetic or a test that may run commands"),
        ("[[ $a -eq 1 ]]", "does arithmetic or a test that may run commands"),
        ("echo ${a:-$(ls)}", "expands a variable in a way that may run commands"),
        ("echo $((a[1]))", "does arithmetic, which may run commands"),
        ("echo $(<file)", "reads a file"),
        ("cat <<E\nx\nE", "feeds a here-document"),
    ],
)
def test_what_is_more_than_its_commands_is_told_with_its_reason(text: str, why: str) -> None:
    assert why in constructs(text)


@pytest.mark.parametrize("text", ["[ -f x ]", '[ "$a" = b ]', "[[ $a == b ]]", "echo ${a} $((1 + 2)) ${#a}"])
def test_plain_tests_and_expansions_run_nothing(text: str) -> None:
    assert constructs(text) == []


def test_functions_are_known_by_name() -> None:
    script = parse("f() { ls; }; function g { pwd; }")
    assert isinstance(script, Script)
    assert script.functions == {"f", "g"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ls (", "is not a shell command that can be understood"),
        ("ls 'a", "is not a shell command that can be understood"),
        ("ls\u200b", "has the invisible or control character U+200B"),
        ("ls\ufeff", "has the invisible or control character U+FEFF"),
        ("ls\r", "has the invisible or control character U+000D"),
        ("x" * (MAX_CHARS + 1), f"is longer than {MAX_CHARS} characters"),
        ("<<E " * 9, "has too many here-documents or groups"),
        ("(" * 401, "has too many here-documents or groups"),
        ("echo `a \\`b\\``", "has a part that cannot be understood: `a"),
    ],
)
def test_text_that_is_not_understood_says_why(text: str, reason: str) -> None:
    found = parse(text)
    assert isinstance(found, Unparsable)
    assert found.reason.startswith(reason)
