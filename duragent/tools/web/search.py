"""Searching the web with Brave's API."""

import asyncio
import html
import re

import httpx
from pydantic import BaseModel, Field, ValidationError

from duragent.tools.base import ToolResult, failed
from duragent.tools.settings import WebSettings

_MAX_ANSWER_BYTES = 2 << 20
_MAX_ERROR_CHARS = 500
_TAG = re.compile(r"<[^>]{0,200}>")


class _Result(BaseModel):
    title: str = ""
    url: str = ""
    description: str = ""


class _Results(BaseModel):
    results: list[_Result] = Field(default_factory=list)


class _Answer(BaseModel):
    web: _Results = Field(default_factory=_Results)


async def search(
    query: str, count: int, settings: WebSettings, transport: httpx.AsyncBaseTransport | None = None
) -> ToolResult:
    """A numbered list of results: title, URL, description."""
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            status, body = await _ask(query, count, settings, transport)
    except TimeoutError:
        return failed(f"the search took longer than {settings.timeout_seconds:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return failed(f"the Brave Search API cannot be reached: {error or type(error).__name__}")
    if not 200 <= status < 300:
        return failed(f"Brave Search API error ({status}): {body.decode('utf-8', 'replace')[:_MAX_ERROR_CHARS]}")
    try:
        results = _Answer.model_validate_json(body).web.results[:count]
    except ValidationError:
        return failed("the Brave Search API answered something that is not understood")
    if not results:
        return ToolResult("No results found.", details={"count": 0})
    return ToolResult("\n\n".join(_listed(results)), details={"count": len(results)})


async def _ask(
    query: str, count: int, settings: WebSettings, transport: httpx.AsyncBaseTransport | None
) -> tuple[int, bytes]:
    key = settings.brave_api_key.get_secret_value() if settings.brave_api_key else ""
    parameters: dict[str, str | int] = {"q": query, "count": count}
    headers = {"Accept": "application/json", "X-Subscription-Token": key}
    body = bytearray()
    # A search goes to the one host that a person configured, so a proxy of the environment may be used.
    async with (
        httpx.AsyncClient(transport=transport, timeout=settings.timeout_seconds) as client,
        client.stream("GET", settings.search_url, params=parameters, headers=headers) as response,
    ):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ANSWER_BYTES:
                break
        return response.status_code, bytes(body)


def _listed(results: list[_Result]) -> list[str]:
    return [
        f"{number}. **{_plain(each.title)}**\n{each.url}\n{_plain(each.description)}".rstrip()
        for number, each in enumerate(results, 1)
    ]


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", text)).split())
