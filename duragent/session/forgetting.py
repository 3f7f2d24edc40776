"""Removing texts of a session's log: the record that says so first, then the blobs.

The law of this file: each step may be repeated, so that the same request finishes what a crash has cut short.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from duragent.crashpoint import crashpoint
from duragent.errors import InvalidRequest
from duragent.journal.forgotten import moved_out_in
from duragent.journal.inputs import Forget
from duragent.kept_texts import drop_kept_texts
from duragent.session.log_reader import LogReader
from duragent.stores.base import BlobStore, Claim

if TYPE_CHECKING:
    from duragent.session.session import Receipt


async def forget(
    log: LogReader, claim: Claim, store: BlobStore, posted: Forget, admitted: "Callable[[Forget], Awaitable[Receipt]]"
) -> "Receipt":
    """Durable on return, and the texts are gone. Raises InvalidRequest for what is no text in a blob of its record."""
    if not posted.fields:
        raise InvalidRequest("no text is named that could be forgotten")
    for seq in dict.fromkeys(each.seq for each in posted.fields):
        there = moved_out_in(await log.lines(seq - 1, 1)) if seq > 0 else []
        for each in posted.fields:
            if each.seq == seq and each not in there:
                raise InvalidRequest(f"record {seq} has no text `{each.field}` in the blob {each.sha256}")
    known = await log.forgotten()
    new = tuple(each for each in posted.fields if each.sha256 not in known)
    receipt = await admitted(posted.model_copy(update={"fields": new}))
    crashpoint("text.forgotten")
    for name in dict.fromkeys(each.sha256 for each in posted.fields):
        await store.drop_blob(claim, name)
    drop_kept_texts()
    return receipt
