"""How a server proves that this user started it, before a client shows it anything secret.

A server writes a fresh random key to its user's private folder. A client sends a nonce to `/readyz?challenge=…`; the
answer carries an HMAC of it. The proof also covers the workspace and the address that the client asked, so that what
one server answers is no proof at another address. The key is never sent, and it is not the token: a configured token
may be a word that could be guessed from its HMAC (RFC 2104).
"""

import hashlib
import hmac
import secrets

NONCE_PATTERN = "^[0-9a-f]{64}$"
UNIX_SOCKET = "unix"
"""The address of a proof that is given over the socket in the private folder."""

_PURPOSE = "duragent server proof 1"


def new_key() -> str:
    """32 random bytes in hexadecimal, for one start of a server."""
    return secrets.token_hex(32)


def new_nonce() -> str:
    return secrets.token_hex(32)


def proof(key: str, nonce: str, workspace_hash: str, address: str) -> str:
    """HMAC-SHA256 in hexadecimal. `address`: `127.0.0.1:8080` as the socket has it, or UNIX_SOCKET."""
    text = "\n".join((_PURPOSE, nonce, workspace_hash, address))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def proves(shown: str | None, key: str, nonce: str, workspace_hash: str, address: str) -> bool:
    """Whether `shown` is that proof, compared in constant time."""
    expected = proof(key, nonce, workspace_hash, address)
    return hmac.compare_digest((shown or "").encode(), expected.encode())
