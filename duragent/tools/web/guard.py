"""Which URLs and which addresses the web tool may reach. Pure.

The law of this file: only what is surely a public address of the internet is reached, unless a person allowed the host.
The decision about a name is made on the addresses that the connection is then made to, never on the name alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from duragent.errors import BadInput
from duragent.http.addresses import Address, is_public, literal_address

PORTS = {"http": 80, "https": 443}

_LOCAL_NAMES = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "onion")
_NUMBER_LABEL = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


class UrlRefused(BadInput):
    """The URL is not fetched; the message is a sentence for the model."""

    code = "url-refused"


@dataclass(frozen=True, slots=True)
class UrlTarget:
    """A URL that may be fetched, once the host's addresses are checked."""

    url: httpx.URL
    host: str
    """Its name or its address."""
    port: int
    allowed: bool
    """The settings name the host: its addresses need no check."""


def check_url(text: str, allow_hosts: Sequence[str] = ()) -> UrlTarget:
    """What to fetch. Raises UrlRefused."""
    url = _parsed(text)
    if url.scheme not in PORTS:
        raise UrlRefused(f"unsupported URL scheme: {url.scheme or 'none'}; only http and https are fetched")
    if url.userinfo:
        raise UrlRefused("URLs with a user name or a password are not fetched")
    # The name as it goes to the resolver and onto the wire: letters of other scripts are punycode here.
    host = url.raw_host.decode("ascii").rstrip(".").lower()
    port = PORTS[url.scheme] if url.port is None else url.port
    if not host:
        raise UrlRefused("the URL names no host")
    shown = f"[{host}]" if ":" in host else host
    if {f"{shown}:{port}", *([shown] if port in PORTS.values() else [])} & {each.lower() for each in allow_hosts}:
        return UrlTarget(url, host, port, allowed=True)
    if port not in PORTS.values():
        raise UrlRefused(f"port {port} is not fetched; only 80 and 443 are")
    _check_host(host)
    return UrlTarget(url, host, port, allowed=False)


def _parsed(text: str) -> httpx.URL:
    if any(char.isspace() or not char.isprintable() for char in text) or "\\" in text:
        raise UrlRefused("the URL has blanks, control characters or backslashes in it; escape them with %")
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise UrlRefused(f"this is not a URL: {error}") from None


def _check_host(host: str) -> None:
    address = literal_address(host)
    if address is not None:
        check_addresses(host, [address])
    elif ":" in host or "%" in host:
        raise UrlRefused(f"{host} is not a host")
    elif _NUMBER_LABEL.fullmatch(host.rsplit(".", 1)[-1]):
        raise UrlRefused(f"{host} is an unusual spelling of an address, which is not fetched")
    elif any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise UrlRefused(_private(host, "is a name that is"))


def check_addresses(host: str, addresses: Sequence[Address]) -> None:
    """Refuse the host when any of its addresses is not public: a mixture is a trick. Raises UrlRefused."""
    if not addresses:
        raise UrlRefused(f"{host} has no address")
    for address in addresses:
        if not is_public(address):
            raise UrlRefused(_private(host, "is" if str(address) == host else f"leads to {address}, which is"))


def _private(host: str, verb: str) -> str:
    return (
        f"{host} {verb} not on the public internet; such hosts are only fetched when a person lists them in "
        "`web: allow_hosts` of duragent.yaml"
    )
