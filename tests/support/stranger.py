"""A program of another user, that listens where a server was and tries to get its token.

    stranger.py PORT RECORD_FILE TRICK [ARGUMENT]

It binds before it becomes the user `nobody`, prints a line when it listens, and writes every byte that it
receives to the file. Only the standard library: it is run by path.
"""

import encodings.idna
import json
import os
import re
import socket
import sys
import urllib.request

NOBODY = 65534
_NEEDED_LATER = encodings.idna  # It may lie where `nobody` cannot read.
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_NONCE = re.compile(rb"challenge=([0-9a-f]+)")


def answer(trick: str, argument: str, asked: bytes) -> bytes:
    """`hash`: the right hash. `replay`: with a proof from before. `redirect`: elsewhere. `relay`: what it says."""
    nonce = _NONCE.search(asked)
    if trick == "redirect":
        return b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + argument.encode() + b"\r\nContent-Length: 0\r\n\r\n"
    if trick == "relay" and nonce:
        url = f"{argument}/readyz?challenge={nonce[1].decode()}"
        body: bytes = _NO_PROXY.open(url, timeout=10).read()
    else:
        workspace_hash, _, proof = argument.partition(":")
        body = json.dumps({"status": "ok", "workspace_hash": workspace_hash, "proof": proof or None}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % len(body) + body


def main(port: str, record: str, trick: str, argument: str = "") -> None:
    with open(record, "ab", buffering=0) as received, socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(port)))
        listener.listen()
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        os.write(1, b"%d\n" % listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(1 << 16)
                received.write(asked)
                connection.sendall(answer(trick, argument, asked))


if __name__ == "__main__":
    main(*sys.argv[1:])
