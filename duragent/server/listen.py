"""The sockets that the server listens on."""

import errno
import logging
import os
import socket
from pathlib import Path

from duragent.errors import ServerStartFailed
from duragent.server.settings import ServerSettings

BACKLOG = 1024
_log = logging.getLogger("duragent")


def listen_all(settings: ServerSettings, unix_path: Path | None) -> list[socket.socket]:
    """The TCP socket, and then the Unix socket where there can be one. Raises ServerStartFailed."""
    sockets = [listen(settings)]
    if unix_path is not None and (unix := listen_unix(unix_path)) is not None:
        sockets.append(unix)
    return sockets


def listen(settings: ServerSettings) -> socket.socket:
    """A listening TCP socket. A port that the configuration does not name may be another one when it is taken.

    Raises ServerStartFailed.
    """
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            listener.bind((host, settings.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or "port" in settings.model_fields_set:
                raise
            _log.info("port %d, the default, is taken by another program: taking any free one", settings.port)
            listener.bind((host, 0))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        hint = ""
        if error.errno == errno.EADDRINUSE:
            hint = " (another program listens there: choose another `server.port`, or --port 0)"
        raise ServerStartFailed(f"cannot listen on {host}:{settings.port}: {error.strerror}{hint}") from error
    return listener


def listen_unix(path: Path) -> socket.socket | None:
    """A listening Unix socket with mode 0600; None where it cannot be, and then there is TCP alone."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # On Linux the file is made with the mode of the descriptor, so that it never has another one.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(path))
        os.chmod(path, 0o600)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        _log.warning("no Unix socket at %s, commands use TCP: %s", path, error)
        return None
    return listener
