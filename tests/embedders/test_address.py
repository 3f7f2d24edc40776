"""Where notes may be sent: over https to the internet, to this machine, and to hosts that a person listed."""

import ipaddress
from collections.abc import Sequence

import pytest

from duragent.embedders.address import check_destination
from duragent.errors import EmbedderUnavailable
from duragent.http.addresses import Address

NAMES = {
    "api.example": ["93.184.216.34"],
    "mixed.example": ["93.184.216.34", "10.0.0.1"],
    "wiki.lan": ["192.168.0.9"],
    "nowhere.example": [],
}


async def resolve(host: str, port: int) -> Sequence[Address]:
    return [ipaddress.ip_address(each) for each in NAMES[host]]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example/v1",
        "https://93.184.216.34/v1",
        "http://localhost:11434",
        "http://127.0.0.1:1234/v1",
        "http://127.8.8.8/v1",
        "http://[::1]:1234/v1",
        "http://wiki.lan:8000/v1",
        "https://wiki.lan:8000/v1",
    ],
)
async def test_texts_go_to_the_internet_over_https_and_to_this_machine(url: str) -> None:
    await check_destination("test/model", url, ("wiki.lan:8000",), resolve)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://api.example/v1", "over https"),
        ("ftp://api.example/v1", "over https"),
        ("https://wiki.lan/v1", r"leads to 192\.168\.0\.9"),
        ("https://mixed.example/v1", r"leads to 10\.0\.0\.1"),
        ("https://169.254.169.254/v1", "is not on the public internet"),
        ("https://[fd00::1]/v1", "is not on the public internet"),
        ("https://nowhere.example/v1", "cannot be found"),
        ("https://user:pass@api.example/v1", "a user name or a password"),
    ],
)
async def test_they_go_nowhere_else(url: str, sentence: str) -> None:
    with pytest.raises(EmbedderUnavailable, match=sentence) as caught:
        await check_destination("test/model", url, ("wiki.lan:8000",), resolve)
    assert "pass@" not in str(caught.value)
