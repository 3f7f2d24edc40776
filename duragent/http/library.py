"""httpx without the command-line program that it brings along.

That program wants pygments, click and rich, whose import takes longer than all the rest. httpx does without it where
they are not installed; while it is imported here, that is how things look.
"""

import sys
from pathlib import Path

_PROGRAM = "httpx._main"

if "httpx" in sys.modules or _PROGRAM in sys.modules:
    import httpx as httpx
else:
    sys.modules[_PROGRAM] = None  # type: ignore[assignment]  # how the import system writes "there is none"
    try:
        import httpx as httpx
    finally:
        del sys.modules[_PROGRAM]


_USUAL_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20)


def local_transport(unix_socket: Path | None = None, limits: httpx.Limits | None = None) -> httpx.AsyncHTTPTransport:
    """To this machine: through no proxy, and without loading the certificates of the world, which takes long."""
    return httpx.AsyncHTTPTransport(
        verify=False,
        trust_env=False,
        uds=None if unix_socket is None else str(unix_socket),
        limits=limits or _USUAL_LIMITS,
    )
