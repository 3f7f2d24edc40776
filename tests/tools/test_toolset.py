import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.agent.memory_spec import MemorySpec
from duragent.agent.spec import AgentSpec, ModelSpec
from duragent.policy.files import load_policy
from duragent.policy.rules import Allow, Ask, judge
from duragent.testing.tool_context import agent_in, context_in
from duragent.tools import toolset
from duragent.tools.base import AnyTool, Tool, ToolArguments, ToolContext, ToolOwner, ToolResult
from duragent.tools.programs.tool import ProgramTool
from duragent.tools.read_output import ReadOutput
from duragent.tools.toolset import BUILTINS, Toolset, builtin_tools, gather
from tests.support.bounds import LIMIT_SECONDS

PLUGIN = """\
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult

class Arguments(ToolArguments):
    text: str

class WordCount(Tool[Arguments]):
    "Count the words of a text."
    name = "word_count"
    effect = "pure"
    Arguments = Arguments

    def __init__(self, unit="words"):
        self.unit = unit

    async def run(self, arguments, context):
        return ToolResult(f"{len(arguments.text.split())} {self.unit}")

class Liar(WordCount):
    name = "bash"

class Odd(WordCount):
    name = "odd"
    effect = "harmless"

class Unschemed(WordCount):
    name = "unschemed"
    def parameters(self):
        return {"x": object()}

def exits():
    raise SystemExit(3)

def not_a_tool():
    return "a text"
"""
POINTS = {
    "word_count": "my_plugin:WordCount",
    "liar": "my_plugin:Liar",
    "odd": "my_plugin:Odd",
    "unschemed": "my_plugin:Unschemed",
    "exits": "my_plugin:exits",
    "nothing": "my_plugin:not_a_tool",
    "gone": "my_plugin:Gone",
    "broken": "my_broken_plugin:Tool",
    "bash": "my_plugin:Liar",
}


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    site = tmp_path / "site"
    (site / "my_plugin-1.0.dist-info").mkdir(parents=True)
    (site / "my_plugin-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {value}" for name, value in POINTS.items())
    (site / "my_plugin-1.0.dist-info" / "entry_points.txt").write_text(f"[duragent.tools]\n{lines}\n")
    (site / "my_plugin.py").write_text(PLUGIN)
    (site / "my_broken_plugin.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(site)
    yield
    for name in ("my_plugin", "my_broken_plugin"):
        sys.modules.pop(name, None)


def owner_of(agent: Path, *tools: dict[str, str]) -> ToolOwner:
    spec = AgentSpec.model_validate({"model": ModelSpec(provider="demo"), "tools": list(tools)})
    return ToolOwner(agent_in(agent, spec), context_in(agent.parent.parent, agent_folder=agent).places)


def gathered(agent: Path, *tools: dict[str, str], trusted: bool = True) -> Toolset:
    return gather(owner_of(agent, *tools), trusted=trusted)


def builtin(name: str) -> dict[str, str]:
    return {"type": "builtin", "name": name}


def cli(name: str, command: str = "true", **more: str) -> dict[str, str]:
    return {"type": "cli", "name": name, "command": command, **more}


def put(agent: Path, path: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
    file = agent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return file


def names(tools: Toolset) -> list[str]:
    return [tool.name for tool in tools.tools]


def fault(tools: Toolset, agent: Path) -> str:
    assert len(tools.faults) == 1, tools.faults
    return tools.faults[0].replace(f"{agent}/", "")


def test_agent_without_tools_has_none(agent: Path) -> None:
    assert gathered(agent) == Toolset()


def test_tools_come_in_the_order_of_the_file_builtins_first(agent: Path) -> None:
    put(agent, "tools/beta/run")
    put(agent, "tools/alpha/run")
    tools = gathered(agent, cli("zeta"), builtin("session"), cli("eta"), builtin("bash"))
    assert names(tools) == ["session", "bash", "read_output", "zeta", "eta", "alpha", "beta"]
    assert tools.faults == ()
    again = gathered(agent, cli("zeta"), builtin("session"), cli("eta"), builtin("bash"))
    assert repr(again.schemas()) == repr(tools.schemas())
    assert [schema.name for schema in tools.schemas()] == names(tools)


def test_read_output_comes_with_the_first_tool_that_runs_commands(agent: Path) -> None:
    assert names(gathered(agent, builtin("session"))) == ["session"]
    assert names(gathered(agent, builtin("read_output"), builtin("bash"))) == ["read_output", "bash"]
    put(agent, "tools/alpha/run")
    assert names(gathered(agent)) == ["read_output", "alpha"]


def test_tool_is_found_by_exactly_its_name(agent: Path) -> None:
    tools = gathered(agent, builtin("bash"), cli("deploy"))
    assert tools.get("bash") is tools.tools[0]
    assert [tools.get(name) for name in ("Bash", "bash ", "BASH", "\N{FULLWIDTH LATIN SMALL LETTER B}ash", "")] == [
        None
    ] * 5
    near = {"Bash": "bash", "deplo": "deploy", "readoutput": "read_output", "xyz": None, "b" * 100_000: None}
    assert {name: tools.closest(name) for name in near} == near


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bsah", "no tool is called 'bsah' (did you mean 'bash'?)"),
        ("Bash", "no tool is called 'Bash' (did you mean 'bash'?)"),
        ("schedule", "'schedule' does not exist yet in this version"),
    ],
)
def test_builtin_that_does_not_exist_is_a_fault(agent: Path, name: str, said: str) -> None:
    tools = gathered(agent, builtin("session"), builtin(name))
    assert (names(tools), fault(tools, agent)) == (["session"], f"agent.yaml: spec.tools[1]: {said}")


def test_unknown_name_without_a_near_one_lists_all(agent: Path) -> None:
    assert fault(gathered(agent, builtin("x")), agent).startswith(
        "agent.yaml: spec.tools[0]: no tool is called 'x' (there are: bash, read_file, "
    )


def test_first_of_two_with_one_name_is_used(agent: Path) -> None:
    put(agent, "tools/deploy/run")
    put(agent, "tools/bash/run")
    put(agent, "tools/read_output/run")
    tools = gathered(agent, builtin("bash"), cli("deploy", "first"), cli("deploy", "second"), cli("bash"))
    assert names(tools) == ["bash", "read_output", "deploy"]
    deploy = tools.get("deploy")
    assert isinstance(deploy, ProgramTool)
    assert deploy.program.argv == ("first",)
    taken = "has the name of a tool that comes with duragent; call it something else"
    assert [each.replace(f"{agent}/", "") for each in tools.faults] == [
        "agent.yaml: spec.tools[2]: 'deploy' is there already; the first one is used",
        "agent.yaml: spec.tools[3]: 'bash' is there already; the first one is used",
        f"tools/bash: {taken}",
        f"tools/read_output: {taken}",
    ]


def test_broken_program_of_the_file_is_not_replaced_by_a_folder(agent: Path) -> None:
    put(agent, "tools/deploy/run")
    tools = gathered(agent, cli("deploy", "./missing.sh"))
    assert (names(tools), fault(tools, agent)) == (
        [],
        "agent.yaml: spec.tools[0]: missing.sh: does not exist",
    )


@pytest.mark.parametrize("name", ["a b", "é", "a:b", "x" * 65, "\x1b[0m"])
def test_program_with_an_odd_name_is_a_fault(agent: Path, name: str) -> None:
    tools = gathered(agent, cli(name))
    assert names(tools) == []
    assert fault(tools, agent).endswith("must be 1 to 64 letters a-z or A-Z, digits, - or _")
    assert tools.faults[0].isprintable()


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("jq -r '.a b'", ("jq", "-r", ".a b")),
        ("./scripts/a.sh x", ("{}/scripts/a.sh", "x")),
        ("scripts/a.sh", ("{}/scripts/a.sh",)),
        ("a.py --fast", ("python3", "{}/a.py", "--fast")),
        ("python3 a.py scripts", ("python3", "{}/a.py", "scripts")),
        ("/bin/sh ./not-yet", ("/bin/sh", "{}/not-yet")),
        ("sh -c 'echo $1; ls'", ("sh", "-c", "echo $1; ls")),
    ],
)
def test_command_is_split_into_words_and_files_are_the_agents(agent: Path, command: str, argv: tuple[str, ...]) -> None:
    put(agent, "scripts/a.sh")
    put(agent, "a.py", "print(1)", 0o644)
    (_, tool) = gathered(agent, cli("x", command)).tools
    assert isinstance(tool, ProgramTool)
    assert tool.program.argv == tuple(word.replace("{}", str(agent)) for word in argv)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("it's", "command: No closing quotation"),
        ("''", "command: names no program"),
        ("./plain", "plain: is not executable (chmod +x plain)"),
        ("./scripts", "scripts: is a folder, not a file"),
        ("a\0b", "command: has a NUL character in it"),
    ],
)
def test_command_that_cannot_be_started_is_a_fault(agent: Path, command: str, said: str) -> None:
    put(agent, "plain", mode=0o644)
    put(agent, "scripts/a.sh")
    assert fault(gathered(agent, cli("x", command)), agent) == f"agent.yaml: spec.tools[0]: {said}"


def test_program_is_described_by_the_file_and_its_readme(agent: Path, tmp_path: Path) -> None:
    put(agent, "docs/deploy.md", "# How\n")
    (tmp_path / "secret").write_text("key")
    tools = gathered(
        agent,
        cli("a", description="Deploys.", readme="docs/deploy.md"),
        cli("b", readme="./docs/deploy.md"),
        cli("c", description="Deploys."),
        cli("d"),
        cli("e", readme="missing.md"),
        cli("f", readme="../../../secret"),
    )
    assert [tool.description for tool in tools.tools[1:]] == ["Deploys.\n\n# How", "# How", "Deploys.", "CLI tool: d"]
    assert [each.replace(f"{agent}/", "") for each in tools.faults] == [
        "agent.yaml: spec.tools[4]: missing.md: does not exist",
        f"agent.yaml: spec.tools[5]: ../../../secret: leads out of {agent}",
    ]


def test_schema_lies_beside_the_program(agent: Path) -> None:
    put(agent, "scripts/a.py")
    put(agent, "scripts/a.py.schema.json", '{"x-effect": "pure"}')
    put(agent, "scripts/schema.json", '{"x-effect": "never"}')
    put(agent, "b/run.sh", mode=0o644)
    put(agent, "b/schema.json", '{"x-effect": "idempotent"}')
    put(agent, "c.sh")
    put(agent, "c.sh.schema.json", "{")
    tools = gathered(agent, cli("a", "scripts/a.py"), cli("b", "b/run.sh"), cli("c", "./c.sh"), cli("d", "jq"))
    assert {tool.name: tool.effect for tool in tools.tools[1:]} == {"a": "pure", "b": "idempotent", "d": "unsafe"}
    assert fault(tools, agent).startswith("agent.yaml: spec.tools[2]: c.sh.schema.json:1: is not valid JSON: ")


def test_nothing_that_came_with_the_workspace_is_there_before_it_is_trusted(agent: Path) -> None:
    put(agent, "tools/alpha/run")
    tools = gathered(agent, builtin("bash"), builtin("reload_tools"), cli("x"), trusted=False)
    assert names(tools) == ["bash", "reload_tools", "read_output"]
    assert len(tools.faults) == 2
    assert getattr(tools.tools[1], "trusted", None) is False


def test_every_builtin_of_the_table_is_what_it_says(agent: Path) -> None:
    for name in BUILTINS:
        tools = gathered(agent, builtin(name))
        assert (names(tools)[:1], tools.faults) == ([name], ())
        schema = tools.schemas()[0]
        assert schema.description
        assert schema.parameters["type"] == "object"


def test_builtin_whose_module_is_missing_is_a_fault(agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolset, "BUILTINS", {**BUILTINS, "think": "duragent.tools.nowhere:Think"})
    tools = gathered(agent, builtin("think"), builtin("session"))
    assert (names(tools), fault(tools, agent)) == (
        ["session"],
        "agent.yaml: spec.tools[0]: 'think' cannot be loaded: No module named 'duragent.tools.nowhere'",
    )


@pytest.mark.parametrize(
    ("name", "arguments", "effect", "answer", "rule"),
    [
        ("bash", '{"command": "ls"}', "unsafe", "allow", "bash:ls *"),
        ("bash", '{"command": "rm a"}', "unsafe", "ask", ""),
        ("read_file", '{"path": "a"}', "pure", "allow", "builtin:read_file"),
        ("write_file", '{"path": "a", "content": "b"}', "idempotent", "ask", ""),
        ("edit_file", '{"path": "a", "old_text": "b", "new_text": "c"}', "idempotent", "ask", ""),
        ("list_files", "{}", "pure", "allow", "builtin:list_files"),
        ("search_files", '{"pattern": "a"}', "pure", "allow", "builtin:search_files"),
        ("web", '{"action": "search", "query": "a"}', "pure", "allow", "builtin:web:search"),
        ("web", '{"action": "fetch", "url": "https://example.com/"}', "pure", "ask", ""),
        ("session", '{"action": "list"}', "pure", "allow", "builtin:session:list"),
        ("session", '{"action": "read", "session_id": "s1"}', "pure", "allow", "builtin:session:read"),
        ("reload_tools", "{}", "pure", "allow", "builtin:reload_tools"),
        ("skill", '{"name": "a"}', "pure", "allow", "builtin:skill"),
        ("read_output", '{"call": "c"}', "pure", "allow", "builtin:read_output"),
        ("think", '{"thought": "a"}', "pure", "allow", "builtin:think"),
        ("history", '{"action": "search", "query": "a"}', "pure", "allow", "builtin:history:search"),
        ("history", '{"action": "read", "first": 1}', "pure", "allow", "builtin:history:read"),
        ("goals", '{"action": "set", "text": "a"}', "idempotent", "allow", "builtin:goals:set"),
        ("goals", '{"action": "list"}', "idempotent", "allow", "builtin:goals:list"),
    ],
)
def test_each_builtin_says_itself_what_doing_it_twice_means_and_whether_it_asks(
    agent: Path, name: str, arguments: str, effect: str, answer: str, rule: str
) -> None:
    tools = gathered(agent, builtin(name))
    tool = tools.tools[0]
    call = tool.parse(arguments)
    verdict = judge(load_policy(agent, agent, tools.unasked), tool.invocation(call))
    assert (tool.effect_of(call), type(verdict).__name__.lower()) == (effect, answer)
    assert getattr(verdict, "rule", "") == rule


def test_the_table_above_has_every_builtin_tool() -> None:
    (mark,) = test_each_builtin_says_itself_what_doing_it_twice_means_and_whether_it_asks.pytestmark  # type: ignore[attr-defined]  # pytest's
    assert {row[0] for row in mark.args[1]} == set(BUILTINS)


class Recall(Tool["Recall.Arguments"]):
    """Recall a note."""

    name = "notes"
    runs_unasked = ("recall",)

    class Arguments(ToolArguments):
        action: str

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return ToolResult(self._session_id)


async def test_room_brings_a_tool_by_a_factory_and_nothing_else_has_to_know_its_name(agent: Path) -> None:
    factories = {"notes": lambda owner: Recall(owner.session_id)}
    owner = replace(owner_of(agent, builtin("notes")), session_id="session_1")
    tools = gather(owner, factories)
    (tool,) = tools.tools
    assert (await tool.run(tool.parse('{"action": "recall"}'), context_in(agent))).content == "session_1"
    policy = load_policy(agent, agent, tools.unasked)
    verdicts = [judge(policy, tool.invocation(tool.parse(f'{{"action": "{name}"}}'))) for name in ("recall", "forget")]
    assert [type(verdict) for verdict in verdicts] == [Allow, Ask]


def test_factory_is_asked_for_a_builtin_that_is_added_unnamed(agent: Path) -> None:
    made = ReadOutput()
    tools = gather(owner_of(agent, builtin("bash")), {"read_output": lambda _: made})
    assert tools.tools[1] is made


def test_factory_that_cannot_load_its_tool_is_a_fault_and_its_name_is_offered(agent: Path) -> None:
    def broken(owner: ToolOwner) -> AnyTool:
        raise ImportError("No module named 'notes'")

    tools = gather(owner_of(agent, builtin("notes"), builtin("nites")), {"notes": broken})
    first, second = tools.faults
    assert first.endswith("spec.tools[0]: 'notes' cannot be loaded: No module named 'notes'")
    assert second.endswith("no tool is called 'nites' (did you mean 'notes'?)")


@pytest.mark.usefixtures("plugins")
async def test_tool_of_another_package_is_used_by_its_name(agent: Path) -> None:
    assert "my_plugin" not in sys.modules
    assert names(gathered(agent, builtin("session"))) == ["session"]
    assert "my_plugin" not in sys.modules
    tools = gathered(agent, builtin("word_count"))
    (tool,) = tools.tools
    result = await tool.run(tool.parse('{"text": "a b"}'), context_in(agent))
    assert (result.content, tools.faults) == ("2 words", ())


@pytest.mark.usefixtures("plugins")
def test_package_cannot_take_the_name_of_a_builtin(agent: Path) -> None:
    assert type(gathered(agent, builtin("bash")).tools[0]).__module__ == "duragent.tools.bash"


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("liar", "'liar' of my_plugin:Liar calls itself 'bash'"),
        ("odd", "'odd' of my_plugin:Odd has the kind 'builtin' and the effect 'harmless', of which one does not exist"),
        ("unschemed", "'unschemed' of my_plugin:Unschemed cannot be loaded: TypeError("),
        ("exits", "'exits' of my_plugin:exits cannot be loaded: SystemExit(3)"),
        ("nothing", "'nothing' of my_plugin:not_a_tool is not a Tool but str"),
        ("gone", "'gone' of my_plugin:Gone cannot be loaded: AttributeError("),
        ("broken", "'broken' of my_broken_plugin:Tool cannot be loaded: RuntimeError('no licence')"),
        ("word_cuont", "no tool is called 'word_cuont' (did you mean 'word_count'?)"),
    ],
)
def test_package_that_is_broken_is_a_fault_and_no_crash(agent: Path, name: str, said: str) -> None:
    tools = gathered(agent, builtin(name), builtin("session"))
    assert names(tools) == ["session"]
    assert fault(tools, agent).startswith(f"agent.yaml: spec.tools[0]: {said}")


async def test_program_of_the_file_runs_in_the_working_directory(agent: Path) -> None:
    put(agent, "where.sh", '#!/bin/sh\npwd; echo "$DURAGENT_TOOL_DIR"\n')
    tool = gathered(agent, cli("where", "./where.sh")).get("where")
    assert tool is not None
    work = agent.parent.parent
    context = context_in(work, agent_folder=agent)
    assert (await tool.run(tool.parse("{}"), context)).content == f"{work}\n{agent}\n"


def test_nothing_heavy_is_imported_before_a_tool_needs_it() -> None:
    heavy = ["httpx", "jsonschema", "duragent.tools.web.tool"]
    code = f"import duragent.tools.toolset, sys; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LIMIT_SECONDS)
    assert ran.stdout == "[]\n"


def remembering(agent: Path, *tools: dict[str, str]) -> Toolset:
    owner = owner_of(agent, *tools)
    spec = owner.agent.spec.model_copy(update={"memory": MemorySpec()})
    return gather(replace(owner, agent=replace(owner.agent, spec=spec)))


def test_memory_is_there_exactly_when_the_agent_has_one_also_without_other_tools(agent: Path) -> None:
    assert names(remembering(agent)) == ["memory"]
    assert names(remembering(agent, builtin("think"))) == ["think", "memory"]
    assert names(remembering(agent, builtin("memory"), builtin("think"))) == ["memory", "think"]
    assert names(gathered(agent)) == []
    tools = gathered(agent, builtin("memory"))
    assert names(tools) == []
    assert "spec.tools[0]: 'memory' needs the block `spec.memory`" in fault(tools, agent)


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ('{"action": "recall"}', "allow"),
        ('{"action": "remember", "content": "a"}', "allow"),
        ('{"action": "reflect", "content": "a"}', "allow"),
        ('{"action": "update_world", "topic": "a", "content": "a"}', "allow"),
        ('{"action": "forget", "id": "m_00000000"}', "ask"),
    ],
)
def test_memory_runs_unasked_but_for_forgetting(agent: Path, arguments: str, answer: str) -> None:
    tools = remembering(agent)
    tool = tools.tools[0]
    verdict = judge(load_policy(agent, agent, tools.unasked), tool.invocation(tool.parse(arguments)))
    assert type(verdict).__name__.lower() == answer


def test_only_tools_that_bring_nothing_new_in_are_not_outside() -> None:
    assert {tool.name for tool in builtin_tools() if not tool.outside} == {
        "goals",
        "think",
        "memory",
        "session",
        "skill",
    }
