"""Images as large as a provider takes them."""

import importlib.util
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from duragent.errors import BadModelRequest
from duragent.models.file_limits import FileLimits
from duragent.models.messages import AttachedFile
from duragent.models.smaller_image import fitted_image, image_size
from tests.support.pictures import picture, png

LIMITS = FileLimits(image_bytes=40_000, image_side=300)


def file_of(content: bytes) -> AttachedFile:
    return AttachedFile(name="a.png", media_type="image/png", sha256="0" * 64, size_bytes=len(content))


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("GIF", "P"), ("JPEG", "RGB"), ("JPEG", "L"), ("WEBP", "RGB"), ("WEBP", "RGBA")]
)
def test_the_size_is_in_the_first_bytes(kind: str, mode: str) -> None:
    assert image_size(picture(70, 40, kind, mode)) == (70, 40)


def test_the_size_of_a_lossless_webp_is_read_too() -> None:
    written = io.BytesIO()
    Image.new("RGB", (70, 40)).save(written, "WEBP", lossless=True)
    assert image_size(written.getvalue()) == (70, 40)


@given(st.sampled_from([png(), picture(9, 9, "JPEG"), picture(9, 9, "WEBP"), picture(9, 9, "GIF")]), st.data())
def test_no_bytes_are_too_odd(content: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(content)))
    changed = bytearray(content[:cut])
    for _ in range(data.draw(st.integers(0, 3)) if changed else 0):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    assert len(image_size(bytes(changed))) in (0, 2)


def test_an_image_within_the_limits_stays_as_it_is() -> None:
    content = png(300, 20)
    fitted = fitted_image(file_of(content), content, LIMITS)
    assert (fitted.file, fitted.content) == (file_of(content), content)


@pytest.mark.parametrize(
    ("kind", "mode", "size"),
    [
        ("PNG", "RGB", (600, 200)),
        ("PNG", "RGBA", (200, 600)),
        ("PNG", "L", (301, 301)),
        ("GIF", "P", (400, 400)),
        ("JPEG", "RGB", (900, 900)),
        ("WEBP", "RGBA", (299, 299)),
        ("PNG", "RGB", (250, 250)),
    ],
)
def test_an_image_that_is_too_large_becomes_a_smaller_jpeg(kind: str, mode: str, size: tuple[int, int]) -> None:
    content = picture(*size, kind, mode)
    limits = FileLimits(image_bytes=min(40_000, len(content) - 1), image_side=300)
    fitted = fitted_image(file_of(content), content, limits)
    assert (fitted.file.name, fitted.file.media_type) == ("a.png", "image/jpeg")
    assert fitted.file.size_bytes == len(fitted.content) <= limits.image_bytes
    shown = Image.open(io.BytesIO(fitted.content))
    assert max(shown.size) <= 300
    assert abs(shown.width / shown.height - size[0] / size[1]) < 0.1
    again = fitted_image(file_of(content), content, limits)
    assert again == fitted, "the next request begins with the same bytes"


def test_what_is_turned_by_its_camera_is_turned() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    written = io.BytesIO()
    Image.new("RGB", (600, 200), "red").save(written, "JPEG", exif=turned)
    fitted = fitted_image(file_of(written.getvalue()), written.getvalue(), LIMITS)
    assert Image.open(io.BytesIO(fitted.content)).size == (100, 300)


def test_without_pillow_the_error_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    content = picture(400, 400, "PNG")
    with pytest.raises(BadModelRequest) as refused:
        fitted_image(file_of(content), content, LIMITS)
    assert "a.png is too large" in str(refused.value)
    assert "400 pixels" in str(refused.value)
    assert "pip install 'duragent[images]'" in str(refused.value)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + b"x" * 50_000, png(100, 30_000)[:-20] + b"x" * 40_000])
def test_what_cannot_be_read_is_refused(content: bytes) -> None:
    with pytest.raises(BadModelRequest, match="send another one"):
        fitted_image(file_of(content), content, LIMITS)


def test_an_absurdly_large_one_is_not_decoded() -> None:
    content = png(20_000, 20_000)
    with pytest.raises(BadModelRequest, match="20,000 pixels"):
        fitted_image(file_of(content), content, LIMITS)
