"""Campaign: the runner of a command, or the command itself, dies along with the server. Promises 2, 3 and 4."""

import itertools
import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from duragent.wire import DecisionName
from tests.campaigns.campaign import Campaign
from tests.support.attached import attached, same, whole
from tests.support.hands import Hands, make_hands
from tests.support.until import until

VICTIMS = ("runner", "child", "both")
ANSWERS: tuple[DecisionName, ...] = ("retry", "done", "failed")
SLOW = """#!/bin/sh
touch begun
while [ "$2" = before ] && [ ! -e go ]; do sleep 0.02; done
echo "$1" >> count
touch done
while [ "$2" = after ] && [ ! -e go ]; do sleep 0.02; done
echo end
"""


@dataclass(frozen=True)
class Loss:
    """Which processes die with the server, before or after the effect; what a person says when asked about it."""

    victims: str
    moment: str
    answer: DecisionName

    @property
    def lost(self) -> bool:
        """Without its runner, how a command ended is unknown."""
        return self.victims != "child"


LOSSES = [Loss(*each) for each in itertools.product(VICTIMS, ("before", "after"), ANSWERS)]


async def _lose(hands: Hands, loss: Loss) -> None:
    """The server, the runner and the command die together, in the middle of the command."""
    async with hands.server.client() as client:
        hands.server.start()
        session = await hands.say(client, f"./slow word {loss.moment}")
        await until((hands.folder / ("begun" if loss.moment == "before" else "done")).exists)
        [claim] = (hands.server.workspace / "run" / "spool").glob(f"{session}.*/runner.json")
        pids = json.loads(claim.read_text())
        async with attached(hands.server, session) as seen:
            await seen.until(lambda each: bool(each.records))
            hands.server.kill()
            # The runner first: it would write down how its command ended.
            for pid in [
                pids[name] for name, who in (("pid", "runner"), ("child", "child")) if loss.victims in (who, "both")
            ]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            hands.server.start()
            if loss.lost:
                assert (await hands.asked(client)).kind == "lost"
            (hands.folder / "go").touch()
            await hands.settle(client, [session], lambda _: loss.answer)
            head = (await client.session(session)).head
            await seen.until(lambda each: len(each.records) >= head)
    _must_be_told(hands, session, loss)
    whole(seen.records)
    same(seen.records, hands.server.records(session))


def _must_be_told(hands: Hands, session: str, loss: Loss) -> None:
    """The effect took place once, and once more only if a person said so; its result says what came of it."""
    [result] = hands.results(session)
    effects = int(loss.moment == "after") + int(loss.lost and loss.answer == "retry")
    assert hands.count()["word"] == effects
    if not loss.lost:
        assert (result.outcome, "signal" in result.content) == ("error", True), result
    elif loss.answer == "failed":
        assert result.outcome == "interrupted"
    else:
        assert result.outcome == "ok"
    assert len(hands.lost(session)) == int(loss.lost)


async def _losses(folder: Path, campaign: Campaign, numbers: Iterable[int]) -> None:
    for number in campaign.cases(numbers):
        with campaign.case(number):
            (place := folder / str(number)).mkdir()
            hands = make_hands(place)
            (hands.server.workspace / "policy.yaml").write_text("mode: ask\nallow: ['bash:./slow *']\n")
            hands.script("slow", SLOW)
            try:
                await _lose(hands, LOSSES[number])
            finally:
                (place / "go").touch()
                hands.server.stop()


async def test_command_or_runner_that_dies_with_the_server_takes_effect_once(
    tmp_path: Path, campaign: Campaign
) -> None:
    await _losses(
        tmp_path,
        campaign,
        [LOSSES.index(Loss("both", "after", "retry")), LOSSES.index(Loss("child", "before", "done"))],
    )


@pytest.mark.campaign
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victims", VICTIMS)
async def test_every_loss_of_a_command_and_its_runner(tmp_path: Path, campaign: Campaign, victims: str) -> None:
    await _losses(tmp_path, campaign, [at for at, loss in enumerate(LOSSES) if loss.victims == victims])
