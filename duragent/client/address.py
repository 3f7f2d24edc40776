"""Where the server is, and the token that it may be given.

The law: a workspace's token goes only to the loopback address that this workspace's server wrote, and only after that
server has named the same workspace. A server given by URL never gets it: a URL may come from anywhere.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from duragent.client.server_process import is_gone
from duragent.errors import InvalidRequest, ServerUnreachable, UnsafePrivateFolder
from duragent.private_folder import opened, places, read_text, workspace_key
from duragent.wire import Ready, ServerAddress

TOKEN_VARIABLE = "DURAGENT_TOKEN"
READY_SECONDS = 5.0
_MAX_FILE_BYTES = 64 << 10


@dataclass(frozen=True)
class Endpoint:
    """A server to talk to. `local`: plain HTTP on loopback, never through a proxy. `named`: by a person, as a URL."""

    url: str
    token: str | None
    local: bool = False
    admin_token: str | None = None
    named: bool = False

    def token_for(self, path: str) -> str | None:
        return (path.startswith("/api/admin/") and self.admin_token) or self.token


@dataclass(frozen=True)
class Tokens:
    """The tokens that the workspace's configuration names; None takes the one in the private folder."""

    api: str | None = None
    admin: str | None = None


class Locate(Protocol):
    """Says where the server is now. Raises ServerUnreachable when there is none (yet)."""

    async def __call__(self, *, wanted: bool) -> Endpoint:
        """`wanted`: somebody has something to send, as opposed to just watching."""
        ...


def workspace_hash(workspace: Path) -> str:
    """The name of a workspace that a server gives in `/readyz`; the path itself is nobody else's business."""
    return hashlib.sha256(os.path.realpath(workspace).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True)
class Announcement:
    """What a server tells at its start. `token`: "" when there is none in a private folder that can be trusted."""

    address: ServerAddress
    token: str = field(default="", repr=False)


def read_announcement(workspace: Path, environ: Mapping[str, str] = os.environ) -> Announcement | None:
    """What the workspace's server told; it may have died since, but one that lives comes first. None: nothing is told.

    It is in this user's private folder, or, when the server's environment names another one, where `run/server.json`
    says: a folder is believed only when it is this user's alone.
    """
    key = workspace_key(workspace_hash(workspace))
    folders = [place / key for place in places(environ)]
    open_one = _address_in(workspace)
    if open_one is not None and open_one.private_folder is not None:
        folders.append(Path(open_one.private_folder).with_name(key))
    found = [each for folder in dict.fromkeys(folders) if (each := _told_in(folder)) is not None]
    found += [Announcement(open_one)] if open_one is not None else []
    living = (each for each in found if not is_gone(each.address.pid, each.address.started_at))
    return next(living, found[0] if found else None)


def read_address(workspace: Path) -> ServerAddress | None:
    """The address in `read_announcement`."""
    told = read_announcement(workspace)
    return None if told is None else told.address


def _address_in(workspace: Path) -> ServerAddress | None:
    try:
        return _address_of(_read(workspace / "run" / "server.json"))
    except OSError:
        return None


def _told_in(folder: Path) -> Announcement | None:
    try:
        with opened(folder.parent) as place, opened(folder.name, place) as descriptor:
            address = _address_of(read_text(descriptor, "server.json"))
            return None if address is None else Announcement(address, _token_in(descriptor))
    except (OSError, UnsafePrivateFolder):
        return None


def _token_in(folder: int) -> str:
    try:
        return read_text(folder, "token").strip()
    except FileNotFoundError:
        # The configuration has one.
        return ""


def _address_of(text: str) -> ServerAddress | None:
    try:
        return ServerAddress.model_validate(json.loads(text))
    except (ValueError, ValidationError, RecursionError):
        return None


def local_url(address: ServerAddress) -> str:
    """Raises ServerUnreachable for an address beyond this machine, where a token of ours must not go."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(address.host, address.host)
    try:
        parsed = ip_address(host)
    except ValueError:
        parsed = None
    if parsed is None or not parsed.is_loopback:
        raise ServerUnreachable(
            f"http://{address.host}:{address.port}",
            f"it does not listen on this machine's loopback; use --server and {TOKEN_VARIABLE}",
        )
    shown = f"[{host}]" if parsed.version == 6 else host
    return f"http://{shown}:{address.port}"


async def find_server(workspace: Path, tokens: Tokens = Tokens()) -> Endpoint:
    """The running server of a workspace. Raises ServerUnreachable."""
    told = read_announcement(workspace)
    if told is None:
        raise ServerUnreachable(str(workspace), "no server is running for this workspace")
    url = local_url(told.address)
    ready = await ask_ready(url)
    if ready.workspace_hash != workspace_hash(workspace):
        raise ServerUnreachable(url, "another workspace's server answers there")
    return Endpoint(url, tokens.api or told.token or None, local=True, admin_token=tokens.admin)


async def ask_ready(url: str) -> Ready:
    """`/readyz`, without any token. Raises ServerUnreachable."""
    # Imported where it is used: the server needs this file too, and has no use for an HTTP client at its start.
    from duragent.client.http import httpx

    try:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=READY_SECONDS) as http:
            response = await http.get(f"{url}/readyz")
        return Ready.model_validate(json.loads(response.content))
    except (httpx.HTTPError, ValueError, ValidationError, RecursionError) as error:
        raise ServerUnreachable(url, why(error)) from error


def endpoint_of_url(url: str, token_file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """A server that the person named. Its token comes from the environment or a file, never from a workspace."""
    from duragent.client.http import httpx

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
    from duragent.client.http import httpx

    if isinstance(error, httpx.ConnectError):
        return "connection refused" if "attempts failed" in str(error) or not str(error) else str(error)
    return str(error).partition("\n")[0] or type(error).__name__


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_MAX_FILE_BYTES)
