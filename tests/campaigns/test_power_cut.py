"""Power is cut behind every operation: whatever the disk kept of what was not synced, no acknowledged record is lost.

Each case is one life of a session (as planned, killed and gone on with, or with a disk that fails for a while) and one
moment in it at which power is cut. Of the disks that this can leave, all are looked at, or as many as the size of the
search says: each is opened, opened again, gone on with and opened once more. Recovery itself is written down too, and
power is cut in its middle.
"""

import functools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from errno import EIO, ENOSPC
from pathlib import Path

import pytest

from tests.campaigns.campaign import Campaign
from tests.campaigns.mutants import safeguard
from tests.campaigns.mutants.in_place import taken_out
from tests.campaigns.platter import Image, Operation, Platter, Sync, SyncFolder
from tests.campaigns.power import STORIES, Life, Search, live, live_on, recovered
from tests.campaigns.recorder import Recorder, Trouble

SHARDS = 2


@dataclass(frozen=True, slots=True)
class Size:
    """About `most` disks are looked at for one cut, `nested` for one within a recovery.

    Each recovery that has something to mend is cut, and every `of`th other one, down to `depth`. Every `step`th life
    with trouble is lived, and looked at `behind` operations long.
    """

    most: int
    nested: int
    of: int
    depth: int
    step: int
    behind: int


SMALL = Size(most=6, nested=4, of=100, depth=1, step=61, behind=8)
LARGE = Size(most=24, nested=10, of=20, depth=2, step=3, behind=24)


# --- which lives there are ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """`kind`: 0 as planned, 1 killed before attempt `at`, 2 failing from there on, 3 both: the next process fails."""

    kind: int
    story: int
    at: int = 0
    lasting: int = 0

    @property
    def number(self) -> int:
        return ((self.kind * 10 + self.story) * 1_000 + self.at) * 100 + self.lasting

    @classmethod
    def of(cls, number: int) -> "Plan":
        rest, lasting = divmod(number, 100)
        rest, at = divmod(rest, 1_000)
        return cls(*divmod(rest, 10), at, lasting)


class Lives:
    """Each life is lived once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.of = functools.cache(self._live)

    def _live(self, plan: Plan) -> Life:
        self._count += 1
        root = self._folder / f"life-{self._count}"
        story = STORIES[plan.story]
        if plan.kind == 0:
            return live(root, story)
        if plan.kind == 2:
            error = EIO if plan.lasting % 2 else ENOSPC
            return live(root, story, Trouble(plan.at, plan.lasting, error=error))
        killed = (
            self.of(Plan(1, plan.story, plan.at)) if plan.kind == 3 else live(root, story, Trouble(plan.at, kill=True))
        )
        count = killed.began if plan.kind == 3 else len(killed.operations)
        trouble = Trouble(plan.lasting // 10, plan.lasting % 10, error=EIO) if plan.kind == 3 else None
        return live_on(self._folder / f"next-{self._count}", killed, count, trouble)

    def plans(self, size: Size) -> list[Plan]:
        found = []
        for story in range(len(STORIES)):
            attempts = self.of(Plan(0, story)).attempts
            found.append(Plan(0, story))
            found += [Plan(1, story, at) for at in range(1, attempts)]
            troubled = [Plan(2, story, at, lasting) for at in range(attempts) for lasting in (1, 2, 3, 4, 7)]
            troubled += [
                Plan(3, story, at, first * 10 + lasting)
                for at in range(1, attempts)
                for first in range(7)
                for lasting in (1, 2, 6)
            ]
            found += troubled[:: size.step]
        return found

    def cuts(self, plan: Plan, size: Size) -> range:
        """Behind how many operations power is cut: where this life is not as another."""
        life = self.of(plan)
        count = len(life.operations)
        first = life.began
        if plan.kind == 2:
            pairs = zip(life.operations, self.of(Plan(0, plan.story)).operations, strict=False)
            first = next((at for at, (one, other) in enumerate(pairs) if one != other), count)
        return range(first, min(count, first + size.behind) + 1)


# --- the search -----------------------------------------------------------------------------------------------------


def cut(search: Search, life: Life, count: int, chance: random.Random, size: Size) -> None:
    known = life.at(count)
    for image in Platter(life.operations[:count]).after_cuts(chance, size.most):
        if search.look(image, known) and (search.found(image).cut or chance.randrange(size.of) == 0):
            _cut_in_recovery(search, image, chance, size, size.depth)


def _cut_in_recovery(search: Search, image: Image, chance: random.Random, size: Size, depth: int) -> None:
    with search.place() as root:
        life = recovered(root, image, search.found(image).lines)
    for count in range(life.began, len(life.operations) + 1):
        for left in Platter(life.operations[:count]).after_cuts(chance, size.nested):
            new = search.look(left, life.at(count))
            if new and depth > 1 and search.found(left).cut and chance.randrange(size.of) == 0:
                _cut_in_recovery(search, left, chance, size, depth - 1)


def run(campaign: Campaign, folder: Path, shard: int, size: Size) -> Search:
    search, lives = Search(folder), Lives(folder)
    numbers: Iterator[int] = (
        plan.number * 1_000 + count for plan in lives.plans(size)[shard::SHARDS] for count in lives.cuts(plan, size)
    )
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            cut(search, lives.of(Plan.of(number // 1_000)), number % 1_000, chance, size)
    print(f"power cut {shard + 1}/{SHARDS}: {search.states} states, {len(search.seen)} different disks")  # noqa: T201  # what a campaign did
    return search


@pytest.mark.parametrize("shard", range(SHARDS))
def test_power_cut_at_any_moment_loses_nothing_acknowledged(campaign: Campaign, folder: Path, shard: int) -> None:
    search = run(campaign, folder, shard, SMALL)
    assert search.states * SHARDS > 20_000 or campaign.only is not None


class _Careless(Recorder):
    """Its disk takes one kind of sync for done and does nothing."""

    without: type = Sync

    def note(self, operation: Operation) -> None:
        if not isinstance(operation, self.without):
            super().note(operation)


class _CarelessOfFolders(_Careless):
    without = SyncFolder


@pytest.mark.parametrize("make", [_Careless, _CarelessOfFolders])
def test_search_finds_a_store_that_does_not_sync(folder: Path, make: Callable[..., Recorder]) -> None:
    life = live(folder / "life", STORIES[0], make=make)
    with pytest.raises(AssertionError):
        _look_everywhere(folder, life)


def test_search_finds_a_store_that_syncs_a_file_again_which_the_kernel_gave_up(folder: Path) -> None:
    """A process was killed before its sync. In the next one that fails, and would succeed if it were asked again."""
    whole = live(folder / "whole", STORIES[0])
    syncs = [number for number, each in enumerate(whole.operations) if isinstance(each, Sync)]
    killed = live(folder / "killed", STORIES[0], Trouble(syncs[2], kill=True))

    def next_life(name: str) -> Life:
        # Behind the sync of the folder: that of the log, and the copy.
        return live_on(folder / name, killed, len(killed.operations), Trouble(at=1, lasting=2, error=EIO))

    _look_everywhere(folder, next_life("next"))
    with taken_out(safeguard("a sync that failed may succeed later")), pytest.raises(AssertionError):
        _look_everywhere(folder, next_life("forgetting"))


def _look_everywhere(folder: Path, life: Life) -> None:
    search = Search(folder)
    for count in range(life.began, len(life.operations) + 1):
        cut(search, life, count, random.Random(count), SMALL)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_power_cut_at_any_moment_in_the_long_search(campaign: Campaign, folder: Path, shard: int) -> None:
    search = run(campaign, folder, shard, LARGE)
    assert search.states * SHARDS > 200_000 or campaign.only is not None
