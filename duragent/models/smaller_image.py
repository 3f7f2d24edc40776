"""Images as large as a provider takes them. What is too large is made smaller with Pillow, where that is installed."""

import functools
import hashlib
import importlib.util
import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duragent.errors import BadModelRequest
from duragent.file_types import size_in_words
from duragent.kept_texts import keeps_texts
from duragent.models.file_limits import FileLimits
from duragent.models.messages import AttachedFile

if TYPE_CHECKING:
    from PIL import Image

MOST_PIXELS = 80_000_000
"""Of an image that is decoded here: each takes four bytes of memory."""

_QUALITY = 85
_REMEMBERED = 8
"""How many images that were made smaller are kept: the next question shows them again."""


@dataclass(frozen=True, slots=True)
class FittedImage:
    """An image that a provider takes."""

    file: AttachedFile
    """What a request says of it."""
    content: bytes
    """Its bytes."""


def fitted_image(file: AttachedFile, content: bytes, limits: FileLimits) -> FittedImage:
    """The image, made smaller if it has to be. Blocks. Raises BadModelRequest with a sentence that says what helps."""
    side = max(image_size(content), default=0)
    if len(content) <= limits.image_bytes and side <= limits.image_side:
        return FittedImage(file, content)
    what = f"{size_in_words(len(content))}" + (f" and {side:,} pixels" if side > limits.image_side else "")
    most = f"the model takes at most {size_in_words(limits.image_bytes)} and {limits.image_side:,} pixels"
    problem = f"the image {file.name} is too large: it has {what}, and {most}"
    if importlib.util.find_spec("PIL") is None:
        raise BadModelRequest(f"{problem}; send a smaller one, or `pip install 'duragent[images]'` on the server")
    smaller = _smaller(content, limits.image_bytes, limits.image_side)
    if smaller is None:
        raise BadModelRequest(f"{problem}; it could not be made smaller, send another one")
    sha256 = hashlib.sha256(smaller).hexdigest()
    changed = {"sha256": sha256, "media_type": "image/jpeg", "size_bytes": len(smaller)}
    return FittedImage(file.model_copy(update=changed), smaller)


@keeps_texts
@functools.lru_cache(maxsize=_REMEMBERED)
def _smaller(content: bytes, most_bytes: int, most_side: int) -> bytes | None:
    """A JPEG of the image within the limits; None when Pillow cannot read it, or it is absurdly large."""
    # Only imported when an image is too large.
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return None
            opened.draft("RGB", (most_side, most_side))
            image = _on_white(ImageOps.exif_transpose(opened))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    side = min(most_side, max(image.size))
    while side >= 64:
        image.thumbnail((side, side))
        written = io.BytesIO()
        image.save(written, "JPEG", quality=_QUALITY)
        if written.tell() <= most_bytes:
            return written.getvalue()
        side = side * 3 // 4
    return None


def _on_white(image: "Image.Image") -> "Image.Image":
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        image = white
    return image.convert("RGB")


# --- the size of an image, from its first bytes ---------------------------------------------------------------------


def image_size(content: bytes) -> tuple[int, ...]:
    """(width, height) in pixels, () where the bytes do not say it."""
    try:
        if content.startswith(b"\x89PNG"):
            return struct.unpack(">II", content[16:24])
        if content.startswith(b"GIF8"):
            return struct.unpack("<HH", content[6:10])
        if content[8:12] == b"WEBP":
            return _webp_size(content)
        if content.startswith(b"\xff\xd8"):
            return _jpeg_size(content)
    except struct.error:
        pass
    return ()


def _webp_size(content: bytes) -> tuple[int, ...]:
    match content[12:16]:
        case b"VP8 ":
            return tuple(side & 0x3FFF for side in struct.unpack("<HH", content[26:30]))
        case b"VP8L":
            (bits,) = struct.unpack("<I", content[21:25])
            return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            return tuple(int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    return ()


def _jpeg_size(content: bytes) -> tuple[int, ...]:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        kind = content[at + 1]
        if kind == 0xFF:
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return struct.unpack(">HH", content[at + 5 : at + 9])[::-1]
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return ()
