"""What the bytes of a page are."""

import pytest

from duragent.tools.web.text import decoded, is_html, media_type


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("text/plain", "ä".encode(), "ä"),
        ("text/html; charset=latin-1", b"\xe4", "ä"),
        ('text/html; charset="ISO-8859-1"', b"\xe4", "ä"),
        ("text/html", b'<meta charset="latin-1">\xe4', '<meta charset="latin-1">ä'),
        ("application/json", b"{}", "{}"),
        ("application/problem+json", b"{}", "{}"),
        ("image/svg+xml", b"<svg/>", "<svg/>"),
        ("image/png", b"abc", None),
        ("application/octet-stream", b"abc", None),
        ("", b"abc", "abc"),
        ("", b"a\0c", None),
        ("text/plain", b"\xff\xfea\0", "a"),
        ("text/plain; charset=rot13", b"abc", "abc"),
        ("text/plain; charset=utf-8", b"\xff", "\ufffd"),
    ],
)
def test_text_is_decoded_as_the_page_says_and_binary_is_none(content_type: str, content: bytes, text: str) -> None:
    found = decoded(content_type, content)
    assert (found.lstrip("\ufeff") if found else found) == text


@pytest.mark.parametrize(
    ("content_type", "text", "html"),
    [
        ("text/html", "x", True),
        ("Text/HTML; charset=utf-8", "x", True),
        ("application/xhtml+xml", "x", True),
        ("", "\ufeff \n<!DOCTYPE html>", True),
        ("text/plain", "<html>", True),
        ("text/plain", "plain", False),
        ("application/json", "<html>", False),
    ],
)
def test_html_is_known_by_its_type_or_its_beginning(content_type: str, text: str, html: bool) -> None:
    assert is_html(content_type, text) is html


def test_media_type_is_without_parameters() -> None:
    assert media_type(" Text/HTML ; charset=utf-8") == "text/html"
