"""The HTTP connections to providers: one pool for each (origin, key), kept open and used again.

Proxies (`HTTPS_PROXY`, `NO_PROXY` …) and certificates (`SSL_CERT_FILE`, `SSL_CERT_DIR`) come from the environment, as
httpx reads it. A provider on this machine is reached without either.
"""

from duragent.http.library import httpx, local_transport
from duragent.models.providers import LOOPBACK

_CONNECT_SECONDS = 15.0
_SILENCE_SECONDS = 600.0
"""Silence after which even a turn without a deadline gives up."""

_MAX_CONNECTIONS = 1000
"""At one provider, for all sessions together. The provider's own rate limit is the real one."""

_HIGHEST_PORT = 65_535

_IDLE_SECONDS = 60.0
_IDLE_CONNECTIONS = 20


class ProviderConnections:
    """All of one process. A pool belongs to the event loop that made it."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str | None], httpx.AsyncClient] = {}

    def of(self, url: str, key: str | None) -> httpx.AsyncClient:
        """What requests to this address with this key go over. Made at the first use: certificates take a while.

        Raises httpx.InvalidURL.
        """
        at = httpx.URL(url)
        if not at.scheme or not at.host or (at.port or 0) > _HIGHEST_PORT:
            raise httpx.InvalidURL("no scheme, no host, or no such port")
        named = (f"{at.scheme}://{at.netloc.decode('ascii')}", key)
        pool = self._pools.get(named)
        if pool is None or pool.is_closed:
            pool = self._pools[named] = _pool(local=at.host in LOOPBACK)
        return pool

    async def close(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()


def _pool(*, local: bool) -> httpx.AsyncClient:
    timeout = httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS)
    limits = httpx.Limits(
        max_connections=_MAX_CONNECTIONS,
        max_keepalive_connections=_IDLE_CONNECTIONS,
        keepalive_expiry=_IDLE_SECONDS,
    )
    if local:
        return httpx.AsyncClient(transport=local_transport(limits=limits), timeout=timeout)
    return httpx.AsyncClient(timeout=timeout, limits=limits)
