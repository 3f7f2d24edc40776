"""The n-th call of the kernel fails, for every n, once, for a while or for good: what was acknowledged is there, what
was refused is not there by half, nothing stays open, and when the cause is gone the session goes on.
"""

import asyncio
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.errors import Damaged
from duragent.stores.files.disk import Disk
from duragent.system.os_errors import REFUSALS
from tests.campaigns.campaign import Campaign
from tests.campaigns.kernel import ERRORS, Kernel
from tests.campaigns.power import BLOB, DIGEST, HAPPENED, LONG, Teller, Unable, everything
from tests.support.logs import SESSION, lines_of, message

LASTING = (1, 2, 5, 1_000_000)
HARMLESS = ("partial.jsonl", ".deleted-")
"""Failures that need no message: a cache, and what is removed at the next start at the latest."""
OVERCOME = ("close", "fdatasync", "fstat", "stat")
"""May fail unseen: recovery copies a log that it cannot sync, and the list names a session that it cannot look at."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`lasting` and `error` are places in their tables; `short`: what is written arrives in pieces."""

    at: int
    lasting: int
    error: int
    short: bool

    @property
    def number(self) -> int:
        return self.at * 100 + self.lasting * 20 + self.error * 2 + self.short

    @classmethod
    def of(cls, number: int) -> "Fault":
        rest, short = divmod(number, 2)
        rest, error = divmod(rest, 10)
        at, lasting = divmod(rest, 5)
        return cls(at, lasting, error, bool(short))


async def a_whole_life(teller: Teller, log: Path) -> None:
    """All that a session does with its store: begins, grows, is opened with a torn tail, deleted, begins again."""
    await teller.open()
    for happened in HAPPENED[:3]:
        await teller.append(happened)
    if teller.claim is not None:
        await teller.beside()
        await teller.store.release(teller.claim)
        teller.claim = None
    if teller.lines and log.stat().st_size == len(teller.lines):
        with log.open("ab") as file:
            # What a process that was killed in the middle of a write leaves.
            file.write(lines_of(teller.lines.count(b"\n") + 1, [message("torn")])[0][:60])
    for happened in HAPPENED[3:]:
        await teller.append(happened)
    await _look(teller)
    await teller.delete()
    for happened in (HAPPENED[0], LONG):
        await teller.append(happened)


async def _look(teller: Teller) -> None:
    """Reading is refused, or right: a disk that fails is no damage."""
    if teller.claim is None:
        return
    with teller.may_refuse():
        assert await everything(teller.store, teller.claim) == teller.lines
    with teller.may_refuse():
        block = await teller.store.read_back(teller.claim, None, 3)
        assert block
        assert teller.lines.endswith(block)
    with teller.may_refuse():
        assert [listed.stream_id for listed in await teller.store.list_streams()] == [SESSION]
    try:
        with teller.may_refuse():
            assert await teller.store.get_blob(teller.claim, DIGEST) == BLOB
    except Damaged:
        assert not teller.now.blob
    with teller.may_refuse():
        await teller.store.verify(SESSION)


async def _afterwards(root: Path, told: Teller) -> None:
    """The disk works again, and the next process comes."""
    teller = Teller(root, Disk(), lambda: 0, told.now)
    await teller.open()
    # It finds what may be there, or says so.
    await teller.append([message("goes on")])
    assert teller.claim is not None
    assert (teller.refusals, teller.claim.damage) == (0, None)
    assert await everything(teller.store, teller.claim) == teller.lines
    await _look(teller)
    assert teller.refusals == 0
    teller.store.close()


def run_case(folder: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    root = folder / "store"
    root.mkdir()
    kernel = Kernel(ERRORS[fault.error], fault.at, LASTING[fault.lasting], fault.short)
    descriptors = len(os.listdir("/proc/self/fd"))
    teller = Teller(root, Disk(), lambda: 0)
    with monkeypatch.context() as patch:
        kernel.rule(patch.setattr)
        with contextlib.suppress(Unable):
            asyncio.run(a_whole_life(teller, root / "sessions" / SESSION / "events.jsonl"))
        teller.store.close()
    assert len(os.listdir("/proc/self/fd")) == descriptors, f"a file stays open: {kernel.failed}"
    asyncio.run(_afterwards(root, teller))
    _judge(fault, kernel, teller)
    shutil.rmtree(root)
    return kernel


def _judge(fault: Fault, kernel: Kernel, teller: Teller) -> None:
    """Who was told, and that a fault that passed has cost nothing."""
    harmless = all(name in OVERCOME or on.startswith(HARMLESS) for name, on in kernel.failed)
    # What opening needs and a disk refuses is tried again by the first write.
    texts = [f'"text":"{text}"'.encode() in teller.lines for text in ("begins", "w" * 900, "x")]
    # A look at whose log it is may fail: then the whole log is read.
    only_looked = all(failed == ("open", "events.jsonl") for failed in kernel.failed)
    made_up_for = (ERRORS[fault.error] in REFUSALS or only_looked) and all(texts)
    assert teller.refusals or harmless or made_up_for, f"nobody was told that {kernel.failed} failed"
    if LASTING[fault.lasting] == 1:
        assert all(texts)
    if not kernel.failed:
        assert teller.lines.count(b"\n") == 4


def run(campaign: Campaign, folder: Path, monkeypatch: pytest.MonkeyPatch, numbers: Iterator[int]) -> None:
    calls: Counter[str] = Counter()
    cases = 0
    for number in campaign.cases(numbers):
        with campaign.case(number):
            kernel = run_case(folder, Fault.of(number), monkeypatch)
        calls.update(name for name, _ in kernel.failed[:1])
        cases += 1
    shown = ", ".join(f"{count} {name}" for name, count in calls.most_common())
    print(f"faults: {cases} lives, first failed: {shown}")  # noqa: T201  # what a campaign did
    assert campaign.only is not None or len(calls) >= 11


def length(folder: Path, monkeypatch: pytest.MonkeyPatch, *, short: bool) -> int:
    """How many calls of the kernel a life without a fault makes."""
    kernel = run_case(folder, Fault(10**6, 0, 0, short), monkeypatch)
    assert not kernel.failed
    return kernel.count


def test_any_call_of_the_kernel_may_fail(campaign: Campaign, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = length(folder, monkeypatch, short=False)
    assert calls > 150
    # Each call once and for good; errors and lengths in turn.
    numbers = (
        Fault(at, lasting, (at + lasting) % len(ERRORS), short=False).number
        for at in range(calls)
        for lasting in (0, 1 + at % 3)
    )
    run(campaign, folder, monkeypatch, numbers)


def test_writes_may_come_in_pieces_and_fail_in_their_middle(
    campaign: Campaign, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = length(folder, monkeypatch, short=True)
    numbers = (Fault(at, at % len(LASTING), at % len(ERRORS), short=True).number for at in range(0, calls, 2))
    run(campaign, folder, monkeypatch, numbers)


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("short", [False, True])
def test_any_call_may_fail_with_any_error_for_any_time(
    campaign: Campaign, folder: Path, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    calls = length(folder, monkeypatch, short=short)
    numbers = (
        Fault(at, lasting, error, short).number
        for at in range(calls)
        for lasting in range(len(LASTING))
        for error in range(len(ERRORS))
    )
    run(campaign, folder, monkeypatch, numbers)
