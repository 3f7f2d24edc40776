"""What `duragent doctor` says of a workspace that duragent v0.5 used: what of it is not served here, a line each."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.doctor.finding import Diagnosis

if TYPE_CHECKING:
    from duragent.config import Config

SECTION = "duragent v0.5"
SHOWN = 10
_PAGE = "docs/how-to/move-from-v0.5.md says what comes over"


def old_workspace(config: "Config", home: Path | None = None) -> Iterator[Diagnosis]:
    """Nothing for a workspace that v0.5 never used. `home` is the user's folder."""
    yield from _sessions(config.sessions_dir)
    beside = config.sessions_dir.parent
    yield from _waits(_files(beside / "schedules", ".yaml"), "schedule", "nothing runs at its time")
    agents = {folder: _remembers(folder) for folder in _folders(config.agents_dir)}
    memory = [each for folder, remembers in agents.items() if not remembers for each in _all_files(folder / "memory")]
    shared = [] if any(agents.values()) else _all_files(config.world_dir)
    yield from _waits([*memory, *shared], "memory file", "agents read it that have `memory: {}` in their `spec`")
    processes = _files(config.workspace / "processes", ".meta.json")
    yield from _waits(processes, "background process", "look whether it still runs; nothing here watches it")
    yield from _gateways(config)
    credentials = (home or Path.home()) / ".duragent" / "auth.json"
    if os.path.lexists(credentials):
        yield Diagnosis(SECTION, "note", f"{credentials} is not read", "keys of providers come from the environment")


def _waits(found: Sequence[Path], what: str, hint: str) -> Iterator[Diagnosis]:
    if found:
        named = view.some([path.name for path in found])
        yield Diagnosis(
            SECTION, "note", f"not served yet: {view.many(len(found), what)} ({view.one_line(named)})", hint
        )


def _gateways(config: "Config") -> Iterator[Diagnosis]:
    gateways = config.file.gateways
    known = {"telegram": gateways.telegram, "discord": gateways.discord}
    names = [name for name, chat in known.items() if chat is not None]
    names += [each.name for each in gateways.external]
    if names:
        text = (
            f"not served yet: {view.many(len(names), 'gateway')} in duragent.yaml ({view.one_line(', '.join(names))})"
        )
        yield Diagnosis(
            SECTION, "note", text, "no messages come in there; `duragent attach` goes on with their sessions"
        )


# --- sessions --------------------------------------------------------------------------------------------------------


def _sessions(sessions_dir: Path) -> Iterator[Diagnosis]:
    from duragent.stores.files.disk import Disk
    from duragent.stores.files.legacy import ARCHIVE, has_state, is_legacy, may_write_summary
    from duragent.stores.files.segments import ACTIVE

    disk, old, archived, older = Disk(), list[Path](), 0, list[str]()
    for folder in _folders(sessions_dir):
        try:
            if is_legacy(disk, folder):
                old.append(folder)
                archived += os.path.lexists(folder / ARCHIVE)
            if not has_state(folder) and not os.path.lexists(folder / ACTIVE) and not may_write_summary(disk, folder):
                older.append(folder.name)
        except OSError:
            # What is wrong with it is said with the other sessions.
            continue
    if old:
        text = f"{view.many(len(old), 'session')} of v0.5, as v0.5 left them"
        if archived:
            text += f"; {archived:,} with an events.archive.jsonl, which is read as their past"
        yield Diagnosis(SECTION, "ok", text, f"a new message goes on with one; {_PAGE}")
    if older:
        what = f"{view.many(len(older), 'session')} of v0.4, of which only state.yaml is there"
        text = f"not read: {what} ({view.some(older)})"
        yield Diagnosis(SECTION, "note", text, "v0.5 did not read them either")
    yield from _approvals(old)


def _approvals(folders: Sequence[Path]) -> Iterator[Diagnosis]:
    found = [(folder.name, command) for folder in folders if (command := _pending(folder)) is not None]
    hint = "it was not run, and is not carried over; say in the session whether it should be"
    for session_id, command in found[:SHOWN]:
        text = f"{session_id} waited for an approval of: {view.one_line(command, 200)}"
        yield Diagnosis(SECTION, "warning", text, hint)
    if len(found) > SHOWN:
        yield Diagnosis(SECTION, "warning", f"{len(found) - SHOWN:,} more sessions waited for an approval", hint)


def _pending(folder: Path) -> str | None:
    """The command that waited, None when none did."""
    from duragent.journal.legacy.snapshot import BadSnapshot, load
    from duragent.stores.files.legacy import STATE_MAX_BYTES
    from duragent.stores.files.segments import LEGACY_SNAPSHOT
    from duragent.system.safe_read import read_file

    try:
        data = read_file(folder / LEGACY_SNAPSHOT, STATE_MAX_BYTES)
        pending = load(data).pending if b'"pending_approval"' in data else None
    except (OSError, BadSnapshot):
        return None
    return None if pending is None else pending.command or pending.call_id


# --- files ------------------------------------------------------------------------------------------------------------


def _remembers(agent: Path) -> bool:
    """Whether its agent.yaml has the block `memory`; what is wrong with the file is said elsewhere."""
    from duragent.system.safe_read import read_file
    from duragent.yaml.document import MAX_BYTES

    try:
        text = read_file(agent / "agent.yaml", MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return False
    return re.search(r"^ +memory *:", text, re.MULTILINE) is not None


def _folders(parent: Path) -> list[Path]:
    return [path for path in _entries(parent) if not path.name.startswith(".") and path.is_dir()]


def _files(folder: Path, ending: str) -> list[Path]:
    return [path for path in _entries(folder) if path.name.endswith(ending)]


def _all_files(folder: Path) -> list[Path]:
    return sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder / name for name in os.listdir(folder))
    except OSError:
        return []
