"""What the bytes of a page are: text of which encoding, HTML, or binary. Pure."""

import re

_TEXT_TYPES = re.compile(
    r"text/.+|application/(json|xml|xhtml\+xml|javascript|ecmascript|yaml|x-yaml|toml|x-sh|sql|graphql|x-ndjson)"
    r"|.+/.+\+(json|xml|yaml)|message/.+"
)
# A page says how it is to be decoded, but not every codec that Python has is meant for that.
_CHARSETS = re.compile(
    r"utf-?(8|16|32)(le|be|-le|-be)?|us-ascii|ascii|(iso-?8859|windows|cp|ibm)[-_]?\d+(-\d+)?|latin-?1|koi8-[ru]"
    r"|shift[-_]jis|sjis|euc-(jp|kr)|gb(k|2312|18030)|big5(-hkscs)?|iso-2022-jp|tis-620|macintosh"
)
_NAMED = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_SNIFFED = 2048


def decoded(content_type: str, content: bytes) -> str | None:
    """The text; None when it is not text. What cannot be decoded becomes U+FFFD."""
    kind = media_type(content_type)
    if kind and not _TEXT_TYPES.fullmatch(kind):
        return None
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    charset = "utf-16" if marked else _charset(content_type) or _charset(content[:_SNIFFED].decode("latin-1"))
    if not kind and not marked and b"\0" in content[:_SNIFFED]:
        return None
    try:
        return content.decode(charset or "utf-8-sig", "replace")
    except LookupError:
        return content.decode("utf-8-sig", "replace")


def is_html(content_type: str, text: str) -> bool:
    kind = media_type(content_type)
    start = text[:_SNIFFED].lstrip("\ufeff \t\r\n").lower()
    return kind in ("text/html", "application/xhtml+xml") or (
        kind in ("", "text/plain") and start.startswith(("<!doctype html", "<html"))
    )


def media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _charset(text: str) -> str | None:
    found = _NAMED.search(text)
    name = found[1].lower() if found else ""
    return name if _CHARSETS.fullmatch(name) else None
