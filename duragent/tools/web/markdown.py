"""HTML to Markdown. A program of its own, run by its path with the page's URL: HTML on stdin, Markdown on stdout.

It runs apart from the server because a page can be made so that it takes very long to read.
"""

import re
import sys
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup
from markdownify import MarkdownConverter

_LEFT_OUT = "script style nav noscript template svg iframe object embed canvas form button head".split()
_MANY_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


def main() -> int:
    html = sys.stdin.buffer.read().decode("utf-8", "replace")
    sys.stdout.buffer.write(markdown(html, sys.argv[1]).encode("utf-8", "replace"))
    return 0


def markdown(html: str, url: str) -> str:
    """The text of a page, its title first. Links are made absolute; those that are not http or mailto become text."""
    page = BeautifulSoup(html, "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for element in page.find_all(_LEFT_OUT):
        element.decompose()
    for image in page.find_all("img"):
        image.replace_with(str(image.get("alt", "")))
    _link(page, url)
    try:
        text = MarkdownConverter(heading_style="ATX", bullets="-").convert_soup(page)
    except RecursionError:
        # Elements within elements, a thousand deep: the text at least can be had.
        text = page.get_text("\n", strip=True)
    text = _MANY_BLANK_LINES.sub("\n\n", text).strip()
    return f"# {title}\n\n{text}" if title and f"# {title}" not in text[:2000] else text


def _link(page: BeautifulSoup, url: str) -> None:
    for anchor in page.find_all("a", href=True):
        try:
            whole = urljoin(url, str(anchor["href"]))
            good = urlsplit(whole).scheme in ("http", "https", "mailto")
        except ValueError:
            good = False
        if good:
            anchor["href"] = whole
        else:
            anchor.unwrap()


if __name__ == "__main__":
    sys.exit(main())
