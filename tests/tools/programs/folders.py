"""Programs of an agent, or of a workspace: what stands in its folder `tools`."""

from pathlib import Path


def put(root: Path, path: str, text: str | bytes = "#!/bin/sh\necho hi\n", mode: int = 0o755) -> Path:
    file = root / "tools" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return file
