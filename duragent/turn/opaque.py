"""What providers want back with their answers, word for word: from a reply into the log, and into later requests.

The law of this file: it reads none of it. What cannot be stored and sent again as it is is left out.
"""

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Any

from duragent.errors import Damaged
from duragent.journal.events import KeptOpaque, ModelReplied
from duragent.journal.record import Record
from duragent.models.messages import OpaquePart
from duragent.models.strict_json import is_flat

IN_LINE_BYTES = 16 << 10
"""What is longer goes into a blob."""

MAX_BYTES = 8 << 20
"""What is longer is not kept, nor what is nested too deeply: then the provider is asked as if it had never been."""


async def kept_opaque(part: OpaquePart | None, put: Callable[[bytes], Awaitable[str]]) -> KeptOpaque | None:
    """What a reply brought, as the log keeps it. `put` stores a blob, durable on return, and says its SHA-256."""
    written = _as_json(part.value) if part else None
    if part is None or written is None or len(written) > MAX_BYTES:
        return None
    if len(written) <= IN_LINE_BYTES:
        return KeptOpaque(adapter=part.adapter, model=part.model, value=part.value)
    return KeptOpaque(adapter=part.adapter, model=part.model, sha256=await put(written))


async def with_opaque(records: Iterable[Record], model: str, blob: Callable[[str], Awaitable[bytes]]) -> list[Record]:
    """The records with all that this model (`provider/name`) wants back in place, and without what others would."""
    return [await _with_opaque(record, model, blob) if _has_opaque(record) else record for record in records]


def _has_opaque(record: Record) -> bool:
    return isinstance(record.event, ModelReplied) and record.event.opaque is not None


async def _with_opaque(record: Record, model: str, blob: Callable[[str], Awaitable[bytes]]) -> Record:
    event = record.event
    if not isinstance(event, ModelReplied) or event.opaque is None:
        return record
    value = await _value(event.opaque, blob) if event.opaque.model == model else None
    if value is not None and value is event.opaque.value:
        return record
    opaque = event.opaque.model_copy(update={"value": value}) if value is not None else None
    return replace(record, event=event.model_copy(update={"opaque": opaque}))


async def _value(opaque: KeptOpaque, blob: Callable[[str], Awaitable[bytes]]) -> Any:
    value = opaque.value
    if opaque.sha256:
        try:
            value = json.loads(await blob(opaque.sha256))
        except (Damaged, ValueError, RecursionError):
            # It can be asked without. `session verify` tells of a blob that is lost; a log from elsewhere may name any.
            return None
    return value if _as_json(value) is not None else None


def _as_json(value: Any) -> bytes | None:
    """Compact JSON; None for what is none, or is nested too deeply."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() if is_flat(value) else None
    except (ValueError, TypeError):
        return None
