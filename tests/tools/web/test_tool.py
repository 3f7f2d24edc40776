from pathlib import Path

import pytest

from duragent.errors import InvalidArguments
from duragent.tools.settings import WebSettings
from duragent.tools.web.tool import WebTool
from tests.tools.web.site import Site, fetch

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


# --- search ----------------------------------------------------------------------------------------------------------


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
