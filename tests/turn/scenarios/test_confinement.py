"""What an agent's commands and file tools can reach, with the confinement that a real workspace gives them."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.agent.load import Agent, load_agent
from duragent.process.spool import Spool
from duragent.sandboxes.settings import LimitSettings, SandboxSettings
from duragent.testing import context_in
from duragent.tools.base import ToolContext, ToolResult
from duragent.tools.bash import Bash
from duragent.tools.read_file import ReadFile
from duragent.tools.write_file import WriteFile
from duragent.turn.temporary_folders import TemporaryFolders
from duragent.turn.workbench import Workbench
from tests.support.bounds import LIMIT_SECONDS
from tests.support.house import write_agent
from tests.support.machine import needs_bubblewrap

TOKEN = "the-token-of-the-server"
KEY = "sk-a-key-that-nobody-may-see"


class Place:
    """A project with a workspace in it, as the server lays it out."""

    def __init__(self, project: Path, mode: str) -> None:
        self.project = project
        self.workspace = project / ".duragent"
        self.agent: Agent = load_agent(write_agent(self.workspace / "agents"))
        (self.workspace / "run" / "spool").mkdir(parents=True)
        (self.workspace / "run" / "token").write_text(TOKEN)
        (self.workspace / "sessions" / "session_1").mkdir(parents=True)
        (self.workspace / "sessions" / "session_1" / "events.jsonl").write_text("{}\n")
        (project / ".git" / "hooks").mkdir(parents=True)
        (project / ".git" / "config").write_text("[core]\n")
        self.workbench = Workbench(
            workspace=self.workspace,
            project=project,
            closed=(self.workspace / "run", self.workspace / "sessions"),
            frozen=(self.workspace, project / "duragent.yaml"),
            spool=Spool(self.workspace / "run" / "spool", "spool_test"),
            sandbox=SandboxSettings(mode=mode),  # type: ignore[arg-type]  # a parameter of the tests
            temporary=TemporaryFolders(self.workspace / "run" / "tmp"),
            environment={**os.environ, "OPENAI_API_KEY": KEY, "MY_SECRET": KEY},
        )
        self._calls = 0

    def context(self, session_id: str = "session_1") -> ToolContext:
        self._calls += 1
        call = f"call_{self._calls}"
        places = self.workbench.places(self.agent)
        return replace(
            context_in(self.project),
            agent=self.agent,
            places=places,
            commands=self.workbench.spool.commands(session_id, call),
            confined=self.workbench.confined(self.agent, places, session_id),
        )

    async def bash(self, command: str, session_id: str = "session_1") -> ToolResult:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await Bash().run(Bash.Arguments(command=command), self.context(session_id))


@asynccontextmanager
async def place(tmp_path: Path, mode: str = "bubblewrap") -> AsyncIterator[Place]:
    project = tmp_path / "project"
    project.mkdir()
    yield Place(project.resolve(), mode)


@needs_bubblewrap
async def test_commands_of_a_session_share_a_tmp_that_no_other_session_sees(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.bash("echo kept > /tmp/of-the-session; mktemp -d; echo private > /var/tmp/of-the-command")
        assert "kept" in (await here.bash("cat /tmp/of-the-session")).content
        assert (await here.bash("cat /tmp/of-the-session", "session_2")).outcome == "error"
        assert (await here.bash("cat /var/tmp/of-the-command")).outcome == "error"
        assert not Path("/tmp/of-the-session").exists()
        folder = here.workspace / "run/tmp/session_1"
        assert (folder / "of-the-session").read_text() == "kept\n"
        # Where it lies is closed to commands, as all of `run` is.
        assert (await here.bash(f"ls {folder}")).outcome == "error"


@needs_bubblewrap
@pytest.mark.parametrize("leads_to", ["/", "/newroot", "/oldroot", "/oldroot/etc", "/etc"])
async def test_link_that_a_command_left_in_tmp_leads_no_later_command_out(tmp_path: Path, leads_to: str) -> None:
    async with place(tmp_path) as here:
        (tmp_path / "secret").write_text(KEY)
        folder = here.workbench.temporary.of("session_1") if here.workbench.temporary else None
        assert folder is not None
        (folder / "secret").symlink_to(tmp_path / "secret")
        if here.project.is_relative_to("/tmp"):
            # The place where the working directory is to be seen.
            (folder / here.project.relative_to("/tmp").parts[0]).symlink_to(leads_to)
        said = await here.bash("cat /tmp/secret; touch /etc/made-by-a-command; cat .duragent/run/token")
        assert KEY not in said.content
        assert TOKEN not in said.content
        assert not Path("/etc/made-by-a-command").exists()


@needs_bubblewrap
@pytest.mark.parametrize(
    "command",
    [
        "cat .duragent/run/token",
        "cat $PWD/.duragent/./run/../run/token",
        "ln -s .duragent/run r; cat r/token",
        "grep -r the-token-of / --include=token -s 2>/dev/null",
        "cat /proc/1/root$PWD/.duragent/run/token",
        "mkdir x; mount --bind .duragent x && cat x/run/token",
        "cat .duragent/sessions/session_1/events.jsonl",
        "cp -r .duragent copy; cat copy/run/token copy/sessions/session_1/events.jsonl",
    ],
)
async def test_no_command_reads_the_token_or_the_logs(tmp_path: Path, command: str) -> None:
    async with place(tmp_path) as here:
        result = await here.bash(f"{command}; true")
        assert TOKEN not in result.content
        assert "{}" not in result.content


@needs_bubblewrap
@pytest.mark.parametrize("command", ["env", "cat /proc/self/environ", "cat /proc/*/environ", "ps auxeww", "export -p"])
async def test_no_command_sees_a_key(tmp_path: Path, command: str) -> None:
    async with place(tmp_path) as here:
        assert KEY not in (await here.bash(f"{command}; true")).content


async def test_keys_are_not_in_the_environment_without_a_sandbox_either(tmp_path: Path) -> None:
    async with place(tmp_path, "trust") as here:
        result = await here.bash("env")
        assert "PATH=" in result.content
        assert KEY not in result.content


@needs_bubblewrap
@pytest.mark.parametrize(
    "target",
    [
        ".duragent/policy.yaml",
        ".duragent/agents/assistant/policy.local.yaml",
        ".duragent/agents/assistant/agent.yaml",
        ".git/hooks/pre-commit",
        "../outside",
        "/usr/lib/planted",
        ".duragent/run/spool/planted",
    ],
)
async def test_no_command_writes_what_decides_about_agents_or_outside(tmp_path: Path, target: str) -> None:
    async with place(tmp_path) as here:
        await here.bash(f"echo planted > {target}; mv .duragent elsewhere; echo planted > {target}; true")
        path = (here.project / target).resolve()
        assert not path.exists() or "planted" not in path.read_text()
        assert (here.workspace / "run" / "token").read_text() == TOKEN


@needs_bubblewrap
async def test_commands_write_below_the_working_directory_and_have_no_network(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with server, place(tmp_path) as here:
        port = server.sockets[0].getsockname()[1]
        result = await here.bash(f"echo made > file; (echo > /dev/tcp/127.0.0.1/{port}) 2>&1; echo rc $?")
        assert (here.project / "file").read_text() == "made\n"
        assert "rc 1" in result.content
        assert here.workbench.place(here.agent) == f"bubblewrap, {here.project}, network off"


@pytest.mark.parametrize(
    "path", [".duragent/run/token", ".duragent/sessions/session_1/events.jsonl", "/etc/hostname", "link/token"]
)
async def test_read_file_refuses_what_is_closed_or_outside(tmp_path: Path, path: str) -> None:
    async with place(tmp_path, "trust") as here:
        (here.project / "link").symlink_to(here.workspace / "run")
        result = await ReadFile().run(ReadFile.Arguments(path=path), here.context())
        assert result.outcome == "error"
        assert TOKEN not in result.content


@pytest.mark.parametrize(
    "path",
    [
        ".duragent/policy.yaml",
        ".duragent/agents/assistant/SOUL.md",
        "duragent.yaml",
        ".git/hooks/pre-commit",
        ".git/config",
        "../outside",
    ],
)
async def test_write_file_refuses_what_decides_about_agents(tmp_path: Path, path: str) -> None:
    async with place(tmp_path, "trust") as here:
        before = (here.project / path).read_text() if (here.project / path).exists() else None
        result = await WriteFile().run(WriteFile.Arguments(path=path, content="planted"), here.context())
        assert result.outcome == "error"
        after = (here.project / path).read_text() if (here.project / path).exists() else None
        assert after == before


@pytest.mark.parametrize("mode", [pytest.param("bubblewrap", marks=needs_bubblewrap), "trust"])
async def test_limits_of_the_settings_hold_for_commands_and_are_told(tmp_path: Path, mode: str) -> None:
    async with place(tmp_path, mode) as here:
        limits = LimitSettings(file_mebibytes=1, memory_mebibytes=200)
        here.workbench = replace(here.workbench, sandbox=here.workbench.sandbox.model_copy(update={"limits": limits}))
        result = await here.bash("head -c 3M /dev/zero > big")
        assert (result.outcome, result.details["limit"]) == ("error", "file_bytes")
        said = "wrote a file of more than 1 MiB and was ended: `sandbox.limits.file_mebibytes` in duragent.yaml"
        assert said in result.content
        assert (here.project / "big").stat().st_size == 1 << 20
        hog = await here.bash("python3 -c 'import time; kept = b\"x\" * (300 << 20); time.sleep(25)'")
        assert "used more than 200 MiB of memory and was ended" in hog.content
