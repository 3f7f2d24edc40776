"""Where texts may be sent to become vectors: over https to the public internet, or to this machine.

Notes are what a person told an agent in confidence. The address stands in a file that may have come from elsewhere, so
it is checked as the web tool checks what a model wants to fetch; a host that `web: allow_hosts` names needs no check.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from duragent.errors import EmbedderUnavailable
from duragent.http.addresses import Address, is_public, literal_address
from duragent.models.providers import LOOPBACK
from duragent.models.unreached import shown_address

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The addresses of a name. Raises OSError."""


async def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))


async def check_destination(
    label: str, url: str, allow_hosts: Sequence[str] = (), resolve: Resolve = resolve_by_system
) -> None:
    """Raises EmbedderUnavailable where no text may go."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.username or parts.password:
        raise EmbedderUnavailable(f"{label}: base_url has a user name or a password in it; keys belong elsewhere")
    if _is_here(host) or _is_allowed(host, parts.port, allow_hosts):
        return
    if parts.scheme != "https":
        raise EmbedderUnavailable(
            f"{label}: texts are sent over https, or to this machine, and not to {shown_address(url)}; a host that a "
            "person lists in `web: allow_hosts` of duragent.yaml is an exception"
        )
    for address in await _addresses(label, host, parts.port or 443, resolve):
        # The certificate must carry the host's name, so a name that changes its address in between gets no text.
        if not is_public(address):
            leads = "is" if str(address) == host else f"leads to {address}, which is"
            raise EmbedderUnavailable(
                f"{label}: {host} {leads} not on the public internet; such hosts are only asked when a person lists "
                "them in `web: allow_hosts` of duragent.yaml"
            )


def _is_here(host: str) -> bool:
    address = literal_address(host)
    return host in LOOPBACK or (address is not None and address.is_loopback)


def _is_allowed(host: str, port: int | None, allow_hosts: Sequence[str]) -> bool:
    shown = f"[{host}]" if ":" in host else host
    return bool({shown, f"{shown}:{port}"} & {each.lower() for each in allow_hosts})


async def _addresses(label: str, host: str, port: int, resolve: Resolve) -> Sequence[Address]:
    literal = literal_address(host)
    try:
        found = (literal,) if literal is not None else await resolve(host, port)
    except (OSError, UnicodeError):
        found = ()
    if not found:
        raise EmbedderUnavailable(f"{label}: {host} cannot be found")
    return found
