"""The golden workspace: what v0.5.4 leaves behind, in every way it does.

`python -m tests.support.legacy_workspace` writes it.

`expected.json` holds what was said in each session, which is what must be there for ever.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.legacy_log import OldSession, lines_of
from tests.support.places import GOLDEN

WORKSPACE = GOLDEN / "v0.5-workspace"
_PREFIX = "session_01KHRW4M9Z0000000000000"
_Made = Callable[[Path, OldSession], None]


def _whole(sessions: Path, old: OldSession) -> None:
    old.talk(6)
    old.write(sessions)


def _discarded(sessions: Path, old: OldSession) -> None:
    """One compaction, then more was said."""
    old.talk(30)
    old.compact()
    old.talk(4)
    old.write(sessions)


def _emptied(sessions: Path, old: OldSession) -> None:
    """Compacted right after the checkpoint: the log has no line at all."""
    old.talk(22)
    while old.checkpoint_seq != old.seq:
        old.talk(1)
    old.compact()
    old.write(sessions)


def _archived(sessions: Path, old: OldSession) -> None:
    for _ in range(3):
        old.talk(25)
        old.compact()
    old.write(sessions, archive=b"".join(map(lines_of, old.removed)))


def _lost(sessions: Path, old: OldSession) -> None:
    """Killed between the rewrite and the archive, the second time: only state.json knows what was between."""
    for _ in range(3):
        old.talk(25)
        old.compact()
    assert len(old.removed) == 3
    old.write(sessions, archive=lines_of(old.removed[0]) + lines_of(old.removed[2]))


def _twice(sessions: Path, old: OldSession) -> None:
    """Lines are in the archive and in the log, and a batch is twice in the archive, torn the first time."""
    old.talk(60)
    kept = list(old.lines)
    old.compact()
    gone = lines_of(old.removed[0])
    old.write(sessions, log=lines_of(kept[40:]), archive=gone[: len(gone) // 2] + gone)


def _damaged(sessions: Path, old: OldSession) -> None:
    """Blank lines, writes done again, records on the line of one that was cut, holes."""
    old.talk(9)
    lines = [line + b"\n" for line in old.log().splitlines()]
    odd = list(lines)
    odd[3] = b"\n" + odd[3] + b"   \n"
    odd[5] = odd[5][:40] + odd[5]
    odd[7] = odd[7] + odd[7] + odd[6]
    odd[9] = odd[9].rstrip(b"\n") + odd[10]
    odd[10] = b""
    odd[12] = bytes(512) + odd[12]
    odd[14] = odd[14] + b"not a record at all\n"
    odd[16] = odd[16] + b'{"seq":9,"timestamp":"2026-02-18T10:00:00Z","type":"user_message"}\n'
    old.write(sessions, log=b"".join(odd) + lines[-1][:30])


def _not_utf8(sessions: Path, old: OldSession) -> None:
    old.talk(3)
    old.user("caf\u00e9")
    old.reply("ole")
    old.said[-2] = ("user", "caf\ufffd")
    old.write(sessions, log=old.log().replace("caf\u00e9".encode(), b"caf\xe9"))


def _waiting(sessions: Path, old: OldSession) -> None:
    old.talk(2)
    old.user("clean up")
    old.calls(("call_rm", "rm -r build"), ("call_ls", "ls"))
    old.event("approval_required", call_id="call_rm", command="rm -r build")
    old.skipped("call_ls", reason="approval required")
    old.pending = {
        "call_id": "call_rm",
        "tool_name": "bash",
        "arguments": {"command": "rm -r build"},
        "command": "rm -r build",
        "tool_type": "bash",
        "messages": [{"role": "system", "content": "You are kind."}, *old.conversation],
    }
    old.becomes("paused")
    old.write(sessions)


def _completed(sessions: Path, old: OldSession) -> None:
    old.talk(30)
    old.becomes("completed")
    old.compact()
    old.write(sessions)


def _running(sessions: Path, old: OldSession) -> None:
    """Killed while it answered in the background: a call has no result, and a message no answer."""
    old.talk(2)
    old.user("go on without me")
    old.becomes("running")
    old.calls(("call_long", "sleep 100"))
    old.write(sessions)


def _state_damaged(sessions: Path, old: OldSession) -> None:
    old.talk(30)
    old.compact()
    old.said = [said for said in old.said if any(line.get("content") == said[1] for line in old.lines)]
    state = json.dumps(old.snapshot(), indent=2).encode()
    old.write(sessions, state=state[: len(state) // 2])


def _disabled(sessions: Path, old: OldSession) -> None:
    """No compaction: state.json and the log both have the beginning."""
    old.talk(40)
    old.write(sessions)


MADE: dict[str, tuple[_Made, dict[str, Any]]] = {
    "WHLE": (_whole, {}),
    "DSCD": (_discarded, {}),
    "EMPT": (_emptied, {}),
    "ARCH": (_archived, {}),
    "L0ST": (_lost, {}),
    "TW1C": (_twice, {}),
    "DAMG": (_damaged, {}),
    "BYTE": (_not_utf8, {}),
    "WA1T": (_waiting, {}),
    "CHAT": (_discarded, {"gateway": "telegram", "chat_id": "-100200", "on_disconnect": "continue"}),
    "D0NE": (_completed, {}),
    "0LD1": (_whole, {"schema": "1"}),
    "RVNG": (_running, {"on_disconnect": "continue"}),
    "STAT": (_state_damaged, {}),
    "FVLL": (_disabled, {}),
}


def session_id(name: str) -> str:
    return _PREFIX + name


def write(folder: Path) -> None:
    expected = {}
    for name, (make, about) in MADE.items():
        old = OldSession(session_id(name), **about)
        make(folder / "sessions", old)
        expected[old.session_id] = old.said
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    shutil.rmtree(WORKSPACE / "sessions", ignore_errors=True)
    write(WORKSPACE)
