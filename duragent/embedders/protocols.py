"""The two protocols in which vectors are asked for over HTTP: OpenAI's `/v1/embeddings`, and Ollama's own. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from duragent.embedders.base import EmbeddedAs, EmbedderChoice

_PREFIXES = {
    "nomic-embed-text": ("search_document: ", "search_query: "),
    "mxbai-embed-large": ("", "Represent this sentence for searching relevant passages: "),
    "snowflake-arctic-embed": ("", "Represent this sentence for searching relevant passages: "),
}
"""What open models want in front of a note and of a query, as their makers say; no server adds it by itself."""


def prefixed(model: str, texts: Sequence[str], kind: EmbeddedAs) -> list[str]:
    """The texts as this model wants them."""
    name = model.rpartition("/")[2].partition(":")[0]
    for family, (of_note, of_query) in _PREFIXES.items():
        if family in name:
            return [(of_note if kind == "note" else of_query) + text for text in texts]
    return [*texts]


@dataclass(frozen=True, slots=True)
class EmbeddingAnswer:
    """What came back, not checked yet."""

    vectors: object
    """A list of lists of numbers, in the order of the texts, if all is well."""


class EmbeddingProtocol(Protocol):
    """One protocol."""

    path: str
    """Behind the address of the API."""

    def body(self, choice: EmbedderChoice, texts: Sequence[str]) -> dict[str, Any]:
        """The request as JSON."""
        ...

    def read(self, body: bytes) -> EmbeddingAnswer:
        """Raises ValueError for what is no answer."""
        ...


class OpenAiEmbeddings:
    """OpenAI's, and that of all servers that speak like it."""

    path = "/embeddings"

    def body(self, choice: EmbedderChoice, texts: Sequence[str]) -> dict[str, Any]:
        optional = {"dimensions": choice.dimensions} if choice.dimensions else {}
        return {"model": choice.name, "input": [*texts], "encoding_format": "float", **optional}

    def read(self, body: bytes) -> EmbeddingAnswer:
        data = _object(body).get("data")
        if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
            raise ValueError("no list `data`")
        places = [each.get("index", at) for at, each in enumerate(data)]
        if sorted(places, key=str) != sorted(range(len(data)), key=str):
            raise ValueError("indexes that are not those of the texts")
        ordered = sorted(zip(places, data, strict=True), key=lambda pair: int(pair[0]))
        return EmbeddingAnswer([each.get("embedding") for _, each in ordered])


class OllamaEmbeddings:
    """Ollama's `/api/embed`."""

    path = "/api/embed"

    def body(self, choice: EmbedderChoice, texts: Sequence[str]) -> dict[str, Any]:
        optional = {"dimensions": choice.dimensions} if choice.dimensions else {}
        # By itself Ollama cuts a text that is too long, and says nothing.
        return {"model": choice.name, "input": [*texts], "truncate": False, **optional}

    def read(self, body: bytes) -> EmbeddingAnswer:
        return EmbeddingAnswer(_object(body).get("embeddings"))


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found
