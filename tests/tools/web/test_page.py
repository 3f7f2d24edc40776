"""How the web tool gets a page: redirects, addresses, certificates, packings."""

import gzip
import shutil
import ssl
import subprocess
import tracemalloc
import zlib
from pathlib import Path

import httpx
import pytest

from duragent.tools.settings import WebSettings
from duragent.tools.web.tool import WebTool
from tests.tools.calling import call
from tests.tools.web.site import Network, Resolver, Site, fetch, serve


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


@pytest.mark.parametrize("packing", ["gzip", "deflate", "raw deflate"])
async def test_fetch_unpacks_and_a_bomb_stays_small(packing: str, site: Site, tmp_path: Path) -> None:
    def packed(content: bytes) -> bytes:
        if packing == "gzip":
            return gzip.compress(content)
        return zlib.compress(content) if packing == "deflate" else zlib.compress(content)[2:-4]

    header = f"content-encoding: {packing.removeprefix('raw ')}\r\n"
    small = site.add("/small", packed(b"hello"), headers=header)
    bomb = site.add("/bomb", packed(b"\0" * (100 << 20)), headers=header)

    good = await fetch(site, small, tmp_path)
    tracemalloc.start()
    bad = await fetch(site, bomb, tmp_path, max_page_bytes=2048)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert good.content == f"Source: {small}\n\nhello"
    assert bad.details["size_bytes"] == 2048
    assert peak < 10 << 20
    assert "[only the first 2,048 bytes of the page were read]" in bad.content


@pytest.mark.parametrize("packing", ["br", "gzip, gzip", "zstd"])
async def test_fetch_refuses_other_packings(packing: str, site: Site, tmp_path: Path) -> None:
    url = site.add("/x", b"??", headers=f"content-encoding: {packing}\r\n")

    result = await fetch(site, url, tmp_path)

    assert (result.outcome, packing in result.content) == ("error", True)


async def test_fetch_follows_redirects_and_names_where_it_came_to(site: Site, tmp_path: Path) -> None:
    site.add("/b", "here")
    url = site.redirect("/a", "b")

    assert (await fetch(site, url, tmp_path)).content == f"Source: {site.url('/b')}\n\nhere"


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/",
        "//[::1]/",
        "file:///etc/passwd",
        "http://user:pw@example.com/",
        "http://0x7f000001/",
        "http://[",
    ],
)
async def test_fetch_follows_no_redirect_to_where_it_may_not_go(to: str, site: Site, tmp_path: Path) -> None:
    result = await fetch(site, site.redirect("/a", to), tmp_path)

    assert result.outcome == "error"
    assert len(site.requests) == 1


async def test_fetch_gives_up_after_five_redirects(site: Site, tmp_path: Path) -> None:
    result = await fetch(site, site.redirect("/a", "/a"), tmp_path)

    assert "more than 5 redirects" in result.content
    assert len(site.requests) == 6


async def test_fetch_refuses_private_hosts_that_nobody_allowed(site: Site, tmp_path: Path) -> None:
    result = await fetch(site, site.url("/"), tmp_path, allow_hosts=())

    assert result.outcome == "error"
    assert site.requests == []


async def test_fetch_connects_to_the_address_that_was_checked(tmp_path: Path) -> None:
    resolver, network = (
        Resolver(["8.8.8.8"], ["127.0.0.1"]),
        Network(httpx.Response(200, stream=httpx.ByteStream(b"good"))),
    )
    tool = WebTool(WebSettings(), network, resolver)

    result = await call(tool, tmp_path, action="fetch", url="https://rebind.example/x")

    assert result.content == "Source: https://rebind.example/x\n\ngood"
    assert (resolver.asked, network.reached) == (1, [("8.8.8.8", "rebind.example", "rebind.example")])


async def test_fetch_checks_a_name_again_after_a_redirect(tmp_path: Path) -> None:
    resolver = Resolver(["2606:4700::1111"], ["10.0.0.1"])
    network = Network(httpx.Response(302, headers={"location": "/again"}))
    tool = WebTool(WebSettings(), network, resolver)

    result = await call(tool, tmp_path, action="fetch", url="http://rebind.example/")

    assert "rebind.example leads to 10.0.0.1" in result.content
    assert network.reached == [("2606:4700::1111", "rebind.example", "rebind.example")]


@pytest.mark.parametrize("answer", [["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:10.0.0.1"], []])
async def test_fetch_refuses_a_name_with_a_private_address(answer: list[str], tmp_path: Path) -> None:
    network = Network()

    result = await call(
        WebTool(WebSettings(), network, Resolver(answer)), tmp_path, action="fetch", url="http://a.example/"
    )

    assert (result.outcome, network.reached) == ("error", [])


async def test_fetch_tries_the_next_address_when_one_does_not_answer(site: Site, tmp_path: Path) -> None:
    url = site.add("/x", "here").replace("127.0.0.1", "two.example")
    settings = WebSettings(allow_hosts=(f"two.example:{site.port}",))
    tool = WebTool(settings, resolve=Resolver(["127.0.0.2", "127.0.0.1"]))

    result = await call(tool, tmp_path, action="fetch", url=url)

    assert result.content == f"Source: {url}\n\nhere"
    assert f"host: two.example:{site.port}" in site.requests[0].lower()


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A context to serve with, and its certificate for that name."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    make = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout {key}"
    names = f"-out {certificate} -subj /CN={name} -addext subjectAltName=DNS:{name}"
    subprocess.run(f"{make} {names}".split(), check=True, capture_output=True)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, key)
    return serving, certificate


@pytest.mark.parametrize(("host", "outcome"), [("good.example", "ok"), ("evil.example", "error")])
async def test_fetch_wants_a_certificate_for_the_name_and_not_for_the_address(
    host: str, outcome: str, tmp_path: Path
) -> None:
    serving, certificate = certified(tmp_path, "good.example")
    trusting = ssl.create_default_context(cafile=str(certificate))

    async with serve(serving) as site:
        site.add("/x", "secret")
        settings = WebSettings(allow_hosts=(f"{host}:{site.port}",))
        tool = WebTool(settings, httpx.AsyncHTTPTransport(verify=trusting), Resolver(["127.0.0.1"]))
        result = await call(tool, tmp_path, action="fetch", url=f"https://{host}:{site.port}/x")

    assert result.outcome == outcome
    assert ("secret" in result.content) == (outcome == "ok")
