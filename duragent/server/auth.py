"""Which requests are let in. Decided before routing, on the very path that routing uses; all others are refused.

Host and Origin are checked because a browser on this machine may be led to this server by any web page; the token,
because any program on it may. There is no CORS: no page but our own has business here.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from duragent.server.bounds import USUAL_BOUNDS, Bounds
from duragent.server.dependencies import AccessTokens
from duragent.server.problems import RequestRefused

PUBLIC_PATHS = frozenset({"/", "/livez", "/readyz", "/version", "/openapi.json"})
ADMIN_PREFIX = "/api/admin/"
IMPORTS_PATH = "/api/v1/imports"

_ATTACHMENTS_PATH = re.compile(r"/api/v1/sessions/[^/]+/attachments")

IsOwn = Callable[[Scope], Awaitable[bool]]
_SAME_FOR_ALL = PUBLIC_PATHS - {"/readyz"}
_AUTHORIZED = "duragent.authorized"
_OWN_SITES = (b"same-origin", b"none")
"""`none`: a person typed the address."""
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")


class Guard:
    """An ASGI app that lets through what may come in, and raises Refused for the rest."""

    def __init__(
        self,
        app: ASGIApp,
        tokens: AccessTokens,
        host: str,
        is_own: IsOwn | None = None,
        bounds: Bounds = USUAL_BOUNDS,
    ) -> None:
        """`is_own` says whether a request needs no token, because one of this user's own programs sent it."""
        self._app = app
        self._is_own = is_own
        self._bounds = bounds
        self._has_admin_token = tokens.admin is not None
        self._api = _digest(tokens.api.encode())
        self._admin = _digest((tokens.admin or tokens.api).encode())
        self._hosts = _LOOPBACK_NAMES | {_as_in_url(host)}
        # Bound to every address, the server cannot know all its names; then the token alone protects it.
        self._any_host = _is_wildcard(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._check_host(headers)
        _check_origin(headers)
        _check_fetch_site(headers)
        if not await self._needs_no_token(scope, headers):
            self._check_token(scope, headers)
        limit, expected = self._bounds.body_max_bytes, b"application/json"
        if scope["path"] == IMPORTS_PATH:
            limit, expected = self._bounds.import_max_bytes, b"application/zip"
        elif _ATTACHMENTS_PATH.fullmatch(scope["path"]):
            # Any type, because it is not believed.
            limit, expected = self._bounds.attachment_max_bytes, b""
        _check_body(scope["method"], headers, limit, expected)
        await self._app(scope, _limited(receive, limit), send)

    def _check_host(self, headers: list[tuple[bytes, bytes]]) -> None:
        match = _HOST.fullmatch(_only(headers, b"host") or b"")
        if match is None or not (self._any_host or match[1].decode().lower() in self._hosts):
            raise RequestRefused("forbidden-host", "the Host header names no address of this server")

    async def _needs_no_token(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> bool:
        if (
            self._is_own is None
            or scope["path"] in _SAME_FOR_ALL
            or any(name == b"authorization" for name, _ in headers)
        ):
            return False
        if scope["path"].startswith(ADMIN_PREFIX) and self._has_admin_token:
            return False
        scope[_AUTHORIZED] = await self._is_own(scope)
        return bool(scope[_AUTHORIZED])

    def _check_token(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        path = scope["path"]
        scheme, _, token = (_only(headers, b"authorization") or b"").partition(b" ")
        shown = _digest(token.strip()) if scheme.lower() == b"bearer" else b""
        if path in PUBLIC_PATHS:
            scope[_AUTHORIZED] = hmac.compare_digest(shown, self._api)
        elif path.startswith(ADMIN_PREFIX):
            if not hmac.compare_digest(shown, self._admin):
                raise RequestRefused("forbidden", "Admin access denied")
        elif not hmac.compare_digest(shown, self._api):
            detail = "this needs the header `Authorization: Bearer <token>` with the server's token"
            raise RequestRefused("unauthorized", detail, {"WWW-Authenticate": 'Bearer realm="duragent"'})


def _check_origin(headers: list[tuple[bytes, bytes]]) -> None:
    if not any(name == b"origin" for name, _ in headers):
        return
    origin = (_only(headers, b"origin") or b"").lower()
    host = (_only(headers, b"host") or b"").lower()
    if origin not in (b"http://" + host, b"https://" + host):
        raise RequestRefused("forbidden-origin", "the request comes from a web page of another origin")


def _check_fetch_site(headers: list[tuple[bytes, bytes]]) -> None:
    """Browsers say whose page a request comes from, also where they send no Origin (W3C, Fetch Metadata)."""
    if not any(name == b"sec-fetch-site" for name, _ in headers):
        return
    if (_only(headers, b"sec-fetch-site") or b"").lower() not in _OWN_SITES:
        raise RequestRefused("forbidden-origin", "the request comes from a web page of another origin")


def is_authorized(scope: Scope) -> bool:
    """Whether a request on a public path showed the token."""
    return bool(scope.get(_AUTHORIZED))


def _check_body(method: str, headers: list[tuple[bytes, bytes]], limit: int, expected: bytes) -> None:
    length = _only(headers, b"content-length")
    if length is not None and (not length.isdigit() or int(length[:20]) > limit):
        raise _too_large(limit)
    has_body = (length or b"0").strip(b"0") != b"" or _only(headers, b"transfer-encoding") is not None
    content_type = _only(headers, b"content-type")
    typed = bool(expected) and method not in ("GET", "HEAD", "OPTIONS")
    if has_body and typed and not is_of(content_type, expected):
        what = "JSON" if expected == b"application/json" else "an exported session"
        raise RequestRefused(
            "unsupported-media-type", f"the body must be {what}, with `Content-Type: {expected.decode()}`"
        )


def is_of(content_type: bytes | None, expected: bytes) -> bool:
    """Whether a Content-Type, with or without parameters, is the expected one."""
    return content_type is not None and content_type.split(b";")[0].strip().lower() == expected


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive` that refuses to go on when the body, however it is framed, has become too large."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large(limit)
        return message

    return limited


def _too_large(limit: int) -> RequestRefused:
    return RequestRefused("content-too-large", f"a body may have at most {limit} bytes")


def _only(headers: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """The header's value; None when it is absent, or there more than once, which no honest client sends."""
    values = [value for key, value in headers if key == name]
    return values[0] if len(values) == 1 else None


def _digest(token: bytes) -> bytes:
    # Digests have one length, so that comparing them tells nothing about the length of the token.
    return hashlib.sha256(token).digest()


def _as_in_url(host: str) -> str:
    return f"[{host}]".lower() if ":" in host else host.lower()


def _is_wildcard(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
