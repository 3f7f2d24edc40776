"""What the judgement of a call knows of the place where commands run, and what people are told about it."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.agent.load import Agent, load_agent
from duragent.journal.events import Call
from duragent.models.messages import ModelReply, ToolCall
from duragent.policy.place import CommandPlace
from duragent.policy.tiers import Delivery
from duragent.sandboxes.choose import why_no_sandbox
from duragent.sandboxes.settings import Mode, SandboxSettings
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.bash import Bash
from duragent.tools.toolset import Toolset
from duragent.turn.authorize import (
    Allowed,
    Judgement,
    NeedsApproval,
    Refused,
    ResolvedCall,
    authorize,
    reauthorize,
    resolve,
)
from duragent.turn.workbench import Workbench
from tests.support.house import open_house, write_agent
from tests.support.workbench import workbench_in


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return load_agent(write_agent(tmp_path / ".duragent" / "agents"))


def given(folder: Path, mode: Mode) -> Workbench:
    usual = workbench_in(folder / ".duragent")
    return replace(usual, sandbox=SandboxSettings(mode=mode), environment={"HOME": str(folder)})


def fallback(folder: Path) -> Workbench:
    """Of a machine where no sandbox works."""
    return replace(given(folder, "auto"), bubblewrap="")


def call_of(command: str) -> ResolvedCall:
    found = resolve(Call(call="c1", tool="bash", arguments=f'{{"command": "{command}"}}'), Toolset((Bash(),)))
    assert isinstance(found, ResolvedCall)
    return found


async def judgement(workbench: Workbench, agent: Agent, command: str) -> Judgement:
    return authorize(call_of(command), await workbench.policy(agent), agent, ())


@pytest.mark.parametrize(
    ("command", "expected"),
    [("ls", Allowed), ("cat /etc/hostname", NeedsApproval), ("cat $X", NeedsApproval), ("cat ../run/token", Refused)],
)
async def test_a_fallback_asks_for_what_is_outside(
    tmp_path: Path, agent: Agent, command: str, expected: type[Judgement]
) -> None:
    assert isinstance(await judgement(fallback(tmp_path), agent, command), expected)


@pytest.mark.parametrize(
    ("command", "expected"),
    [("ls", Allowed), ("cat /etc/hostname", Allowed), ("cat $X", NeedsApproval), ("cat ../run/token", Refused)],
)
async def test_trust_that_a_person_chose_asks_for_what_may_be_private(
    tmp_path: Path, agent: Agent, command: str, expected: type[Judgement]
) -> None:
    assert isinstance(await judgement(given(tmp_path, "trust"), agent, command), expected)


async def test_a_private_file_is_refused_after_an_approval_too(tmp_path: Path, agent: Agent) -> None:
    found, policy = call_of("cat ../run/token"), await given(tmp_path, "trust").policy(agent)
    assert isinstance(reauthorize(found, policy, found.sha256, "ada"), Refused)


def test_the_place_of_a_fallback(tmp_path: Path, agent: Agent) -> None:
    workbench = fallback(tmp_path)
    place = workbench.command_place(agent)
    assert place == CommandPlace(
        folder=str(workbench.project),
        roots=tuple(map(str, (workbench.project, agent.folder.resolve(), workbench.workspace))),
        closed=(str(workbench.workspace / "run"),),
        home=str(tmp_path.resolve()),
        confined=False,
        chosen=False,
    )


def test_a_fallback_is_told_in_words_with_what_to_do(tmp_path: Path, agent: Agent) -> None:
    assert fallback(tmp_path).warning(agent) == (
        "No sandbox works here, so commands run as you. A person is asked before one writes, or reads outside the "
        "project. Why: bubblewrap is not installed: apt install bubblewrap (or: dnf install bubblewrap, pacman -S "
        "bubblewrap, apk add bubblewrap)"
    )
    wanted = agent.spec.model_copy(update={"sandbox": agent.spec.sandbox.model_copy(update={"require": "bubblewrap"})})
    assert fallback(tmp_path).warning(replace(agent, spec=wanted)) == ""


def test_there_is_no_warning_where_a_person_chose() -> None:
    assert why_no_sandbox(SandboxSettings(mode="trust")) == ""
    assert why_no_sandbox(SandboxSettings(require="bubblewrap")) == ""


def test_a_sandbox_that_does_not_work_says_why() -> None:
    assert why_no_sandbox(SandboxSettings(), bubblewrap="").startswith("bubblewrap is not installed: ")


def test_without_a_fallback_the_warning_says_that_no_command_runs(tmp_path: Path, agent: Agent) -> None:
    workbench = replace(fallback(tmp_path), sandbox=SandboxSettings(fallback="none"))
    assert workbench.warning(agent).startswith(
        "No sandbox works here, so no command runs (`sandbox.fallback: none`). Why: bubblewrap is not installed: "
    )


async def test_without_a_fallback_no_command_runs_and_the_session_goes_on(tmp_path: Path) -> None:
    call = ToolCall(id="c1", name="bash", arguments='{"command": "echo hi"}')
    model = ScriptedModel([ModelReply(text="", calls=(call,), finish_reason="tool_calls"), "done"])
    rest = "  tools:\n    - {type: builtin, name: bash}\n"
    bench = replace(workbench_in(tmp_path), sandbox=SandboxSettings(fallback="none"), bubblewrap="")
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest, workbench=bench) as house:
        session_id = await house.new()
        answered = await house.ask(session_id, "go")
        [result] = [each.content for each in model.requests[-1].messages if each.role == "tool"]
    assert answered.reply is not None
    assert answered.reply.text == "done"
    assert result.startswith("Tool execution failed: sandbox 'bubblewrap' cannot be used: bubblewrap is not installed")


async def test_other_workspaces_are_looked_up_beside_the_event_loop(tmp_path: Path) -> None:
    threads: list[int] = []

    def closed_of_others() -> tuple[Path, ...]:
        threads.append(threading.get_ident())
        return ()

    call = ToolCall(id="c1", name="bash", arguments='{"command": "echo hi"}')
    model = ScriptedModel([ModelReply(text="", calls=(call,), finish_reason="tool_calls"), "done"])
    rest = "  tools:\n    - {type: builtin, name: bash}\n"
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=rest, closed_of_others=closed_of_others) as house:
        answered = await house.ask(await house.new(), "go")
    assert answered.reply is not None
    assert answered.reply.text == "done"
    assert threads
    assert threading.get_ident() not in threads


async def test_a_notice_is_decided_without_a_look_at_where_commands_run(tmp_path: Path, agent: Agent) -> None:
    def closed_of_others() -> tuple[Path, ...]:
        raise AssertionError("the place was looked at")

    workbench = replace(given(tmp_path, "trust"), closed_of_others=closed_of_others)
    (workbench.workspace / "policy.yaml").write_text("notify: {enabled: true, patterns: ['bash:ls *']}\n")
    wanted = [await workbench.wants_notice(agent, call_of(command).invocation) for command in ("ls x", "cat x")]
    assert (wanted, await workbench.deliveries(agent)) == ([True, False], (Delivery("log"),))
