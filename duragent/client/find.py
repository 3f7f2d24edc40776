"""From a workspace to its running server, which has proved itself before it is shown the token.

The law: a secret of a workspace goes only to a server that (1) wrote its address to this user's private folder, (2)
names a process of this user that still lives, and (3) has just proved at that address that it has the key in that
folder. This is done again for each lookup, because a process can die and its port can get another owner at any time.
Over the Unix socket in the private folder there is no time between the proof and the use: no other user can bind it.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from duragent.client.address import (
    Announcement,
    Endpoint,
    TokenSource,
    local_url,
    read_announcement,
    url_of,
    why,
    workspace_hash,
)
from duragent.client.proof import UNIX_SOCKET, new_nonce, proves
from duragent.client.server_process import is_gone, owner
from duragent.errors import OlderServer, ServerUnreachable
from duragent.system.private_folder import peer_uid
from duragent.wire import Ready, ServerAddress

if TYPE_CHECKING:
    import httpx

READY_SECONDS = 5.0
NO_TOKENS = TokenSource()


async def find_server(workspace: Path, tokens: TokenSource = NO_TOKENS) -> Endpoint:
    """The running server of a workspace. Raises ServerUnreachable, OlderServer."""
    announcement = read_announcement(workspace)
    if announcement is None:
        raise ServerUnreachable(str(workspace), "no server is running for this workspace")
    expected = workspace_hash(workspace)
    address = announcement.address
    if address.workspace_hash != expected:
        raise ServerUnreachable(_shown(address), "another workspace's server answers there")
    _check_process(address)
    _check_trusted(announcement)
    token = tokens.api or announcement.token or None
    endpoint = Endpoint(_url(announcement), token, local=True, admin_token=tokens.admin, socket=announcement.socket)
    await _demand_proof(endpoint, announcement.key, expected)
    return endpoint


async def ask_ready(url: str, challenge: str, socket: Path | None) -> Ready:
    """`/readyz`, without any token. Raises ServerUnreachable.

    `socket`: the Unix socket to ask over; the kernel must say that this user's process listens there.
    """
    # Imported where it is used: the server needs this file too, and has no use for an HTTP client at its start.
    from duragent.http.library import httpx, local_transport

    try:
        # As a stream, because the kernel tells whose the other end is only while the connection is open.
        async with (
            httpx.AsyncClient(transport=local_transport(socket), timeout=READY_SECONDS) as http,
            http.stream("GET", f"{url}/readyz", params={"challenge": challenge}) as response,
        ):
            if socket is not None:
                _check_peer(response, socket)
            return Ready.model_validate(json.loads(await response.aread()))
    except (httpx.HTTPError, ValueError, ValidationError, RecursionError) as error:
        raise ServerUnreachable(url, why(error)) from error


def _check_peer(response: "httpx.Response", path: Path) -> None:
    uid = peer_uid(response.extensions["network_stream"].get_extra_info("socket"))
    if uid is not None and uid != os.getuid():
        raise ServerUnreachable(str(path), f"a process of another user (uid {uid}) listens there")


async def _demand_proof(endpoint: Endpoint, key: str, expected: str) -> None:
    from duragent.http.library import httpx

    nonce = new_nonce()
    ready = await ask_ready(endpoint.url, nonce, endpoint.socket)
    if ready.workspace_hash != expected:
        raise ServerUnreachable(endpoint.url, "another workspace's server answers there")
    url = httpx.URL(endpoint.url)
    address = UNIX_SOCKET if endpoint.socket is not None else f"{url.host}:{url.port or 80}"
    if not proves(ready.proof, key, nonce, expected, address):
        reason = "what answers there does not prove that it is this workspace's server, so it was not shown the token"
        raise ServerUnreachable(endpoint.url, reason)


def _check_process(address: ServerAddress) -> None:
    if is_gone(address.pid, address.started_at):
        raise ServerUnreachable(_shown(address), f"the server (process {address.pid}) is gone")
    uid = owner(address.pid)
    if uid is not None and uid != os.getuid():
        raise ServerUnreachable(_shown(address), f"process {address.pid} belongs to another user (uid {uid})")


def _check_trusted(announcement: Announcement) -> None:
    address = announcement.address
    if announcement.key:
        return
    if address.private_folder is None:
        raise OlderServer(
            _shown(address),
            address.version,
            f"end it (`kill {address.pid}`) and run this command again; its sessions go on",
        )
    folder = address.private_folder
    raise ServerUnreachable(
        _shown(address), announcement.distrust or f"its folder {folder} cannot be read by this user"
    )


def _url(announcement: Announcement) -> str:
    try:
        return local_url(announcement.address)
    except ServerUnreachable:
        if announcement.socket is None:
            raise
        # Over its socket a server is reached whatever address it listens on.
        return _shown(announcement.address)


def _shown(address: ServerAddress) -> str:
    return url_of(address.host, address.port)
