"""The HTTP connections of a client, and a check of the server behind a URL that a person gave."""

import json
from pathlib import Path

from duragent.client.address import Endpoint
from duragent.errors import OlderServer
from duragent.http.library import httpx, local_transport

_READY_OF_V0_5 = {"status", "workspace_hash"}
"""All that `/readyz` of duragent v0.5 says; every later version says more."""


class Connections:
    """One pool for each way to a server."""

    def __init__(self) -> None:
        # By the Unix socket, None for TCP.
        self._local: dict[Path | None, httpx.AsyncClient] = {}
        self._by_proxy: httpx.AsyncClient | None = None

    def of(self, endpoint: Endpoint) -> httpx.AsyncClient:
        """What requests to this server go over. HTTP_PROXY must not see the token of a server on this machine."""
        if endpoint.local or endpoint.socket is not None:
            http = self._local.get(endpoint.socket)
            if http is None:
                http = self._local[endpoint.socket] = httpx.AsyncClient(transport=local_transport(endpoint.socket))
            return http
        if self._by_proxy is None:
            self._by_proxy = httpx.AsyncClient()
        return self._by_proxy

    async def close(self) -> None:
        for http in (self._by_proxy, *self._local.values()):
            if http is not None:
                await http.aclose()


async def refuse_v0_5(http: httpx.AsyncClient, url: str) -> None:
    """Raises OlderServer for a duragent v0.5, which takes messages and has no `/events` to tell their answers on.

    All other faults come up with the request itself.
    """
    try:
        ready = (await http.get(f"{url}/readyz")).json()
        if not isinstance(ready, dict) or set(ready) != _READY_OF_V0_5:
            return
        body = (await http.get(f"{url}/version")).json()
    except (httpx.RequestError, json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        return
    version = body.get("version", "0.5") if isinstance(body, dict) else "0.5"
    advice = "use its own commands, or stop it and serve a copy of its workspace with this version (move-from-v0.5.md)"
    raise OlderServer(url, str(version)[:40], advice)
