"""Paths of images that are pasted, or dropped on a terminal."""

from pathlib import Path

import pytest

from duragent.cli.chat.dropped import mentions_of

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.png", "my photo.png", "deep/b.png", "it's.png", "no suffix", 'a"b.png'):
        (folder / name).write_bytes(PNG)
    (folder / "paper.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "notes.png").write_text("no image")
    (tmp_path / "out.png").write_bytes(PNG)
    return folder


@pytest.mark.parametrize(
    ("pasted", "mentions"),
    [
        ("{here}/a.png", "@a.png"),
        ("{here}/a.png\n", "@a.png"),
        ("'{here}/a.png' ", "@a.png"),
        ("{here}/my\\ photo.png", '@"my photo.png"'),
        ("'{here}/my photo.png'", '@"my photo.png"'),
        ("{here}/my photo.png", '@"my photo.png"'),
        ("file://{here}/my%20photo.png", '@"my photo.png"'),
        ("file://localhost{here}/a.png", "@a.png"),
        ("'{here}/it'\\''s.png'", "@it's.png"),
        ("{here}/it's.png", "@it's.png"),
        ("{here}/a.png {here}/deep/b.png\n{here}/paper.pdf", "@a.png @deep/b.png @paper.pdf"),
        ("{here}/no\\ suffix", '@"no suffix"'),
        ("deep/b.png", "@deep/b.png"),
        ("../out.png", "@{out}/out.png"),
    ],
)
def test_paths_of_images_become_mentions(here: Path, pasted: str, mentions: str) -> None:
    assert mentions_of(pasted.format(here=here), here) == mentions.format(out=here.parent)


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "  ",
        "{here}/none.png",
        "{here}/notes.png",
        "{here}",
        "{here}/a.png is nice",
        "see {here}/a.png",
        "file://elsewhere{here}/a.png",
        "file://[::1{here}/a.png",
        "'{here}/a.png",
        "a.png\0",
        '{here}/a\\"b.png',
        "~nobody/a.png",
        "word",
    ],
)
def test_any_other_paste_stays_as_it_is(here: Path, pasted: str) -> None:
    assert mentions_of(pasted.format(here=here), here) == ""


def test_long_paste_is_a_text(here: Path) -> None:
    assert mentions_of("./" * 4_000 + "a.png", here) == ""
