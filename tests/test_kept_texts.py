"""What a process keeps of texts to be faster goes at once when somebody takes texts away for good."""

import re
from pathlib import Path

import duragent
from duragent.kept_texts import drop_kept_texts
from duragent.server.frames import framed
from duragent.session.record_cache import RESTING, RecordCache
from tests.support.held import holders

WITHOUT_TEXTS = {
    "agent/skills.py": "files of agents, by the time of their last change",
    "agent/templates.py": "likewise",
    "memory/index_schema.py": "names of scopes",
    "models/facts.py": "names and prices of models",
    "policy/spellings.py": "patterns of policies",
    "system/exchange.py": "what the machine can do",
    "system/known_workspaces.py": "paths",
    "tools/base.py": "schemas of tools",
}
"""Files with caches that hold nothing of what was said or noted."""


def test_each_cache_is_emptied_or_is_known_to_hold_no_texts() -> None:
    package = Path(duragent.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        lines = path.read_text().splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            if "lru_cache(" in line and "keeps_texts" not in before + line:
                found.add(path.relative_to(package).as_posix())
    assert found == set(WITHOUT_TEXTS)


def test_caches_are_empty_afterwards() -> None:
    words = "".join(("the", "door", "code", "4711", "a7c9"))
    framed(b'{"seq":1,"ts":"2026-11-20T00:00:00.000Z","type":"x","text":"%b","c":"00000000"}\n' % words.encode())
    re.compile(re.escape(words))
    cache = RecordCache(0)
    cache._known[words.encode()] = None  # type: ignore[assignment]  # as if a line had been read
    RESTING.put(cache, 1)
    assert len(holders(words)) >= 3
    drop_kept_texts()
    assert holders(words) == []
