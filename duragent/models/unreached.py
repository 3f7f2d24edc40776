"""The sentence for a provider that could not be reached: what was tried, why it failed, and what to do. Pure.

The names of the classes decide, so that neither aiohttp nor httpx is imported here.
"""

import os
import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

from duragent.models.base import ModelChoice

_NOT_CONNECTED = ("ClientConnectorError", "ConnectError")
"""aiohttp's and httpx's; what broke after it stood is another class."""

_HTTPS_PORT = 443


def sentence_when_unreached(chain: Iterable[BaseException], choice: ModelChoice) -> str | None:
    """None when the connection stood. `chain` is an error and its causes."""
    causes = list(chain)
    connecting = [cause for cause in causes if any(kind.__name__ in _NOT_CONNECTED for kind in type(cause).__mro__)]
    if not connecting:
        return None
    address = shown_address(choice.base_url) if choice.base_url else _dialled(connecting)
    at = f" at {address}" if address else ""
    why = _reason(causes)
    if choice.provider == "ollama":
        if why == "connection refused":
            return f"cannot reach Ollama{at}: is it running? (`ollama serve`)"
        return f"cannot reach Ollama{at}: {why}; check the address (base_url or OLLAMA_HOST)"
    advice = "check base_url, and that a server runs there" if choice.base_url else "check the network"
    return f"cannot reach {choice.provider}{at}: {why}; {advice}"


def shown_address(url: str) -> str:
    """The address without what could be a secret: no user, no password, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _dialled(connecting: Iterable[BaseException]) -> str:
    """Where litellm went by itself: its own table or the environment decided, so only the connection knows."""
    for cause in connecting:
        host, port = getattr(cause, "host", None), getattr(cause, "port", None)
        if host and port:
            return f"https://{host}" if port == _HTTPS_PORT else f"http://{host}:{port}"
    return ""


def _reason(causes: Iterable[BaseException]) -> str:
    # The last of them is the operating system's.
    for cause in reversed(list(causes)):
        if isinstance(cause, socket.gaierror):
            return "its name is not known"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return f"no secure connection ({_plain(getattr(cause, 'reason', None))})"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
    return "no connection"


def _plain(reason: str | None) -> str:
    """OpenSSL's WRONG_VERSION_NUMBER, as words."""
    return (reason or "no reason given").lower().replace("_", " ")
