from pathlib import Path

import pytest


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """`run` is a login's folder, `state` a place that lasts; both are this test's."""
    found = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "XDG_STATE_HOME": str(tmp_path / "state")}
    for folder in found.values():
        Path(folder).mkdir(mode=0o700)
    return found | {"HOME": str(tmp_path / "home")}
