"""What holds for every answer."""

from tests.support.http_house import House


async def test_every_answer_forbids_storing_and_sniffing(house: House) -> None:
    for path in ("/livez", "/api/v1/sessions", "/nope"):
        headers = (await house.http.get(path)).headers
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
