"""Without a sandbox no command reads a key or a token unless a person says yes, however the file is written."""

import random
import shutil
from pathlib import Path

import pytest

from duragent.policy.rules import Allow
from tests.policy.scenarios.test_against_bash import ENDLESS, changed
from tests.policy.secrets import ELSEWHERE, ORDINARY, SEARCHES, SECRET, TOKENS, Shell, policy_in, project, ways
from tests.support.judging import verdict

PLACES = {"trust": True, "fallback": False}
STRIDE = 7
"""The suite tries each way with every seventh spelling, another one for each way; the campaign tries all."""


@pytest.mark.parametrize("chosen", PLACES.values(), ids=PLACES)
def test_no_way_to_read_a_secret_is_allowed_without_asking(tmp_path: Path, chosen: bool) -> None:
    here = project(tmp_path)
    on = policy_in(here, chosen=chosen)
    commands = [*ways(here)]
    tried = [*commands[::STRIDE], *commands[-len(ELSEWHERE + SEARCHES) :]]
    assert [command for command in tried if isinstance(verdict(on, command), Allow)] == []


@pytest.mark.campaign
@pytest.mark.parametrize("chosen", PLACES.values(), ids=PLACES)
def test_campaign_of_all_ways_to_read_a_secret(tmp_path: Path, chosen: bool) -> None:
    here = project(tmp_path)
    on = policy_in(here, chosen=chosen)
    assert [command for command in ways(here) if isinstance(verdict(on, command), Allow)] == []


def test_the_spellings_really_lead_to_the_secrets(tmp_path: Path) -> None:
    here = project(tmp_path)
    with Shell(here) as shell:
        for spelling in (*TOKENS, "/proc/$PPID/environ", "/proc/*/environ", "/proc/[0-9]*/enviro?"):
            assert SECRET in shell.output(f"cat {spelling}".replace("PROJECT", str(here))), spelling
        for command in ("cd .duragent && cat run/token", "cat /proc/*/task/*/environ", "cd link; cat run/token"):
            assert SECRET in shell.output(command), command


def run_what_is_allowed(folder: Path, seed: int, count: int) -> int:
    """How many of `count` changed commands were allowed, and printed no secret."""
    here, chance, ran = project(folder), random.Random(seed), 0
    policies = [policy_in(here, chosen=chosen) for chosen in PLACES.values()]
    corpus = [*ways(here)]
    with Shell(here) as shell:
        for _ in range(count):
            first, second = chance.choice(ORDINARY), chance.choice([*ORDINARY, chance.choice(corpus)])
            text = changed(chance, first + chance.choice(["; ", " && ", "\n", " | ", " "]) + second)
            if any(word in text for word in (*ENDLESS, "/dev/zero", "/dev/full")):
                continue
            if any(isinstance(verdict(on, text), Allow) for on in policies):
                assert SECRET not in shell.output(text), text
                ran += 1
    return ran


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_what_is_allowed_prints_no_secret_in_bash(tmp_path: Path) -> None:
    assert run_what_is_allowed(tmp_path, seed=1, count=300) > 20


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_campaign_what_is_allowed_prints_no_secret_in_bash(tmp_path: Path, seed: int) -> None:
    assert run_what_is_allowed(tmp_path, seed, count=6_000) > 200
