"""A tool call and its result, in a few words."""

import pytest

from duragent.cli.chat.tool_blocks import Called, Returned, called, never_began, returned
from duragent.journal import events
from tests.cli.chat.calls import finished


@pytest.mark.parametrize(
    ("tool", "invocation", "line"),
    [
        ("bash", "ls -l", Called("bash", "ls -l")),
        ("read_file", "read_file a.txt", Called("read_file", "a.txt")),
        ("web", "web:fetch https://x", Called("web:fetch", "https://x")),
        ("think", "think", Called("think", "")),
        ("", "", Called("", "")),
        ("bash", "rm \u202egpj.x\u200b", Called("bash", "rm <U+202E>gpj.x<U+200B>")),
    ],
)
def test_a_call_in_words(tool: str, invocation: str, line: Called) -> None:
    assert called(tool, invocation) == line


DONE = "Command completed with exit code 0"


def failed(facts: str, text: str) -> Returned:
    return Returned(facts, text, good=False)


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        (finished(DONE, details={"exit_code": 0, "seconds": 2}), Returned("exit 0 · 2.0 s")),
        (finished("x\n[exit code 2]", "error", details={"exit_code": 2}), failed("exit 2", "x\n[exit code 2]")),
        (finished("x", "error", details={"exit_code": None, "signal": 9}), failed("ended by signal 9", "x")),
        (finished("x", "timeout"), failed("timed out", "x")),
        (finished("x", "skipped"), failed("skipped", "x")),
        (finished("1\n2\n3\n4\n5\n6\n7\n"), Returned("7 lines", "1\n2\n3\n4\n… 3 more lines")),
        (finished("1\n2\n3\n4\n5\n6\n7", "error"), failed("failed · 7 lines", "… 3 more lines\n4\n5\n6\n7")),
        (finished("Edited a", details={"diff": "@@ -1 +1 @@\n-a\n+b"}), Returned("", "", "@@ -1 +1 @@\n-a\n+b")),
        (finished("x", details={"exit_code": True, "seconds": "soon", "diff": 7}), Returned("exit True", "x")),
        (finished("", details={"created": True}), Returned("created")),
    ],
)  # fmt: skip
def test_a_result_in_a_few_lines(event: events.ToolFinished, shown: Returned) -> None:
    assert returned(event) == shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"command": "bash -c \\"rm -rf /\\""}', 'bash -c "rm -rf /"'),
        ('{"limit": 3, "path": "a\\u202e.txt"}', "a<U+202E>.txt"),
        ('{"command": 7, "url": "https://x"}', "https://x"),
        ('{"text": "x"}', '{"text": "x"}'),
        ('["command"]', '["command"]'),
        ('{"command": "rm', '{"command": "rm'),
        ("[" * 100_000, "[" * 100_000),
        ("", ""),
    ],
)
def test_a_call_that_never_began_is_its_main_argument(arguments: str, text: str) -> None:
    assert never_began("bash", arguments) == Called("bash", text)


def test_what_is_cut_is_kept_whole() -> None:
    text = "\n".join(str(number) for number in range(20))
    assert returned(finished(text)).whole == Returned("20 lines", text)
    assert returned(finished(text, "error")).whole == Returned("failed · 20 lines", text, good=False)
    assert returned(finished("", details={"diff": f"@@\n{text * 9}"})).whole == Returned("", "", f"@@\n{text * 9}")
    assert returned(finished("1\n2")).whole is None
