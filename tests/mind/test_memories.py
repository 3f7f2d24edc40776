"""The memories of a server's agents: made with the first question, made anew with other settings, closed with all."""

import asyncio
from pathlib import Path

from duragent.mind.memories import KNOWN_READS, AgentMemories
from tests.mind.remembered import Remembered, Told, remembered, said, write_agent
from tests.support.bounds import LIMIT_SECONDS


def memories(ada: Remembered) -> AgentMemories:
    return AgentMemories(ada.room, lambda name: name)


async def until_routed(known: AgentMemories) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while known._told or (known._routing is not None and not known._routing.done()):
            await asyncio.sleep(0)


async def test_agent_without_a_memory_has_none_and_no_task(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        known, before = memories(ada), asyncio.all_tasks()
        agent = write_agent(tmp_path, "null")
        assert (known.of(agent), asyncio.all_tasks(), known.trouble("ada")) == (None, before, "")
        known.told("session_1", 3)
        assert asyncio.all_tasks() == before
        await known.close()


async def test_same_settings_keep_it_and_others_make_another(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        known = memories(ada)
        first = known.memory(ada.agent)
        again = ada.spec("{}")
        assert first is not None
        assert (known.memory(again), first.agent) == (first, again)
        other = known.memory(ada.spec("{limit: 3}"))
        assert other is not None
        assert other is not first
        assert known.memory(ada.spec("null")) is None
        await known.close()
        # It was closed: it does nothing more.
        assert (first._closed, other._closed) == (True, True)


async def test_records_are_read_by_the_memory_of_their_agent_only(tmp_path: Path) -> None:
    told = Told({"session_1": said("pier seven")})
    async with remembered(tmp_path, told=told) as ada:
        known = memories(ada)
        mine = known.memory(ada.agent)
        assert mine is not None
        await mine.open()
        told.agent = "bob"
        told.read.clear()
        known.told("session_2", 1)
        told.logs["session_2"] = said("gate nine")
        await until_routed(known)
        assert "session_2" not in mine._dirty
        told.agent = "ada"
        told.logs["session_3"] = said("quay four")
        known.told("session_3", 1)
        await until_routed(known)
        assert "session_3" in mine._dirty
        # A session that is gone before anybody knew whose it was is told to all.
        known.told("session_1", 0)
        await until_routed(known)
        await known.close()


async def test_what_a_session_read_is_remembered_for_so_many_and_until_it_is_gone(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        known = memories(ada)
        known.memory(ada.agent)
        known.read_by("session_1")["MEMORY.md"] = "a"
        known.read_by("session_2")["MEMORY.md"] = "b"
        known.told("session_1", 0)
        await until_routed(known)
        assert (known.read_by("session_1"), known.read_by("session_2")) == ({}, {"MEMORY.md": "b"})
        for at in range(KNOWN_READS):
            known.read_by(f"other_{at}")
        assert known.read_by("session_2") == {}
        await known.close()


async def test_trouble_of_an_agent_is_told_by_its_name(tmp_path: Path) -> None:
    async with remembered(tmp_path) as ada:
        known = memories(ada)
        mine = known.memory(ada.agent)
        assert mine is not None
        mine.fault = "the disk is full"
        assert (known.trouble("ada"), known.trouble("bob")) == ("the disk is full", "")
        await known.close()
