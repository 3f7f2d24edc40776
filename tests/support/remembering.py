"""What agents remember, searched for real in their folders, and always in time."""

from dataclasses import dataclass
from pathlib import Path

from duragent.agent.load import Agent
from duragent.agent.memory_spec import MemorySpec
from duragent.clock import Clock
from duragent.memory.base import Recalled, RecallQuery
from duragent.memory.folder import MemoryFolder
from duragent.memory.index import MemoryIndex
from duragent.memory.languages import language
from duragent.memory.recall import FolderNotes
from duragent.memory.score import ScoreRules, block_of, judged, silence
from duragent.memory.zone import zone_of
from duragent.stores.files.disk import Disk


@dataclass
class SearchedFolders:
    """The `Memories` of agents with the settings of nobody: a search holds the loop, so that none is late."""

    folder: Path
    """For the indexes."""
    clock: Clock

    def of(self, agent: Agent) -> "SearchedFolder":
        return SearchedFolder(self.folder, self.clock, agent)


@dataclass
class SearchedFolder:
    """One of them."""

    folder: Path
    clock: Clock
    agent: Agent

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        spec = self.agent.spec.memory or MemorySpec()
        folder = MemoryFolder(self.agent.folder / "memory", zone_of(spec.timezone), Disk())
        index = MemoryIndex(self.folder / f"{self.agent.name}.sqlite", language(spec.language))
        index.update([FolderNotes(folder)])
        found = index.search(query.text, query.reads)
        index.close()
        candidates = judged(found.hits, query, ScoreRules.of(spec), self.clock.now(), found.superseded)
        text, silent = block_of(candidates), silence(candidates)
        return Recalled(text, candidates, silent, 4, index.rev, found.notes)


def daily(folder: Path, day: str, *notes: str) -> None:
    """The notes of a day in an agent's folder, each with its id in front: `m_… text`."""
    lines = [f"# {day}\n"]
    for hour, written in enumerate(notes, 8):
        ref, _, text = written.partition(" ")
        lines.append(f"\n## {hour:02}:00\n\n{text}\n<!-- {ref} importance=0.90 from=session_1#4 -->\n")
    path = folder / "memory" / "daily" / f"{day}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
