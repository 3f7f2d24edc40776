import gzip
import ipaddress
import json
import shutil
import ssl
import subprocess
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from duragent.errors import InvalidArguments
from duragent.tools.base import ToolResult
from duragent.tools.settings import WebSettings
from duragent.tools.web.guard import Address
from duragent.tools.web.tool import WebTool
from tests.tools.calling import call
from tests.tools.web_server import Site, serve


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serve() as site:
        yield site


async def fetch(site: Site, url: str, folder: Path, *, max_chars: int = 0, **settings: Any) -> ToolResult:
    tool = WebTool(WebSettings(**{"allow_hosts": (site.host,), **settings}))
    return await call(tool, folder, action="fetch", url=url, max_chars=max_chars)


# --- fetch -----------------------------------------------------------------------------------------------------------


async def test_fetch_turns_a_page_into_markdown(site: Site, tmp_path: Path) -> None:
    url = site.add(
        "/a/page",
        "<html><head><title>Grüße</title><style>p{}</style></head><body><nav>menu</nav><h2>One</h2><p>Hello <b>you</b>,"
        "<a href='../b?x=1'>there</a> <a href='javascript:x()'>no</a></p><script>alert(1)</script>"
        "<ul><li>a</li><li>b</li></ul><img src='data:,x' alt='picture'></body></html>",
        "text/html; charset=utf-8",
    )

    result = await fetch(site, url, tmp_path)

    assert result.content == (
        f"Source: {url}\n\n# Grüße\n\n## One\n\nHello **you**,[there]({site.url('/b?x=1')}) no\n\n- a\n- b\n\npicture"
    )
    assert result.full is None
    assert "host: " + site.host in site.requests[0].lower()


@pytest.mark.parametrize(
    ("kind", "body", "shown"),
    [
        ("application/json", b'{"a": 1}', '{"a": 1}'),
        ("text/plain; charset=iso-8859-1", b"gr\xfc\xdfe", "grüße"),
        ("text/html; charset=punycode", b"<p>a-b</p>", "a-b"),
        ("text/html", b"<meta charset=windows-1252><p>\x80</p>", "€"),
        ("text/plain", b"\xff\xfea\0", "\ufeffa".strip("\ufeff")),
        ("text/plain", b"\xffbroken", "\ufffdbroken"),
        ("image/png", b"\x89PNG\0", "[binary, image/png, 5 bytes; it is not shown]"),
        ("application/octet-stream", b"abc", "[binary, application/octet-stream, 3 bytes; it is not shown]"),
        ("", b"<!doctype html><b>x</b>", "**x**"),
        ("text/plain", b"", ""),
    ],
)
async def test_fetch_shows_each_kind_of_content(kind: str, body: bytes, shown: str, site: Site, tmp_path: Path) -> None:
    url = site.add("/x", body, kind)

    assert (await fetch(site, url, tmp_path)).content == f"Source: {url}\n\n{shown}"


async def test_fetch_cuts_a_long_page_and_keeps_it_whole(site: Site, tmp_path: Path) -> None:
    url = site.add("/long", "ä" * 30_000)

    long = await fetch(site, url, tmp_path)
    short = await fetch(site, url, tmp_path, max_chars=10)

    whole = f"Source: {url}\n\n{'ä' * 30_000}".encode()
    assert long.content == (
        f"Source: {url}\n\n{'ä' * 25_600}\n\n"
        f'[content truncated at 50 KB: read_output(call="call_1") shows all {len(whole):,} bytes]'
    )
    assert long.full == short.full == whole
    assert short.content.startswith(f"Source: {url}\n\n{'ä' * 10}\n\n[content truncated at 10 characters")


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


async def test_fetch_tells_errors(site: Site, tmp_path: Path) -> None:
    site.pages["/garbage"] = b"no http\r\n\r\n"
    site.pages["/broken"] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc"
    site.add("/bad", b"not gzip", headers="content-encoding: gzip\r\n")
    found = [await fetch(site, site.url(path), tmp_path) for path in ("/none", "/garbage", "/broken", "/bad")]

    assert [each.outcome for each in found] == ["error"] * 4
    assert found[0].content == "HTTP error: 404 Not Found"


async def test_fetch_ends_in_time_when_nothing_comes(site: Site, tmp_path: Path) -> None:
    site.pages["/silent"] = b""
    result = await fetch(site, site.url("/silent"), tmp_path, timeout_seconds=0.3)

    assert (result.outcome, "longer than 0.3 seconds" in result.content) == ("error", True)


async def test_fetch_survives_a_hostile_page(site: Site, tmp_path: Path) -> None:
    url = site.add("/deep", "<div>" * 20_000 + "treasure", "text/html")

    result = await fetch(site, url, tmp_path)

    assert "treasure" in result.content


# --- redirects and addresses -----------------------------------------------------------------------------------------


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


class Resolver:
    """Answers in turn; `asked` counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        return [ipaddress.ip_address(each) for each in self.answers.pop(0)]


class Network(httpx.AsyncBaseTransport):
    """Where connections would have gone: (address, host header, TLS name)."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses, self.reached = list(responses), list[tuple[str, str, object]]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.reached.append((request.url.host, request.headers["host"], request.extensions.get("sni_hostname")))
        return self.responses.pop(0)


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


# --- search ----------------------------------------------------------------------------------------------------------


async def search(site: Site, folder: Path, key: str | None = "k3y", count: int = 5) -> ToolResult:
    settings = WebSettings(search_url=site.url("/search"), brave_api_key=None if key is None else SecretStr(key))
    return await call(WebTool(settings), folder, action="search", query="a & b", count=count)


async def test_search_lists_what_was_found(site: Site, tmp_path: Path) -> None:
    results = [
        {"title": "One &amp; <strong>two</strong>", "url": "https://one.example/", "description": "About\n one."},
        {"title": "Two", "url": "https://two.example/", "extra": 1},
    ]
    site.add("/search", json.dumps({"web": {"results": results * 5}, "query": {}}), "application/json")

    result = await search(site, tmp_path, count=2)

    assert result.content == ("1. **One & two**\nhttps://one.example/\nAbout one.\n\n2. **Two**\nhttps://two.example/")
    assert site.requests[0].startswith("GET /search?q=a+%26+b&count=2 ")
    assert "x-subscription-token: k3y" in site.requests[0].lower()


async def test_search_tells_what_is_wrong_without_the_key(site: Site, tmp_path: Path) -> None:
    missing = await search(site, tmp_path, key=None)
    site.add("/search", "too many", status="429 Too Many Requests")
    limited = await search(site, tmp_path)
    site.add("/search", "[]")
    odd = await search(site, tmp_path)
    site.add("/search", "{}")
    empty = await search(site, tmp_path)

    assert "not configured: set the environment variable BRAVE_API_KEY" in missing.content
    assert limited.content == "Brave Search API error (429): too many"
    assert "not understood" in odd.content
    assert (empty.outcome, empty.content) == ("ok", "No results found.")
    assert [each.outcome for each in (missing, limited, odd)] == ["error"] * 3
    assert not any("k3y" in each.content for each in (missing, limited, odd, empty))


# --- arguments and settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"action": "fetch"}', '{"action": "search", "query": " "}', '{"action": "x"}'])
def test_web_wants_an_action_and_its_object(text: str) -> None:
    with pytest.raises(InvalidArguments):
        WebTool(WebSettings()).parse(text)


def test_policy_sees_the_url_first() -> None:
    tool = WebTool(WebSettings())
    texts = ['{"action": "fetch", "url": "https://a.example/?q=1"}', '{"action": "search", "query": "a b", "count": 3}']

    shown = [tool.invocation(tool.parse(text)).text for text in texts]

    assert shown == ["web:fetch https://a.example/?q=1", 'web:search "a b" count=3']


def test_settings_are_described_and_checked() -> None:
    assert all(field.description for field in WebSettings.model_fields.values())
    assert WebSettings.model_validate({"allow_hosts": ["localhost:3000"]}).allow_hosts == ("localhost:3000",)
    assert "k3y" not in repr(WebSettings(brave_api_key=SecretStr("k3y")))
    with pytest.raises(ValidationError):
        WebSettings.model_validate({"timeout_seconds": 0})
