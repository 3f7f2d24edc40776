"""How many tokens something is: an estimate from its bytes, corrected by what the provider reports.

Measured against OpenAI's cl100k on code, prose, JSON, German, Russian, Chinese, Japanese and Korean, the estimate lies
between 0.77 and 1.13 of the truth, where bytes / 4 lies between 0.59 and 1.02. Of logs full of numbers it sees two
thirds. It reads 400 MB a second.
"""

import math
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from duragent.file_types import PDF
from duragent.journal.events import Event, MessageReceived, ModelCalled, ModelReplied, ToolFinished
from duragent.journal.record import Record
from duragent.kept_texts import keeps_texts
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest, ToolSchema

MESSAGE_OVERHEAD_TOKENS = 4
CALL_OVERHEAD_TOKENS = 8
"""For the id of a call, which stands at the call and at its result."""

IMAGE_TOKENS = 1_600
"""The most that the larger providers count for an image; small ones, and some providers, cost less."""

_PDF_TOKENS, _BYTES_PER_PDF_TOKEN = 2_000, 30
"""At least, and for larger ones: a page has some 50 KB and costs up to 3,000 tokens, as text and as an image."""

LEAST_RATIO, MOST_RATIO = 0.5, 3.0
MEASURABLE_TOKENS = 500
"""Below this what a provider adds of its own weighs more than what we sent."""

_SHORT_CHARS = 1_000
"""Longer texts are counted each time, so that what is remembered stays small."""

_WORDS = (string.ascii_letters + " ").encode()
_DIGITS = string.digits.encode()
_ASCII = bytes(range(128))


def tokens(text: str) -> int:
    """An estimate: letters, digits, marks and everything outside ASCII each weigh differently per byte of UTF-8."""
    return _of_short(text) if len(text) <= _SHORT_CHARS else _counted(text)


@keeps_texts
@lru_cache(maxsize=4_096)
def _of_short(text: str) -> int:
    # A request counts the same messages several times, and most of them stood in the request before it.
    return _counted(text)


def _counted(text: str) -> int:
    encoded = text.encode("utf-8", "surrogatepass")
    rest = encoded.translate(None, _WORDS)
    not_digits = rest.translate(None, _DIGITS)
    high = len(not_digits.translate(None, _ASCII))
    letters, digits, marks = len(encoded) - len(rest), len(rest) - len(not_digits), len(not_digits) - high
    return (22 * letters + 50 * digits + 45 * marks + 33 * high) // 100


def beginning(text: str, most_tokens: int) -> str:
    """As much of the text's beginning as is at most so many tokens."""
    return _part(text, most_tokens, at_end=False)


def ending(text: str, most_tokens: int) -> str:
    """As much of the text's end as is at most so many tokens."""
    return _part(text, most_tokens, at_end=True)


def _part(text: str, most_tokens: int, *, at_end: bool) -> str:
    # No token is longer than five bytes in the estimate, so that the rest of a huge text need not be read.
    low, high = 0, min(len(text), (max(most_tokens, 0) + 1) * 5)
    while low < high:
        middle = (low + high + 1) // 2
        part = text[-middle:] if at_end else text[:middle]
        low, high = (middle, high) if tokens(part) <= most_tokens else (low, middle - 1)
    return (text[-low:] if low else "") if at_end else text[:low]


def message_tokens(message: ChatMessage) -> int:
    """The message with its calls and files, what its provider wants back with it, and what stands around it."""
    if not (message.calls or message.opaque or message.attachments or message.role == "tool"):
        return tokens(message.content) + MESSAGE_OVERHEAD_TOKENS
    calls = sum(tokens(call.arguments) + tokens(call.name) + CALL_OVERHEAD_TOKENS for call in message.calls)
    identity = CALL_OVERHEAD_TOKENS if message.role == "tool" else 0
    opaque = sum(map(tokens, _texts_in(message.opaque.value))) if message.opaque else 0
    files = file_tokens(message.attachments)
    return tokens(message.content) + calls + opaque + files + identity + MESSAGE_OVERHEAD_TOKENS


def _texts_in(value: object) -> Iterator[str]:
    """The texts of a JSON value, without the names of its fields."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts_in(inner)


def file_tokens(files: Iterable[AttachedFile]) -> int:
    """What attachments cost: a guess, for providers count them in ways of their own."""
    return sum(
        max(_PDF_TOKENS, file.size_bytes // _BYTES_PER_PDF_TOKEN) if file.media_type == PDF else IMAGE_TOKENS
        for file in files
    )


def schema_tokens(tools: Iterable[ToolSchema]) -> int:
    """What the tools cost in every request."""
    return sum(tokens(tool.model_dump_json()) + MESSAGE_OVERHEAD_TOKENS for tool in tools)


def tail_tokens(tail: str) -> int:
    """What the tail of a request costs, which may become a message of its own."""
    return tokens(tail) + MESSAGE_OVERHEAD_TOKENS if tail else 0


def request_tokens(request: ModelRequest) -> int:
    """The estimate for a whole request, as `ModelCalled` keeps it."""
    return sum(map(message_tokens, request.messages)) + schema_tokens(request.tools) + tail_tokens(request.tail)


# --- calibration ----------------------------------------------------------------------------------------------------


def calibrated(ratio: float, estimated: int, reported: int) -> float:
    """The ratio of real tokens to estimated ones, after one more request: half old, half new, within bounds."""
    if estimated < MEASURABLE_TOKENS or reported <= 0:
        return ratio
    seen = min(max(reported / estimated, LEAST_RATIO), MOST_RATIO)
    return (ratio + seen) / 2


@dataclass(slots=True)
class RatioFold:
    """The ratio that records tell: each question's estimate against the input that its answer reports."""

    ratio: float = 1.0
    """Real tokens per estimated one."""
    estimated: int = 0
    """Of the question that has no answer yet."""
    guessed: bool = False
    """A file was sent."""

    def take(self, event: Event) -> None:
        """The next record's."""
        match event:
            case ModelCalled():
                # Logs of earlier versions do not tell the estimate.
                self.estimated = 0 if self.guessed else event.estimated_tokens
            case ModelReplied():
                self.ratio, self.estimated = calibrated(self.ratio, self.estimated, event.usage.input), 0
            case MessageReceived(attachments=(_, *_)) | ToolFinished(attachments=(_, *_)):
                # What a file costs is a guess, which must not change how text is counted.
                self.guessed = True
            case _:
                pass

    @property
    def rounded(self) -> float:
        """Up to twentieths, so that a small change does not move what of the history fits."""
        return math.ceil(self.ratio * 20 - 1e-9) / 20


def measured_ratio(records: Iterable[Record]) -> float:
    """What these records tell, rounded; 1.0 when nothing is known."""
    fold = RatioFold()
    for record in records:
        fold.take(record.event)
    return fold.rounded
