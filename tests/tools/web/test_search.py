"""Web search: what it lists, and what it says when it cannot."""

import json
from pathlib import Path

from pydantic import SecretStr

from duragent.tools.base import ToolResult
from duragent.tools.settings import WebSettings
from duragent.tools.web.tool import WebTool
from tests.tools.calling import call
from tests.tools.web.site import Site


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
