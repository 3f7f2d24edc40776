import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from duragent import errors
from duragent.cli import main
from duragent.client.backoff import Backoff
from tests.cli.commands import Command

HEAVY = ("pydantic", "httpx", "rich", "prompt_toolkit", "yaml", "asyncio", "litellm", "starlette")


def all_errors(kind: type[errors.DuragentError] = errors.DuragentError) -> Iterator[type[errors.DuragentError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from all_errors(each)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from duragent.cli.main import run; code = run(sys.argv[2:]); "
        "print([name for name in sys.argv[1].split(',') if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, ",".join(HEAVY), *arguments], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr.strip()) == (0, "[]")
    assert "duragent" in ran.stdout


def test_the_end_of_a_command_looks_for_no_garbage() -> None:
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects()))); "
        "sys.argv[1:] = ['--version']; from duragent.cli.main import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "True"


def test_no_two_options_of_a_command_have_one_name() -> None:
    group: Any = typer.main.get_command(main.app)
    waiting = [("duragent", group)]
    for path, command in waiting:
        names = [name for option in command.params for name in (*option.opts, *option.secondary_opts)]
        assert sorted(names) == sorted(set(names)), path
        within = command.list_commands(None) if hasattr(command, "list_commands") else ()
        waiting += [(f"{path} {name}", command.get_command(None, name)) for name in within]
    assert len(waiting) > len(main.COMMANDS)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_of_the_list_has_help(duragent: Command, name: str) -> None:
    ran = duragent(name, "--help")
    assert ran.code == 0
    assert f"duragent {name}" in ran.out


@pytest.mark.parametrize(
    "words", [("ask",), ("attach",), ("serve",), ("session", "log"), ("policy", "test"), ("init",)]
)
def test_help_tells_no_types_of_python_and_is_not_cut(duragent: Command, words: tuple[str, ...]) -> None:
    told = duragent(*words, "--help").out
    assert re.findall(r" <[a-z][^>]*>", told) == []
    # The usage line has three dots for "more of these".
    assert "..." not in told.partition("\n")[2]


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_every_error_has_a_documented_exit_code(kind: type[errors.DuragentError]) -> None:
    assert main.exit_code(kind.__new__(kind)) in main.EXIT_CODES if kind is not errors.ProblemResponse else True


@pytest.mark.parametrize(
    ("status", "code"), [(401, 77), (403, 77), (404, 66), (409, 1), (422, 1), (503, 75), (507, 75)]
)
def test_a_problem_of_the_server_has_the_exit_code_of_its_status(status: int, code: int) -> None:
    assert main.exit_code(errors.ProblemResponse(status, "x", "y")) == code


def test_the_exit_codes_are_told_by_help(duragent: Command) -> None:
    told = " ".join(duragent("--help").out.split())
    assert all(f"{code} {meaning}" in told for code, meaning in main.EXIT_CODES.items())


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "No such command"),
        (["session", "show"], 2, "Missing argument"),
        (["agent", "list"], 66, "duragent init"),
        (["session", "log", "abc"], 66, "no workspace here"),
        (["agent", "list", "-w", "nowhere"], 66, "no workspace at"),
        (["agent", "list", "-w", "a", "-c", "b"], 2, "only one of them"),
        (["agent", "list", "-c", "nowhere.yaml"], 65, "nowhere.yaml"),
        (["session", "list", "-s", "ftp://x"], 2, "not an http"),
        (["attach", "abc"], 2, "needs a terminal"),
    ],
)
def test_a_fault_is_one_line_with_a_hint_and_a_code(
    duragent: Command, arguments: list[str], code: int, says: str
) -> None:
    ran = duragent(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_a_log_level_that_there_is_not_is_a_fault_and_no_traceback(
    duragent: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert duragent("init", "--no-interactive").code == 0
    monkeypatch.setenv("DURAGENT_LOG", "loud")
    ran = duragent("serve", "--port", "0")
    assert (ran.code, ran.err) == (2, "duragent: DURAGENT_LOG: 'LOUD' is none of DEBUG, INFO, WARNING and ERROR\n")


def test_a_speed_of_the_demo_model_that_is_none_ends_serve_with_a_sentence(
    duragent: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert duragent("init", "--no-interactive").code == 0
    monkeypatch.setenv("DURAGENT_DEMO_SPEED", "quick")
    ran = duragent("serve", "--port", "0")
    assert (ran.code, ran.err.splitlines()[-1]) == (2, "duragent: DURAGENT_DEMO_SPEED: 'quick' is no number above 0")


def test_an_internal_error_is_one_line_and_its_details_are_kept(
    duragent: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("duragent.cli.place.find_config", lambda *_: 1 / 0)
    ran = duragent("agent", "list")
    assert ran.code == 70
    first, second = ran.err.strip().split("\n")
    assert first == "duragent: internal error, please report it: ZeroDivisionError: division by zero"
    with open(second.rpartition(" ")[2], encoding="utf-8") as file:
        assert "Traceback" in file.read()


@pytest.mark.parametrize("arguments", [["session", "list"], ["ask", "assistant", "hi"], ["chat"]])
def test_a_named_server_that_is_not_there_fails_at_once_and_the_url_is_what_to_check(
    duragent: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr(Backoff, "pause_seconds", lambda *_: pytest.fail("it waits"))
    ran = duragent(*arguments, "-s", "http://127.0.0.1:9", stdin=b"hi\n")
    assert ran.code == 69
    first, hint = ran.err.splitlines()
    assert first.startswith("duragent: no duragent server answers at http://127.0.0.1:9: ")
    assert hint == "Check the URL, and that a duragent server runs there."


def test_a_reader_that_went_away_is_no_error() -> None:
    command = f"{sys.executable} -m duragent completions bash | true"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def test_a_fault_in_a_file_that_the_server_tells_has_the_code_of_the_fault() -> None:
    assert main.exit_code(errors.ProblemResponse(422, errors.AgentBroken.code, "y")) == 65


def test_a_command_that_is_nearly_right_is_suggested(duragent: Command) -> None:
    assert "Did you mean 'session'" in duragent("sesion", "list").err
