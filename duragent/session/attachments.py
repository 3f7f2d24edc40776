"""Files of messages: kept as blobs before the message, and looked at again when a message refers to them."""

import asyncio
import hashlib
from typing import Protocol

from duragent.crashpoint import crashpoint
from duragent.errors import Damaged, DuragentError, InvalidRequest, SessionIsClosed, Stopping
from duragent.file_types import ATTACHMENT_MAX_BYTES, MAX_ATTACHMENTS, file_name, media_type_of
from duragent.journal.events import Attachment
from duragent.journal.inputs import Message
from duragent.journal.state import SessionState
from duragent.stores.base import BlobStore, Claim


class Attachable(Protocol):
    """What is needed of the session."""

    @property
    def claim(self) -> Claim: ...
    @property
    def state(self) -> SessionState: ...
    @property
    def stopping(self) -> bool: ...
    @property
    def problem(self) -> DuragentError | None: ...


async def attach(session: Attachable, store: BlobStore, data: bytes, name: str) -> Attachment:
    """Keep a file that a message will refer to; durable on return. The same one may be kept any number of times.

    Raises the session's problem, SessionIsClosed, InvalidRequest, StoreFull, Stopping.
    """
    if session.stopping:
        raise Stopping
    if session.problem is not None:
        raise session.problem
    if session.state.closed:
        raise SessionIsClosed(session.state.session_id)
    if len(data) > ATTACHMENT_MAX_BYTES:
        raise InvalidRequest(f"an attachment may have at most {ATTACHMENT_MAX_BYTES:,} bytes")
    attachment = await asyncio.to_thread(_new, data, name)
    await store.put_blob(session.claim, attachment.sha256, data)
    crashpoint("attachment.stored")
    return attachment


async def with_found_files(claim: Claim, store: BlobStore, posted: Message) -> Message:
    """The message with the type and the size of each of its files as its bytes have them. Raises InvalidRequest."""
    if len(posted.attachments) > MAX_ATTACHMENTS:
        raise InvalidRequest(f"a message may have at most {MAX_ATTACHMENTS} attachments")
    found = tuple([await _found(claim, store, each) for each in posted.attachments])
    return posted.model_copy(update={"attachments": found})


async def _found(claim: Claim, store: BlobStore, wanted: Attachment) -> Attachment:
    try:
        data = await store.get_blob(claim, wanted.sha256)
    except Damaged:
        # Of a blob that nothing in the log refers to yet, this is no damage.
        problem = f"the session has no attachment with the SHA-256 {wanted.sha256}; upload it first"
        raise InvalidRequest(problem, [("attachments", problem)]) from None
    # The store has compared its bytes with its name.
    return await asyncio.to_thread(_described, data, wanted.name, wanted.sha256)


def _new(data: bytes, name: str) -> Attachment:
    return _described(data, name, hashlib.sha256(data).hexdigest())


def _described(data: bytes, name: str, sha256: str) -> Attachment:
    return Attachment(name=file_name(name), media_type=media_type_of(data), sha256=sha256, size_bytes=len(data))
