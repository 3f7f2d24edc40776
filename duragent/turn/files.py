"""Files of messages and results, as the model that is asked gets them: as such, as text, or by their names.

The law of this file: it depends only on the records and on the model, so that the next request begins with the same
bytes. A request with files that the model refused is not made again: the files of a failed turn are named from then on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from duragent.context.stable_cut import roundest
from duragent.context.tokens import file_tokens
from duragent.context.transcript import attached_file
from duragent.errors import BadModelRequest, Damaged
from duragent.file_types import IMAGES, PDF, TEXT, text_of
from duragent.journal.events import Attachment, MessageReceived, ModelCalled, ToolFinished, TurnEnded
from duragent.journal.record import Record
from duragent.models.base import ModelChoice
from duragent.models.file_limits import FileLimits, TakenFiles, taken_files
from duragent.models.messages import AttachedFile, ModelRequest
from duragent.models.shown_files import attached, inlined, named
from duragent.models.smaller_image import fitted_image

INLINE_BYTES = 64 << 10
"""A longer text is only named. In a small window it is less: an eighth of it."""

MESSAGE_BYTES = 2 * INLINE_BYTES
"""Of all texts of one message."""

IMAGE_SHARE_TOKENS = 4 * 1_600
"""An image may cost 1,600 tokens, and all of them take at most a quarter of the window."""

GetBlob = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class FileReader:
    """The model that is to read files."""

    model: ModelChoice
    """The model."""
    window_tokens: int
    """What it can read at once."""
    can_read: bool
    """Whether it has read_file."""
    trigger: int
    """The message that the running turn is for; after the last record between turns."""
    taken: TakenFiles | None = None
    """What the model takes, where that is known already; None: it is looked up when there are files."""


@dataclass(slots=True)
class ShownFiles:
    """Records as the model is to see them, and the bytes of the files that it gets as such."""

    asked: FileReader
    blob: GetBlob
    """Gives the bytes of a file."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """The bytes of the files that stayed attachments, by their SHA-256."""
    _taken: TakenFiles | None = None
    _kept: set[tuple[int, int]] = field(default_factory=set)
    """Which files of which records the model gets as such."""

    async def of(self, records: Sequence[Record]) -> list[Record]:
        """The records with all files in their texts but those that the model gets. Raises BadModelRequest."""
        if not any(_files(record) for record in records):
            return list(records)
        self._taken = self.asked.taken or await asyncio.to_thread(taken_files, self.asked.model)
        self._kept = self._chosen(records)
        return [await self._shown(record) if _files(record) else record for record in records]

    @property
    def taken(self) -> TakenFiles | None:
        """What the model takes; None while there was no file to ask for."""
        return self._taken

    def with_contents(self, request: ModelRequest) -> ModelRequest:
        """The request with the bytes of its files."""
        wanted = {file.sha256 for message in request.messages for file in message.attachments}
        found = {sha256: self.contents[sha256] for sha256 in wanted}
        return request.model_copy(update={"files": found}) if found else request

    # --- which files ------------------------------------------------------------------------------------------------

    def _chosen(self, records: Sequence[Record]) -> set[tuple[int, int]]:
        """The newest files that the model takes, as many as there is room for."""
        refused = refused_up_to(records, self.asked.model.label)
        fit = [
            (record.seq, at, file.size_bytes)
            for record in records
            if record.seq > refused
            for at, file in enumerate(_files(record))
            if self._takes(file)
        ]
        limits = self._limits
        most = max(min(limits.images, self.asked.window_tokens // IMAGE_SHARE_TOKENS), 1)
        start = _start([size for *_, size in fit], [seq for seq, *_ in fit], most, limits)
        return {(seq, at) for seq, at, _ in fit[start:]}

    @property
    def _limits(self) -> FileLimits:
        assert self._taken is not None
        return self._taken.limits

    def _takes(self, file: Attachment) -> bool:
        assert self._taken is not None
        if file.media_type in IMAGES:
            # Of a model that nothing is known of, its provider decides.
            return self._taken.images is not False
        return file.media_type == PDF and self._taken.pdfs and self._is_short(file)

    def _is_short(self, file: Attachment) -> bool:
        """Whether a PDF may fit into a request."""
        cost = file_tokens((attached_file(file),))
        return file.size_bytes <= self._limits.total_bytes and cost <= self.asked.window_tokens // 2

    # --- one record -------------------------------------------------------------------------------------------------

    async def _shown(self, record: Record) -> Record:
        event, texts, kept = record.event, [], []
        room = min(MESSAGE_BYTES, 2 * self._inline_bytes)
        for at, file in enumerate(_files(record)):
            words, given = await self._one(record, at, file, room)
            room -= len(words.encode("utf-8", "surrogatepass")) if file.media_type == TEXT else 0
            texts.append(words)
            kept += [given] if given else []
        if isinstance(event, MessageReceived):
            said = "\n\n".join(part for part in (event.text, *texts) if part.strip())
            return replace(record, event=event.model_copy(update={"text": said, "attachments": tuple(kept)}))
        assert isinstance(event, ToolFinished)
        said = "\n\n".join(part for part in (event.content, *texts) if part.strip())
        return replace(record, event=event.model_copy(update={"content": said, "attachments": tuple(kept)}))

    async def _one(self, record: Record, at: int, file: Attachment, room: int) -> tuple[str, Attachment | None]:
        """The words for a file, and what stays attached of it."""
        shape = attached_file(file)
        if file.media_type == TEXT:
            if file.size_bytes > min(self._inline_bytes, room):
                return named(shape, "too long to be shown here", can_open=self.asked.can_read), None
            content = await self._content(file)
            text = None if content is None else text_of(content)
            return (named(shape, _LOST) if text is None else inlined(shape, text)), None
        if (record.seq, at) not in self._kept:
            takes = self._takes(file)
            return named(shape, _EARLIER if takes else _BLIND, can_open=takes and self.asked.can_read), None
        content = await self._content(file)
        if content is None:
            return named(shape, _LOST), None
        return await self._given(record, shape, content)

    async def _given(self, record: Record, file: AttachedFile, content: bytes) -> tuple[str, Attachment | None]:
        if file.media_type in IMAGES:
            try:
                fitted = await asyncio.to_thread(partial(fitted_image, file, content, self._limits))
            except BadModelRequest:
                if isinstance(record.event, MessageReceived) and record.seq >= self.asked.trigger:
                    raise
                return named(file, "too large to be shown"), None
            file, content = fitted.file, fitted.content
        self.contents[file.sha256] = content
        return attached(file), Attachment.model_validate(file.model_dump())

    async def _content(self, file: Attachment) -> bytes | None:
        """The bytes of a file; None when they are lost, which `session verify` tells."""
        try:
            return await self.blob(file.sha256)
        except Damaged:
            return None

    @property
    def _inline_bytes(self) -> int:
        # About three bytes are a token.
        return min(INLINE_BYTES, self.asked.window_tokens * 3 // 8)


_LOST = "whose content is lost"
_BLIND = "whose content this model does not get"
_EARLIER = "which was shown before and is left out now"


def _files(record: Record) -> tuple[Attachment, ...]:
    event = record.event
    return event.attachments if isinstance(event, MessageReceived | ToolFinished) else ()


def _start(sizes: Sequence[int], seqs: Sequence[int], most: int, limits: FileLimits) -> int:
    """From which file on they are shown: a place that stays where it is while a few more come."""
    low, total = len(sizes), 0
    while low and len(sizes) - low < most and total + min(sizes[low - 1], limits.image_bytes) <= limits.total_bytes:
        low -= 1
        total += min(sizes[low], limits.image_bytes)
    if low == 0:
        return 0
    # All files of the newest record are shown, as far as there is room for them.
    high = min(low + most // 2, next((at for at, seq in enumerate(seqs) if seq == seqs[-1]), low))
    return roundest(seqs, low, high) if low < high < len(seqs) else low


def refused_up_to(records: Iterable[Record], model: str) -> int:
    """The last record that a request of this model took into account which its provider refused; 0 for none.

    A turn that ends so before its model was asked, for a file that is too large, counts for every model.
    """
    refused = asked = 0
    asked_model = ""
    for record in records:
        match record.event:
            case ModelCalled() as called:
                asked, asked_model = called.input_seq, called.model
            case TurnEnded(outcome="failed", code=BadModelRequest.code):
                refused = (asked or record.seq) if asked_model in ("", model) else refused
                asked, asked_model = 0, ""
            case TurnEnded():
                asked, asked_model = 0, ""
            case _:
                pass
    return refused
