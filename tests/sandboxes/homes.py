"""What lies in a home folder, and what a command in a sandbox sees of it."""

from pathlib import Path

from duragent.sandboxes.base import Command, Confinement, Sandbox
from duragent.sandboxes.environment import clean_environment
from duragent.testing.sandbox_contract import Ran, run

SECRET = "a-secret-of-the-home"
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def put(path: Path, text: str = f"{SECRET}\n", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def inside(sandbox: Sandbox, folder: Path, script: str, home: Path, path: str = SYSTEM, **more: Path) -> Ran:
    env = clean_environment({"HOME": str(home), "PATH": path})
    within = Confinement((folder,), readable=tuple(more.values()))
    return run(sandbox.wrap(Command(("sh", "-c", script), folder, env), within))
