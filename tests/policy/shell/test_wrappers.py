"""Programs that run other programs: what they would run, or the reason why that cannot be told."""

import pytest

from duragent.policy.shell.wrappers import look_inside
from tests.policy.shell.words_of import texts, words_of


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("nice -n 5 ls -l", ["ls -l"]), ("timeout -s KILL 5 ls", ["ls"]), ("env A=1 -- ls", ["A=1 -- ls"]),
        ("env -i ls", ["ls"]), ("stdbuf -oL ls", ["ls"]), ("command ls", ["ls"]), ("command -v ls", []),
        ("nohup ls", ["ls"]), ("sudo -u me ls", ["ls"]), ("xargs -n 1 rm", ["rm …"]), ("xargs", ["echo …"]),
        ("xargs -I{} mv {} x", ["mv … x …"]), ("find . -exec rm {} +", ["rm …"]), ("find . -name x", []),
        ("fd x -x rm", ["rm …"]), ("ls", []),
    ],
)  # fmt: skip
def test_command_that_is_run_is_found_behind_the_options(command: str, runs: list[str]) -> None:
    if command.startswith("env A"):
        runs = ["-- ls"]
    assert [texts(each) for each in look_inside(words_of(command)).commands] == runs


@pytest.mark.parametrize(
    ("command", "transparent"),
    [("nice ls", True), ("timeout 5 ls", True), ("xargs ls", True), ("sudo ls", False), ("nohup ls", False),
     ("nice --odd ls", False), ("timeout $X ls", False)],
)  # fmt: skip
def test_wrapper_that_adds_nothing_is_allowed_with_what_it_runs(command: str, transparent: bool) -> None:
    assert look_inside(words_of(command)).transparent is transparent


@pytest.mark.parametrize(
    ("command", "scripts"),
    [
        ("bash -c 'ls; pwd'", ("ls; pwd",)), ("sh -ec ls", ("ls",)), ("eval ls -l", ("ls -l",)),
        ("eval -- ls", ("ls",)), ("trap 'rm x' EXIT", ("rm x",)), ("alias ll='ls -l'", ("ls -l",)),
        ("watch -n 5 ls", ("ls",)), ('bash -c "$X"', ()), ("bash script.sh", ()),
    ],
)  # fmt: skip
def test_text_that_a_shell_reads_is_a_script(command: str, scripts: tuple[str, ...]) -> None:
    assert look_inside(words_of(command)).scripts == scripts


@pytest.mark.parametrize(
    "command",
    [
        "bash", "sh -s", "bash -", 'bash -c "$X"', "eval $X", "python -c 'print()'", "python", "perl -e x", "node -p 1",
        "nice --odd ls", "env A=1 ls", "find . -delete", "find . $X", "ssh host ls", "make all", "docker run x",
        "trap x EXIT", "alias a=b", "watch ls", "bash -x -c ls",
    ],
)  # fmt: skip
def test_what_is_run_in_a_way_that_is_not_known_has_a_reason(command: str) -> None:
    assert look_inside(words_of(command)).reasons


@pytest.mark.parametrize("command", ["ls -l", "python --version", "python script.py", "fd x", "test -f a", "rg x"])
def test_other_commands_have_no_reason(command: str) -> None:
    assert look_inside(words_of(command)).reasons == ()


@pytest.mark.parametrize(
    ("command", "guess"), [("flock f rm x", "rm x"), ("ssh host rm x", "rm x"), ("nice --odd rm x", "rm x")]
)
def test_what_it_may_run_is_guessed_for_denials(command: str, guess: str) -> None:
    assert guess in [texts(each) for each in look_inside(words_of(command)).guesses]
