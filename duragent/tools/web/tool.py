"""The tool `web`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from duragent import __version__
from duragent.policy.rules import Invocation, invocation_text
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.child import ChildLimits, run_child
from duragent.tools.settings import WebSettings

# These bring an HTTP client along, which only a run needs.
if TYPE_CHECKING:
    import httpx

    from duragent.tools.web.page import Page, Resolve

_TO_MARKDOWN = Path(__file__).with_name("markdown.py")
_CONVERTING = ChildLimits(seconds=10, output_bytes=8 << 20)
NO_KEY = (
    "web search is not configured: set the environment variable BRAVE_API_KEY to a key of the Brave Search API "
    "(https://brave.com/search/api/) and restart the server; fetching pages works without it"
)


class WebTool(Tool["WebTool.Arguments"]):
    """Search the web, or fetch a page as Markdown.

    search needs query; fetch needs url (http or https, public hosts only). A long page is cut at 50 KB.
    """

    name = "web"
    effect = "pure"
    runs_unasked = ("search",)

    class Arguments(ToolArguments):
        action: Literal["search", "fetch"] = Field(description="What to do.")
        query: str = Field(default="", max_length=400, description="search: the words.")
        count: int = Field(default=5, ge=1, le=20, description="search: how many results.")
        url: str = Field(default="", max_length=8192, description="fetch: the page.")
        max_chars: int = Field(default=0, ge=0, le=50_000, description="fetch: show less than 50 KB.")

        @model_validator(mode="after")
        def _names_its_object(self) -> Self:
            needed = "query" if self.action == "search" else "url"
            if not getattr(self, needed).strip():
                raise ValueError(f"{self.action} needs {needed}")
            return self

    def __init__(
        self,
        settings: WebSettings | None = None,
        transport: "httpx.AsyncBaseTransport | None" = None,
        resolve: "Resolve | None" = None,
    ) -> None:
        """`settings` None are the defaults. `transport` and `resolve` stand for the network and the system's resolver;
        None is the real ones.
        """
        self.settings, self._transport, self._resolve = settings or WebSettings(), transport, resolve

    def invocation(self, arguments: Arguments) -> Invocation:
        # Defaults are left out, so that an exact pattern fits: `web:fetch https://example.com/`.
        values = arguments.model_dump(mode="json", exclude_defaults=True)
        main = "query" if arguments.action == "search" else "url"
        return Invocation(self.kind, self.name, invocation_text(self.name, values, main))

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if arguments.action == "search":
            return await self._search(arguments)
        return await self._fetch(arguments, context.call.call)

    async def _search(self, arguments: Arguments) -> ToolResult:
        from duragent.tools.web.search import search

        if self.settings.brave_api_key is None or not self.settings.brave_api_key.get_secret_value():
            return failed(NO_KEY)
        return await search(arguments.query, arguments.count, self.settings, self._transport)

    async def _fetch(self, arguments: Arguments, call: str) -> ToolResult:
        from duragent.tools.web.guard import UrlRefused
        from duragent.tools.web.page import PageFailed, Way, get_page, resolve

        way = Way(self.settings, self._resolve or resolve, self._transport, f"duragent/{__version__}")
        try:
            page = await get_page(arguments.url.strip(), way)
        except (UrlRefused, PageFailed) as error:
            return failed(str(error), url=arguments.url)
        text = await _text_of(page)
        if text is None:
            more = "more than " if page.cut else ""
            kind = page.content_type or "unknown type"
            text = f"[binary, {kind}, {more}{len(page.content):,} bytes; it is not shown]"
        most = self.settings.max_result_bytes
        shown = _cut(text, most, arguments.max_chars)
        notices = [f"[only the first {self.settings.max_page_bytes:,} bytes of the page were read]"] if page.cut else []
        whole = f"Source: {page.url}\n\n{text}".encode("utf-8", "replace")
        if len(shown) < len(text):
            size = f"{most // 1024} KB" if len(shown) != arguments.max_chars else f"{len(shown):,} characters"
            notices.append(f'[content truncated at {size}: read_output(call="{call}") shows all {len(whole):,} bytes]')
        return ToolResult(
            "\n\n".join([f"Source: {page.url}", shown, *notices]),
            details={"url": page.url, "content_type": page.content_type, "size_bytes": len(page.content)},
            full=whole if len(shown) < len(text) else None,
        )


async def _text_of(page: "Page") -> str | None:
    """The page as text; None when it is binary."""
    from duragent.tools.web.text import decoded, is_html

    text = decoded(page.content_type, page.content)
    if text is None or not is_html(page.content_type, text):
        return text
    argv = (sys.executable, "-I", str(_TO_MARKDOWN), page.url)
    ended = await run_child(argv, Path("/"), _CONVERTING, text.encode("utf-8", "replace"))
    if ended.code == 0:
        return ended.output.decode("utf-8", "replace")
    return f"[the page could not be turned into Markdown: {ended.limit or 'the converter failed'}]\n\n{text}"


def _cut(text: str, most_bytes: int, most_chars: int) -> str:
    shown = text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")
    return shown[:most_chars] if most_chars else shown
