"""Where a redirect leads is checked before anybody is asked there: a public page may point at the machine itself."""

from pathlib import Path

import httpx
import pytest

from duragent.tools.settings import WebSettings
from duragent.tools.web.tool import WebTool
from tests.tools.calling import call
from tests.tools.test_web import Network, Resolver


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/",
        "http://metadata.internal/",
        "//[::1]/",
        "//10.0.0.1/",
        "http://public.example:8080/",
        "http://2130706433/",
    ],
)
async def test_redirect_to_where_it_may_not_go_asks_nobody_there(to: str, tmp_path: Path) -> None:
    resolver = Resolver(["8.8.8.8"], ["8.8.4.4"])
    network = Network(
        httpx.Response(302, headers={"location": to}),
        httpx.Response(200, stream=httpx.ByteStream(b"the keys of the machine")),
    )

    result = await call(
        WebTool(WebSettings(), network, resolver), tmp_path, action="fetch", url="http://public.example/"
    )

    assert (result.outcome, [address for address, _, _ in network.reached]) == ("error", ["8.8.8.8"])
    assert "the keys" not in result.content
