"""What a session's folder says happened, read by nothing of the product but `json`."""

import json
from pathlib import Path
from typing import Any


def stored(folder: Path) -> list[dict[str, Any]]:
    """Each record as a client should have got it: without its checksum, its long texts back in place."""
    lines = (folder / "events.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"", "the log does not end with a line end"
    return [_whole(json.loads(line), folder) for line in lines]


def _whole(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    del fields["crc"]
    return {name: _text(value, folder) for name, value in fields.items()}


def _text(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_whole_part(part, folder) for part in value]
    if isinstance(value, dict) and set(value) == {"blob", "size_bytes"}:
        return (folder / "blobs" / value["blob"]).read_bytes().decode("utf-8", "surrogatepass")
    return value


def _whole_part(part: Any, folder: Path) -> Any:
    return {name: _text(value, folder) for name, value in part.items()} if isinstance(part, dict) else part
