"""How answers look on the wire: JSON from the shapes of `wire/`."""

import json
from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response


def to_json(value: object) -> bytes:
    # ASCII only: lone surrogates, which people and models do send, stay what they are as escapes.
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def answer(shape: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(shape.model_dump()), status, headers, media_type="application/json")


def text(content: str, status: int = 200) -> Response:
    return Response(content, status, media_type="text/plain")


def replayed(duplicate: bool) -> dict[str, str]:
    """The header that tells a client that its Idempotency-Key was known."""
    return {"Idempotency-Replayed": "true"} if duplicate else {}
