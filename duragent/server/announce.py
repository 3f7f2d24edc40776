"""How the commands of this user find a running server, and which secrets they show it.

The law: secrets are written to the user's private folder and nowhere else. What stands in the workspace
(`run/server.json`) says where the server is. People and programs read it, and none of them trusts it with a secret.
"""

import asyncio
import fcntl
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from duragent.client.address import ADDRESS_FILE, KEY_FILE, SOCKET_FILE, TOKEN_FILE, workspace_hash
from duragent.client.proof import new_key
from duragent.crashpoint import crashpoint
from duragent.errors import ServerStartFailed, UnsafePrivateFolder
from duragent.stores.files.disk import Disk
from duragent.system.os_errors import in_words
from duragent.system.private_folder import make_place, open_folder, opened, places, workspace_key, write_text
from duragent.wire import ServerAddress

LOCK_SECONDS = 2.0
LOOK_SECONDS = 2.0
_LOCK_POLL_SECONDS = 0.02
_log = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{20}")


class ServerFolder:
    """This server's own folder in the user's private folder. It is locked, so that no other server sweeps it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def write(self, name: str, text: str) -> None:
        """A file with mode 0600. Raises OSError."""
        write_text(self._descriptor, name, text)

    def remove(self, name: str) -> None:
        with suppress(OSError):
            os.unlink(name, dir_fd=self._descriptor)

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, or another one has its name."""
        try:
            return not os.path.samestat(os.fstat(self._descriptor), os.stat(self.path, follow_symlinks=False))
        except OSError:
            return True

    def close(self) -> None:
        """Remove the folder with all that is in it, and let go of its lock."""
        if not self.is_gone:
            _remove(self.path, self._descriptor)
        os.close(self._descriptor)


def take_server_folder(
    workspace: Path, environ: Mapping[str, str] = os.environ, lock_seconds: float = LOCK_SECONDS
) -> ServerFolder | None:
    """The folder of this workspace's server, empty, in the first place that can be written; None when there is none.

    The folders of servers that are gone are removed on the way. Raises UnsafePrivateFolder, and ServerStartFailed when
    another server keeps its lock for `lock_seconds`.
    """
    taken, key = None, workspace_key(workspace_hash(workspace))
    for place in places(environ):
        if taken is None and make_place(place, environ):
            with suppress(OSError):
                taken = _take_writable(place, key, lock_seconds)
        _sweep(place, but=taken)
    return taken


@dataclass
class Presence:
    """What this start of the server is known by.

    `token`: what clients show. `key`: what the server proves itself with; "" when there is no private folder.
    `is_token_written`: it was made here, and is not one of the configuration.
    """

    folder: ServerFolder | None
    token: str = field(repr=False)
    key: str = field(default="", repr=False)
    is_token_written: bool = True

    @property
    def socket_path(self) -> Path | None:
        return None if self.folder is None else self.folder.path / SOCKET_FILE

    def close(self) -> None:
        if self.folder is not None:
            self.folder.close()


def take_presence(workspace: Path, api_token: str | None) -> Presence:
    """A new key and, when none is configured, a new token, in the private folder.

    Raises UnsafePrivateFolder, ServerStartFailed.
    """
    folder = take_server_folder(workspace)
    if folder is None:
        if api_token is not None:
            return Presence(None, api_token)
        raise ServerStartFailed(
            "there is no folder for the server's token that is yours alone: set XDG_RUNTIME_DIR or XDG_STATE_HOME to "
            "a folder of yours with mode 0700, or set `server.api_token`"
        )
    presence = Presence(folder, api_token or secrets.token_urlsafe(32), new_key(), api_token is None)
    _write_secrets(presence, folder)
    crashpoint("token.made")
    return presence


def _write_secrets(presence: Presence, folder: ServerFolder) -> None:
    written = {KEY_FILE: presence.key} | ({TOKEN_FILE: presence.token} if presence.is_token_written else {})
    for name, text in written.items():
        with _needed(folder.path / name):
            folder.write(name, f"{text}\n")


def prepare_run_folder(workspace: Path) -> None:
    """`run/` of the workspace, without the token that version 0.1.0 kept there."""
    run = workspace / "run"
    # What needs the folder says so itself: a workspace on a full or read-only disk is served for reading.
    with suppress(OSError):
        run.mkdir(mode=0o700, exist_ok=True)
    with suppress(OSError):
        (run / TOKEN_FILE).unlink()


@contextmanager
def announced(workspace: Path, presence: Presence, address: ServerAddress) -> Iterator[None]:
    """Tell this address to clients on this machine while the block runs, in both places. Raises ServerStartFailed.

    The one in the workspace may be absent: its disk may be full or read-only.
    """
    _announce(workspace, presence, address)
    crashpoint("address.written")
    try:
        yield
    finally:
        with suppress(OSError):
            (workspace / "run" / ADDRESS_FILE).unlink()
        if presence.folder is not None:
            presence.folder.remove(ADDRESS_FILE)
        crashpoint("address.removed")


async def stay_announced(workspace: Path, presence: Presence, address: ServerAddress) -> None:
    """Tell it again in a new folder when the private folder was removed, for as long as this is not cancelled.

    systemd removes XDG_RUNTIME_DIR when its user has logged out, and a server in the background goes on. The Unix
    socket is lost then; commands use TCP.
    """
    while presence.folder is not None:
        await asyncio.sleep(LOOK_SECONDS)
        if presence.folder.is_gone:
            with suppress(ServerStartFailed):
                await asyncio.to_thread(_tell_again, workspace, presence, address)


def _tell_again(workspace: Path, presence: Presence, address: ServerAddress) -> None:
    folder = take_server_folder(workspace)
    if folder is None:
        return
    old, presence.folder = presence.folder, folder
    if old is not None:
        old.close()
    _write_secrets(presence, folder)
    _announce(workspace, presence, address)
    _log.warning("the folder with the server's token was removed; there is a new one, %s", folder.path)


def _announce(workspace: Path, presence: Presence, address: ServerAddress) -> None:
    folder, path = presence.folder, workspace / "run" / ADDRESS_FILE
    address = address.model_copy(update={"private_folder": None if folder is None else str(folder.path)})
    text = json.dumps(address.model_dump(exclude_none=True), indent=2) + "\n"
    try:
        Disk().replace(path, text.encode(), durable=False)
    except OSError as error:
        _log.warning("%s was not written: %s", path, in_words(error))
    # Last, because this is the one that commands believe.
    if folder is not None:
        with _needed(folder.path / ADDRESS_FILE):
            folder.write(ADDRESS_FILE, text)


@contextmanager
def _needed(path: Path) -> Iterator[None]:
    """Without this file no client would find the server, or get in."""
    try:
        yield
    except OSError as error:
        raise ServerStartFailed(f"{path} cannot be written: {in_words(error)}") from error


# --- folders of servers ---------------------------------------------------------------------------------------------


def _take(place: Path, key: str, lock_seconds: float) -> ServerFolder:
    deadline = time.monotonic() + lock_seconds
    with opened(place) as base:
        while time.monotonic() < deadline:
            with suppress(FileExistsError):
                os.mkdir(key, 0o700, dir_fd=base)
            descriptor = _locked(key, base)
            if descriptor is not None:
                _empty(descriptor)
                return ServerFolder(place / key, descriptor)
            # A start of another server looks whether this folder's server is gone: it lets go at once.
            time.sleep(_LOCK_POLL_SECONDS)
    raise ServerStartFailed(f"another server for this workspace holds {place / key}")


def _take_writable(place: Path, key: str, lock_seconds: float) -> ServerFolder:
    """As `_take`. Raises OSError where there is no room for a small file."""
    folder = _take(place, key, lock_seconds)
    try:
        folder.write(TOKEN_FILE, "-" * 4096)
        folder.remove(TOKEN_FILE)
    except OSError:
        folder.close()
        raise
    return folder


def _sweep(place: Path, but: ServerFolder | None) -> None:
    """Remove the folders of servers that are gone: nothing holds their lock.

    A place that others can reach is left alone: it is not ours, and any user can make one in /dev/shm.
    """
    with suppress(OSError, UnsafePrivateFolder), opened(place) as base:
        for key in os.listdir(base):
            if _KEY.fullmatch(key) is None or (but is not None and but.path == place / key):
                continue
            with suppress(OSError, UnsafePrivateFolder):
                descriptor = _locked(key, base)
                if descriptor is not None:
                    _remove(place / key, descriptor)
                    os.close(descriptor)


def _locked(key: str, base: int) -> int | None:
    """A descriptor of the folder that has this name, locked; None when another process holds it or took it away."""
    try:
        descriptor = open_folder(key, base)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(key, dir_fd=base, follow_symlinks=False)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(descriptor)
    return None


def _empty(descriptor: int) -> None:
    for name in os.listdir(descriptor):
        os.unlink(name, dir_fd=descriptor)


def _remove(path: Path, descriptor: int) -> None:
    with suppress(OSError):
        _empty(descriptor)
        os.rmdir(path)
