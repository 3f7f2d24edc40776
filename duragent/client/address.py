"""Where the server is, and the token that it may be given.

The law: what a workspace's server is shown is read from this user's private folder, and `find.py` says when it is
shown. A server given by URL never gets it: a URL may come from anywhere.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from duragent.client.server_process import is_gone
from duragent.errors import InvalidRequest, ServerUnreachable, UnsafePrivateFolder
from duragent.system.private_folder import has_socket, opened, places, read_text, workspace_key
from duragent.system.safe_read import read_file
from duragent.wire import ServerAddress

TOKEN_VARIABLE = "DURAGENT_TOKEN"
ADDRESS_FILE, TOKEN_FILE, KEY_FILE, SOCKET_FILE = "server.json", "token", "key", "http.sock"
"""What a running server has in its private folder."""

_MAX_FILE_BYTES = 64 << 10


@dataclass(frozen=True)
class Endpoint:
    """A server to talk to."""

    url: str
    """Without a slash at its end."""

    token: str | None
    """For the API; None sends none."""

    local: bool = False
    """Plain HTTP on loopback, never through a proxy."""

    admin_token: str | None = None
    """For the admin routes; None takes `token`."""

    named: bool = False
    """A person gave the URL."""

    socket: Path | None = None
    """The Unix socket that requests go over; the URL then only says what the Host header is."""

    def token_for(self, path: str) -> str | None:
        return (path.startswith("/api/admin/") and self.admin_token) or self.token


@dataclass(frozen=True)
class TokenSource:
    """The tokens that the workspace's configuration names; None takes the one in the private folder."""

    api: str | None = None
    admin: str | None = None


class Locate(Protocol):
    """Says where the server is now. Raises ServerUnreachable when there is none (yet)."""

    async def __call__(self, *, wanted: bool) -> Endpoint:
        """`wanted`: there is something to send. False for a mere watcher, for which no server is started."""
        ...


def workspace_hash(workspace: Path) -> str:
    """The name of a workspace that a server gives in `/readyz`; the path itself stays private."""
    return hashlib.sha256(os.path.realpath(workspace).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Announcement:
    """What a server writes at its start, for the commands of its user."""

    address: ServerAddress
    """Where it listens, and which process it is."""

    token: str = field(default="", repr=False)
    """What it asks from clients; "" when it is configured, or when no private folder was found."""

    key: str = field(default="", repr=False)
    """What the server proves itself with; "" when no private folder was found."""

    socket: Path | None = None
    """Its Unix socket; None when there is TCP alone."""

    distrust: str = ""
    """Why the private folder that the address names is not believed; "" when it is."""


def read_announcement(workspace: Path, environ: Mapping[str, str] = os.environ) -> Announcement | None:
    """What the workspace's server wrote. It may have died since; one that lives comes first. None: there is nothing.

    It is in this user's private folder, or, when the server's environment names another one, where `run/server.json`
    says: a folder is believed only when it is this user's alone.
    """
    key = workspace_key(workspace_hash(workspace))
    folders = [place / key for place in places(environ)]
    public = _address_in(workspace)
    if public is not None and public.private_folder is not None:
        folders.append(Path(public.private_folder).with_name(key))
    announcements, distrust = [], ""
    for folder in dict.fromkeys(folders):
        try:
            announcements.append(_announcement_in(folder))
        except UnsafePrivateFolder as error:
            distrust = str(error)
        except (OSError, ValueError):
            continue
    if public is not None:
        announcements.append(Announcement(public, distrust=distrust))
    living = (one for one in announcements if not is_gone(one.address.pid, one.address.started_at))
    return next(living, announcements[0] if announcements else None)


def read_address(workspace: Path) -> ServerAddress | None:
    """The address in `read_announcement`."""
    announcement = read_announcement(workspace)
    return None if announcement is None else announcement.address


def _address_in(workspace: Path) -> ServerAddress | None:
    try:
        return _address_of(read_file(workspace / "run" / ADDRESS_FILE, _MAX_FILE_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return None


def _announcement_in(folder: Path) -> Announcement:
    """Raises OSError, ValueError, UnsafePrivateFolder."""
    with opened(folder.parent) as place, opened(folder.name, place) as descriptor:
        return Announcement(
            _address_of(read_text(descriptor, ADDRESS_FILE)),
            token=_secret_in(descriptor, TOKEN_FILE),
            key=_secret_in(descriptor, KEY_FILE),
            socket=folder / SOCKET_FILE if has_socket(descriptor, SOCKET_FILE) else None,
        )


def _secret_in(folder: int, name: str) -> str:
    try:
        return read_text(folder, name).strip()
    except FileNotFoundError:
        # A token that is configured is not written.
        return ""


def _address_of(text: str) -> ServerAddress:
    """Raises ValueError."""
    try:
        return ServerAddress.model_validate(json.loads(text))
    except RecursionError as error:
        raise ValueError("too deep") from error


def local_url(address: ServerAddress) -> str:
    """Raises ServerUnreachable for an address beyond this machine, where a token of ours must not go."""
    host = _host_here(address.host)
    try:
        parsed = ip_address(host)
    except ValueError:
        parsed = None
    if parsed is None or not parsed.is_loopback:
        raise ServerUnreachable(
            url_of(address.host, address.port),
            f"it does not listen on this machine's loopback; use --server and {TOKEN_VARIABLE}",
        )
    return url_of(host, address.port)


def url_here(host: str, port: int) -> str:
    """How programs on this machine reach a server that listens there; `host` may stand for all addresses."""
    return url_of(_host_here(host), port)


def _host_here(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(host, host)


def url_of(host: str, port: int) -> str:
    """The URL of a server that listens there."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def endpoint_of_url(url: str, token_file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """A server that the person named. Its token comes from the environment or a file, never from a workspace."""
    from duragent.http.library import httpx

    try:
        parsed = httpx.URL(url if "://" in url else f"http://{url}")
    except httpx.InvalidURL as error:
        raise InvalidRequest(f"'{url}' is not a URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidRequest(f"'{url}' is not an http:// or https:// URL")
    token = environ.get(TOKEN_VARIABLE)
    if token_file is not None:
        try:
            token = _read(token_file).strip()
        except OSError as error:
            raise InvalidRequest(f"cannot read the token file {token_file}: {error.strerror}") from error
    local = parsed.scheme == "http" and parsed.host in ("127.0.0.1", "::1", "localhost")
    return Endpoint(str(parsed).rstrip("/"), token or None, local=local, named=True)


def always(endpoint: Endpoint) -> Locate:
    """A server that never moves."""

    async def locate(*, wanted: bool) -> Endpoint:
        return endpoint

    return locate


def why(error: Exception) -> str:
    """A connection error in words; httpx leaves some of its messages empty."""
    from duragent.http.library import httpx

    if isinstance(error, httpx.ConnectError):
        return "connection refused" if "attempts failed" in str(error) or not str(error) else str(error)
    return str(error).partition("\n")[0] or type(error).__name__


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_MAX_FILE_BYTES)
