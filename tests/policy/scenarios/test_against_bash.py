"""What is allowed is given to the real bash: nothing may run there that a rule denies, and no file may appear."""

import itertools
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from duragent.policy.rules import Allow
from tests.policy.harmless import HARMLESS
from tests.policy.scenarios.test_bypass import DENIED, NEVER_ALLOWED
from tests.support.bounds import LIMIT_SECONDS
from tests.support.judging import DEFAULT, verdict

BASH = shutil.which("bash")
REAL = ("cat", "env", "timeout", "nice", "xargs", "tee")
SILENT = ("ls", "git", "grep", "find", "sort", "sed", "head", "tail", "date", "which", "rg", "wc", "cut", "stat", "du")
TRAPS = ("rm", "sudo", "make", "touch")
INSERTED = """
    ls cat echo rm $X $( ` ) ( { } ; && || | & \\ " ' < > << <<< <<E E 2>&1 >/dev/null <( >( $(( )) [[ ]] [ ]
    if then fi for i in do done case a) ;; esac * ? ~ ! = x= env bash -c xargs time command $" $' ${ # @ % ^ ,
    {a,b} \\; eval coproc f() function \\" \\' \\$ |& >& &> a=b += (a) [0] \\\\
""".split()
INSERTED += ["\n", "\\\n", " ", "\t", "\nE\n", "rm x", ";rm ", "$(rm)", "`rm`", "\nrm\n", " > f ", ">f"]
BEFORE = ("ls ", "ls \\2", "echo hi{x}")
OPERATORS = (">", ">>", ">|", ">&", "<>", "<", "&>", "2>&1>", ">!")
BLANKS = ("", " ", "\t", "\\\n", "\\ ", "\\\t", " \\ ")
TARGETS = (
    "/dev/null",
    "/dev/nullx",
    "'/dev/null'x",
    "/dev/null/../../f",
    "/dev/null\\",
    "1",
    "01",
    "1f",
    "-",
    "&1",
    "f",
)
BEHIND = ("", " 01 x", ";touch g")
"""The parts of every redirection that is tried."""
ENDLESS = ("while", "until", "sleep", "/dev/tcp", "tail")


def stage(folder: Path) -> Path:
    """A folder of programs that do nothing, and of some that leave a mark where they are run."""
    programs = folder / "bin"
    programs.mkdir()
    for name in REAL:
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    for name, body in [
        *((each, ":") for each in SILENT),
        *((each, f"echo {each} > '{folder}/mark'") for each in TRAPS),
    ]:
        (programs / name).write_text(f"#!{BASH}\n{body}\n")
        (programs / name).chmod(0o755)
    return programs


def changed(chance: random.Random, text: str) -> str:
    for _ in range(chance.randint(1, 4)):
        at, other, way = chance.randint(0, len(text)), chance.randint(0, len(text)), chance.random()
        if way < 0.6:
            text = text[:at] + chance.choice(INSERTED) + text[at:]
        elif way < 0.8:
            text = text[:at] + text[at + chance.randint(1, 3) :]
        else:
            text = text[:at] + text[min(at, other) : max(at, other)] + text[at:]
    return text


def run_what_is_allowed(folder: Path, seed: int, count: int) -> int:
    programs, place, chance, ran = stage(folder), folder / "place", random.Random(seed), 0
    corpus = [*DENIED, *NEVER_ALLOWED, *(HARMLESS * 8)]
    for _ in range(count):
        text = changed(chance, chance.choice(corpus) + chance.choice(["", ";", "\n", " | "]) + chance.choice(corpus))
        if any(word in text for word in ENDLESS) or not isinstance(verdict(DEFAULT, text), Allow):
            continue
        place.mkdir(exist_ok=True)
        subprocess.run(
            [str(BASH), "-c", text],
            cwd=place,
            env={"PATH": str(programs), "HOME": str(place)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert not os.listdir(place), text
        assert not (folder / "mark").exists(), text
        ran += 1
    return ran


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_what_is_allowed_runs_nothing_else_in_bash(tmp_path: Path) -> None:
    assert run_what_is_allowed(tmp_path, seed=1, count=1_500) > 20


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_no_redirection_that_is_allowed_writes_a_file(tmp_path: Path) -> None:
    programs, place = stage(tmp_path), tmp_path / "place"
    place.mkdir()
    tried = map("".join, itertools.product(BEFORE[:1], OPERATORS, BLANKS, TARGETS))
    more = map("".join, itertools.product(BEFORE, (">", ">&"), BLANKS, TARGETS[::2], BEHIND))
    allowed = [text for text in dict.fromkeys((*tried, *more)) if isinstance(verdict(DEFAULT, text), Allow)]
    assert len(allowed) > 50
    # Each in a process of its own, because a mistake in one ends the rest of a text.
    script = """
for text; do
    "$BASH" -c "$text"
    found=(*)
    [ ! -e "${found[0]}" ] || { printf '%s' "$text"; exit 1; }
done
"""
    env = {"PATH": str(programs), "HOME": str(place)}
    argv = [str(BASH), "-c", script, "bash", *allowed]
    ran = subprocess.run(
        argv, cwd=place, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_SECONDS, check=False
    )
    assert (os.listdir(place), ran.returncode) == ([], 0), ran.stdout.decode().rpartition("\n")[2]


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize("seed", range(2, 22))
def test_campaign_against_bash(tmp_path: Path, seed: int) -> None:
    assert run_what_is_allowed(tmp_path, seed, count=20_000) > 200
