"""What the stub provider signs, and how it knows its signature again: as the real ones, without remembering anything.

A signature is of one text by one model. A text that was changed, or goes to another model, does not fit it.
"""

import base64
import hashlib
import json
from typing import Any


def signature(model: str, text: str) -> str:
    """The model's signature below this text."""
    return base64.b64encode(hashlib.sha256(f"{model}\0{text}".encode("utf-8", "surrogatepass")).digest()).decode()


def sealed(model: str, text: str) -> str:
    """The text so that only the model can read it."""
    return base64.b64encode(json.dumps([text, signature(model, text)]).encode()).decode()


def is_sealed_by(model: str, data: Any) -> bool:
    """Whether this is something that the model sealed, unchanged."""
    try:
        text, signed = json.loads(base64.b64decode(data, validate=True))
    except (ValueError, TypeError):
        return False
    return isinstance(text, str) and bool(signed == signature(model, text))


def needs_thought_signatures(model: str) -> bool:
    """Whether the model refuses calls of its own that come back without the signature that it gave them."""
    return "gemini-3" in model
