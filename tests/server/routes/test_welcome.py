"""The page at `/`."""

from tests.support.http_house import House


async def test_browser_that_opens_the_address_gets_one_plain_page_that_says_what_this_is(house: House) -> None:
    house.http.headers.pop("Authorization")
    page = await house.http.get("/", headers={"Accept": "text/html", "Sec-Fetch-Site": "none"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "A server of duragent 1.2.3 runs here" in page.text
    assert "duragent chat" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for link in ("openapi.json", "livez", "readyz", "version"):
        assert f'href="{link}"' in page.text
        assert (await house.http.get(f"/{link}")).status_code == 200


async def test_page_says_nothing_of_the_workspace(house: House) -> None:
    with_token = await house.http.get("/")
    house.http.headers.pop("Authorization")
    assert (await house.http.get("/")).text == with_token.text
    assert (await house.http.post("/")).status_code == 405
