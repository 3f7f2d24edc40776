"""What is kept of a command's output: its head and its tail, to the byte."""

import os
from pathlib import Path

import pytest

from duragent.process.base import Output
from duragent.process.folder import HEAD_BYTES, PIECE_BYTES, PIECES, TAIL_BYTES
from duragent.process.kept_output import Kept, sync
from tests.support.spools import call_folder, run, sh


async def test_long_output_keeps_its_head_and_tail_and_no_more(tmp_path: Path) -> None:
    size = 200_000_000
    script = f"echo first; head -c {size} /dev/zero; echo last; grep VmHWM /proc/$PPID/status >&2"
    found = await run(tmp_path, sh(script, tmp_path))
    assert found.stdout.size_bytes == size + 11
    assert (len(found.stdout.head), len(found.stdout.tail)) == (HEAD_BYTES, TAIL_BYTES)
    assert found.stdout.head.startswith(b"first\n\0")
    assert found.stdout.tail.endswith(b"\0last\n")
    assert found.stdout.omitted_bytes == size + 11 - HEAD_BYTES - TAIL_BYTES
    assert int(found.stderr.head.split()[1]) < 40_000
    on_disk = sum(each.stat().st_size for each in call_folder(tmp_path).glob("stdout.*"))
    assert on_disk <= HEAD_BYTES + (PIECES + 1) * PIECE_BYTES


@pytest.mark.parametrize("over", [-1, 0, 1, PIECE_BYTES, TAIL_BYTES, TAIL_BYTES + 1, TAIL_BYTES + PIECE_BYTES])
async def test_output_is_kept_to_the_byte_at_every_border(tmp_path: Path, over: int) -> None:
    size = HEAD_BYTES + over
    script = (
        f"seq 1000000 | tr '\\n' ' ' | head -c {size // 2}; seq 1000000 | tr '\\n' ' ' | head -c {size - size // 2}"
    )
    numbers = b"".join(b"%d " % each for each in range(1, 1_000_001))
    whole = numbers[: size // 2] + numbers[: size - size // 2]
    assert len(whole) == size
    found = await run(tmp_path, sh(script, tmp_path))
    assert found.stdout == Output(whole[:HEAD_BYTES], whole[HEAD_BYTES:][-TAIL_BYTES:], size)


@pytest.mark.parametrize(
    ("chunks", "files"),
    [
        ([], {}),
        ([b"abc"], {0: b"abc"}),
        ([b"abcd"], {0: b"abcd"}),
        ([b"abcde"], {0: b"abcd", 1: b"e"}),
        ([b"ab", b"cdefg", b"h"], {0: b"abcd", 1: b"ef", 2: b"gh"}),
        ([b"abcdefghij"], {0: b"abcd", 1: b"ef", 2: b"gh", 3: b"ij"}),
        ([b"abcdefghijkl"], {0: b"abcd", 2: b"gh", 3: b"ij", 4: b"kl"}),
        ([b"abcdefghijklm"], {0: b"abcd", 3: b"ij", 4: b"kl", 5: b"m"}),
    ],
)
def test_head_and_the_newest_pieces_stay(tmp_path: Path, chunks: list[bytes], files: dict[int, bytes]) -> None:
    kept = Kept(str(tmp_path / "stdout"), head_bytes=4, piece_bytes=2, pieces=2)
    for chunk in chunks:
        kept.write(chunk)
    kept.sync()
    assert kept.size == sum(map(len, chunks))
    assert {int(path.suffix[1:]): path.read_bytes() for path in tmp_path.iterdir()} == files


def test_file_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "stdout.0").write_bytes(b"of another runner")
    with pytest.raises(FileExistsError):
        Kept(str(tmp_path / "stdout"), 4, 2, 2).write(b"x")
    assert (tmp_path / "stdout.0").read_bytes() == b"of another runner"


def test_pipe_in_place_of_a_file_does_not_block_the_sync(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="Invalid argument"):
        sync(str(tmp_path / "pipe"))
