"""Files inside a request, as every stub provider looks at them."""

import base64
from typing import Any

from duragent.testing.refusals import refuse_if

_IMAGES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}


def check_base64(data: Any, where: str) -> bytes:
    """The bytes."""
    try:
        return base64.b64decode(data, validate=True)
    except (ValueError, TypeError):
        refuse_if(True, f"{where}: Invalid base64 data")
        raise


def check_image(media_type: Any, data: Any, where: str) -> None:
    refuse_if(media_type not in _IMAGES, f"{where}.media_type: Input should be one of {', '.join(_IMAGES)}")
    fits = check_base64(data, where).startswith(_IMAGES[media_type])
    refuse_if(not fits, f"{where}: Image does not match the provided media type {media_type}")


def check_some_image(data: Any, where: str) -> None:
    """For a protocol that does not say which type it is."""
    begun = check_base64(data, where)
    refuse_if(not begun.startswith(tuple(_IMAGES.values())), f"{where}: Failed to load image or audio file")


def check_data_url(url: Any, where: str) -> None:
    """An image within an address, as OpenAI has it."""
    named, _, data = str(url).removeprefix("data:").partition(";base64,")
    refuse_if(not str(url).startswith("data:") or not data, f"{where}: Expected a base64-encoded data URL")
    if named == "application/pdf":
        refuse_if(not check_base64(data, where).startswith(b"%PDF-"), f"{where}: The PDF is not valid.")
    else:
        check_image(named, data, where)
