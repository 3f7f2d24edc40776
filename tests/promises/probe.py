"""What a command of an agent can do to the servers of its user. It is run by path, inside a sandbox.

probe.py FILE     FILE: JSON with `urls`, `paths`, `sockets`, `posts` to try. Prints JSON: what came of each.
"""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(url: str, body: object = None) -> int | str:
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with _NO_PROXY.open(request, timeout=10) as response:
            status: int = response.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return "unreachable"


def read(path: str) -> str:
    try:
        return " ".join(os.listdir(path)) if os.path.isdir(path) else Path(path).read_text(errors="replace")
    except OSError:
        return ""


def connect(path: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            return "connected"
    except OSError:
        return ""


if __name__ == "__main__":
    wanted = json.loads(Path(sys.argv[1]).read_text())
    done = {
        "urls": [ask(url) for url in wanted["urls"]],
        "posts": [ask(url, body) for url, body in wanted["posts"]],
        "paths": [read(path) for path in wanted["paths"]],
        "sockets": [connect(path) for path in wanted["sockets"]],
    }
    print("RESULT " + json.dumps(done))  # noqa: T201 - it is what the command prints
