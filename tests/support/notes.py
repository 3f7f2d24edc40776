"""Memories of agents without files, for what asks them."""

from duragent.agent.load import Agent
from duragent.memory.base import Candidate, Memory, MemoryNote, Recalled, RecallQuery


class Notes:
    """Memories of agents, of which each search finds one note."""

    def __init__(self) -> None:
        self.asked: list[RecallQuery] = []

    def of(self, agent: Agent) -> Memory:
        return self

    async def recall(self, query: RecallQuery, deadline_seconds: float) -> Recalled:
        self.asked.append(query)
        ref = f"m_{len(self.asked):08}"
        note = MemoryNote(ref, "metric units", "daily/2026-11-20.md", 1)
        found = Candidate(note, 500, 580, 1_000, 144, ("units",), ())
        return Recalled(f"[Relevant memories]\n- metric units [{ref}]", (found,), took_ms=4, notes=212)
