"""Images for tests: real ones, as small as they get."""

import io
import struct
import zlib

from PIL import Image


def png(width: int = 1, height: int = 1, colour: int = 200) -> bytes:
    """A grey PNG, made without Pillow."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\x00" + bytes([colour]) * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def picture(width: int, height: int, kind: str, mode: str = "RGB") -> bytes:
    """An image of any kind that Pillow writes."""
    written = io.BytesIO()
    Image.effect_noise((width, height), 80).convert(mode).save(written, kind)
    return written.getvalue()
