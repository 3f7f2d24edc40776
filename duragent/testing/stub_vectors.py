"""What the stub answers where vectors are asked for: OpenAI's `/v1/embeddings` and Ollama's `/api/embed`. Pure.

A vector is made of the words of its text, so that texts with the same words are near each other, on every machine.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

DIMENSIONS = 64
_WORD = re.compile(r"\w+")
_OPENAI, _OLLAMA = "/embeddings", "/api/embed"


@dataclass(frozen=True)
class VectorAnswer:
    """An answer with vectors, perhaps with a fault in it."""

    dimensions: int | None = None
    """How long they are; None: as asked, else 64."""
    fault: Literal["", "nan", "inf", "text", "missing", "other_length", "order", "no_json"] = ""
    """A number that is none, one vector less, one of another length, all of them backwards, or no JSON."""
    cut: bool = False
    """The connection ends in the middle of the body."""
    delay_seconds: float = 0.0
    """How long to wait before the answer."""


def speaks_vectors(path: str) -> bool:
    """Whether vectors are asked for at this path."""
    return path.endswith((_OPENAI, _OLLAMA))


def vector_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """The words of the text, counted in as many places, at length 1."""
    counts = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        counts[int.from_bytes(digest[:4], "big") % dimensions] += 1 if digest[4] % 2 else -1
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return [round(count / length, 6) for count in counts]


def wrong_with(path: str, body: Mapping[str, Any]) -> str | None:
    """What a real provider holds against the request; None for nothing."""
    texts = body.get("input")
    if not isinstance(body.get("model"), str):
        return "you must provide a model parameter"
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        return "'input' must be a list of texts, none of them empty"
    if path.endswith(_OLLAMA) and body.get("truncate") is not False:
        return "the stub wants `truncate: false`: a text must not be cut in silence"
    return None


def answer_with_vectors(path: str, body: Mapping[str, Any], answer: VectorAnswer) -> bytes:
    """The body of the answer."""
    if answer.fault == "no_json":
        return b"<html>bad gateway</html>"
    texts = body["input"]
    vectors: list[list[Any]] = [vector_of(text, answer.dimensions or body.get("dimensions") or 64) for text in texts]
    if answer.fault in ("nan", "inf", "text"):
        vectors[-1][-1] = {"nan": math.nan, "inf": math.inf, "text": "0.5"}[answer.fault]
    if answer.fault == "missing":
        vectors.pop()
    if answer.fault == "other_length":
        vectors[-1] = vectors[-1][1:]
    return json.dumps(_spelled(path, body["model"], vectors, backwards=answer.fault == "order")).encode()


def _spelled(path: str, model: str, vectors: list[list[Any]], *, backwards: bool) -> dict[str, Any]:
    if path.endswith(_OLLAMA):
        return {"model": model, "embeddings": vectors, "total_duration": 1, "prompt_eval_count": len(vectors)}
    data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
    usage = {"prompt_tokens": len(vectors), "total_tokens": len(vectors)}
    return {"object": "list", "data": data[::-1] if backwards else data, "model": model, "usage": usage}
