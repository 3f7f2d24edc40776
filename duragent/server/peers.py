"""Whose process is at the other end of a connection, as the kernel says it. For `server.auth: local`.

The law: a process of which this is not known is a stranger. The user alone is not enough, because a command that an
agent runs in a sandbox with the network is of the same user; its process lives in other namespaces.
"""

import asyncio
import ipaddress
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from starlette.types import Scope

_Address = tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]
_ESTABLISHED = "01"
_NAMESPACES = ("user", "mnt", "pid")


async def is_own_process(scope: Scope) -> bool:
    """Whether a process of this user, outside of any sandbox, sent this request."""
    client, server = scope.get("client"), scope.get("server")
    if server is not None and server[1] is None:
        # The Unix socket: the kernel said whose process it is when the connection was made (serve.py).
        return True
    if client is None or server is None:
        return False
    return await asyncio.to_thread(_is_own, (client[0], client[1]), (server[0], server[1]))


def _is_own(client: tuple[str, int], server: tuple[str, int]) -> bool:
    try:
        client_address, server_address = _address(*client), _address(*server)
        if not client_address[0].is_loopback:
            return False
        inode = _inode(client_address, server_address)
    except (OSError, ValueError):
        return False
    holders = [] if inode is None else list(_holders(inode))
    return bool(holders) and all(map(_is_outside_of_sandboxes, holders))


def _inode(client: _Address, server: _Address) -> int | None:
    """The client's socket, if it is this user's."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(table).read_text().splitlines()[1:]:
                # proc(5): sl, local, remote, state, queues, timers, retransmits, uid, timeout, inode.
                fields = line.split()
                if fields[3] == _ESTABLISHED and (_parsed(fields[1]), _parsed(fields[2])) == (client, server):
                    return int(fields[9]) if int(fields[7]) == os.getuid() else None
    return None


def _holders(inode: int) -> Iterator[int]:
    """The processes that have this socket open, of those that this user may look into."""
    link = f"socket:[{inode}]"
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            folder = f"/proc/{pid}/fd"
            if any(_link(f"{folder}/{name}") == link for name in os.listdir(folder)):
                yield int(pid)


def _is_outside_of_sandboxes(pid: int) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.getuid():
            return False
        return all(_link(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}") for kind in _NAMESPACES)
    except OSError:
        return False


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _address(host: str, port: int) -> _Address:
    address = ipaddress.ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address, port


def _parsed(text: str) -> _Address:
    """`0100007F:1F90`: words of 32 bits in the machine's order, and the port."""
    host, port = text.split(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return _address(str(ipaddress.ip_address(packed)), int(port, 16))
