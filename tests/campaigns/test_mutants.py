"""A safeguard whose loss no test notices is not tested: each is taken away, and a named test must fail."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants import MUTANTS, PAGE, with_table
from tests.campaigns.mutants.mutant import DoesNotApply, Mutant
from tests.campaigns.mutants.trying import AS_IT_IS, MUTANT_SECONDS, Failure, Tried
from tests.support.places import ROOT

SHARDS = 4
SAMPLE = (
    "no fdatasync on append",
    "no checksum",
    "groups are read record by record",
    "no inode check",
    "a torn tail is not cut off",
    "told before it is durable",
    "intent after effect",
    "an approval holds for any arguments",
)


@contextmanager
def _tried(names: Sequence[str]) -> Iterator[Iterator[Tried]]:
    """What became of the tests of each, as it comes."""
    command = [sys.executable, "-m", "tests.campaigns.mutants.trying", *names]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield (Tried(**_with_failures(json.loads(line))) for line in process.stdout)
        finally:
            process.terminate()


def _with_failures(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"failures": [Failure(**each) for each in found["failures"]]}


def _not_noticed(mutants: Iterable[Mutant], tried: Iterable[Tried]) -> dict[str, str]:
    """The mutants that no test has caught, and what was seen instead. Prints what was caught."""
    left = {mutant.name: mutant for mutant in mutants}
    missed = dict.fromkeys(left, "it was not tried")
    for each in tried:
        mutant = left[each.name]
        if by := each.caught_by(mutant):
            print(f"{mutant.name} | {mutant.removed} | {by}")  # noqa: T201  # what a campaign did
            del missed[mutant.name]
        else:
            missed[mutant.name] = f"{each.passed} passed, {each.failures}\n{each.said}"
    return missed


def _wrong_with(mutant: Mutant) -> list[str]:
    try:
        mutant.sources()
    except DoesNotApply as error:
        return [str(error)]
    named = (node.partition("::") for node in mutant.caught_by)
    there = ((path, name, f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()) for path, _, name in named)
    return [f"{mutant.name}: there is no {path}::{name}" for path, name, is_there in there if not is_there]


def test_every_mutant_applies_and_names_tests_that_there_are() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) > 150
    wrong = [problem for mutant in MUTANTS for problem in _wrong_with(mutant)]
    assert not wrong, "the code has changed, and these have to follow it:\n\n" + "\n\n".join(wrong)


def test_loss_of_a_safeguard_that_matters_most_is_noticed() -> None:
    mutants = [mutant for mutant in MUTANTS if mutant.name in SAMPLE]
    assert len(mutants) == len(SAMPLE)
    with _tried(SAMPLE) as tried:
        assert _not_noticed(mutants, tried) == {}


@pytest.mark.campaign
@pytest.mark.timeout(MUTANT_SECONDS * 10)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_loss_of_every_safeguard_is_noticed(campaign: Campaign, shard: int) -> None:
    numbers = [number for number in campaign.cases(range(len(MUTANTS))) if number % SHARDS == shard]
    if not numbers:
        pytest.skip("the case is in another shard")
    mutants = {MUTANTS[number].name: number for number in numbers}
    with _tried([AS_IT_IS, *mutants]) as tried:
        as_it_is = next(tried)
        assert (as_it_is.name, as_it_is.failures) == (AS_IT_IS, []), as_it_is.said
        missed = _not_noticed([MUTANTS[number] for number in numbers], tried)
    print(f"{len(mutants)} safeguards taken away, {len(mutants) - len(missed)} noticed by a test")  # noqa: T201
    if missed:
        with campaign.case(mutants[next(iter(missed))]):
            raise AssertionError("\n\n".join(f"{name}: {seen}" for name, seen in missed.items()))


def test_readme_of_the_campaigns_has_the_table() -> None:
    text = PAGE.read_text()
    assert text == with_table(text), "run python3 -m tests.campaigns.mutants"
