"""What a person sees while the server loads what a model needs."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.cli.loading import LOADING, saying_what_loads
from duragent.client.address import Endpoint, always
from duragent.client.client import Client
from duragent.errors import ModelNotConfigured
from duragent.models.base import ModelChoice
from tests.support.bounds import LIMIT_SECONDS
from tests.support.http_house import TOKEN, House
from tests.support.until import until


@pytest.mark.parametrize(("how", "said"), [("slow", [LOADING]), ("at once", []), ("refused", [])])
async def test_a_line_says_that_something_loads_only_where_a_person_waits_for_it(
    tmp_path: Path, how: str, said: list[str]
) -> None:
    warmed, lines = asyncio.Event(), list[str]()

    async def warm(choice: ModelChoice) -> None:
        warmed.set()
        if how == "refused":
            raise ModelNotConfigured("no")
        if how == "slow":
            await asyncio.sleep(LIMIT_SECONDS)

    house = House(tmp_path)
    house.dependencies = replace(house.dependencies, warm=warm)
    async with house.served() as (_, http):
        endpoint = Endpoint(str(http.base_url).rstrip("/"), TOKEN, local=True)
        seconds = 0.01 if how == "slow" else LIMIT_SECONDS
        async with (
            Client(always(endpoint)) as client,
            saying_what_loads(client, "assistant", seconds=seconds, note=lines.append),
        ):
            await warmed.wait()
            await until(lambda: len(lines) == len(said))
    assert lines == said
    await house.close()
