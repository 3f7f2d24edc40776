import asyncio
from pathlib import Path

import pytest

from duragent.errors import SessionNotFound
from duragent.process.base import Output
from duragent.testing.tool_context import LocalCommands, ToldSessions, context_in


async def test_commands_really_run_in_the_folder(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    command = context.confined(["sh", "-c", "cat; echo $X; pwd >&2; exit 3"], stdin=b"hi ", env={"X": "there"})

    done = await context.commands.run(command, timeout_seconds=20)

    assert (done.ending, done.exit_code, done.signal) == ("exited", 3, None)
    assert (done.stdout, done.stderr.head) == (Output(b"hi there\n", b"", 9), f"{tmp_path.resolve()}\n".encode())


async def test_one_call_runs_one_command(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    command = context.confined(["sh", "-c", "echo x >> ran; sleep 0.1"])

    waiting = asyncio.create_task(context.commands.run(command, timeout_seconds=20))
    await asyncio.sleep(0)
    waiting.cancel()
    first = await context.commands.run(command, timeout_seconds=20)
    second = await context.commands.run(command, timeout_seconds=20)

    assert first is second
    assert (tmp_path / "ran").read_text() == "x\n"


async def test_a_command_is_ended_with_its_group(tmp_path: Path) -> None:
    late, ended = LocalCommands(), LocalCommands()
    command = context_in(tmp_path).confined(["sh", "-c", "sleep 60 & wait"])

    running = asyncio.create_task(ended.run(command, timeout_seconds=60))
    done = await late.run(command, timeout_seconds=0.1)
    await ended.end()

    assert (done.ending, done.exit_code, done.signal) == ("timeout", None, 15)
    assert (await running).ending == "cancelled"


async def test_a_long_output_is_kept_at_both_ends_and_a_missing_program_is_told(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    long = await LocalCommands(keep_bytes=4).run(context.confined(["printf", "123456"]), timeout_seconds=20)
    none = await LocalCommands().run(context.confined(["no-such-program"]), timeout_seconds=20)

    assert long.stdout == Output(b"12", b"56", 6)
    assert (none.exit_code, none.error) == (None, "no-such-program: No such file or directory")


def test_overrides_go_to_the_places_and_to_the_context(tmp_path: Path) -> None:
    commands = LocalCommands()
    context = context_in(tmp_path, closed=(tmp_path / "token",), commands=commands)

    assert (context.places.closed, context.commands) == ((tmp_path / "token",), commands)


async def test_told_sessions_say_what_they_were_given() -> None:
    sessions = ToldSessions(texts={"s1": [("user", "a"), ("assistant", "b")]}, outputs={"call_1": b"all"})

    assert await sessions.read("s1", 1) == (("assistant", "b"),)
    assert await sessions.output("call_1") == b"all"
    with pytest.raises(SessionNotFound):
        await sessions.read("s2", 1)
