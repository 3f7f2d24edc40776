"""The workspace that is shown as an example works, all of it."""

from pathlib import Path

import pytest

from duragent.agent.catalog import Catalog
from duragent.agent.context_files import load_context_files
from duragent.agent.load import Agent
from duragent.policy.files import load_policy
from duragent.policy.rules import Allow, Ask, Deny, Invocation, judge
from duragent.testing.tool_context import context_in
from duragent.testing.tool_contract import check_tool
from duragent.tools.base import AnyTool, Places, ToolOwner
from duragent.tools.toolset import Toolset, gather
from tests.support.places import EXAMPLE

AGENTS = ("assistant", "researcher")


def example(name: str) -> Agent:
    return Catalog.open(EXAMPLE / "agents").get(name)


def tools_of(name: str) -> Toolset:
    agent = example(name)
    return gather(ToolOwner(agent, Places(EXAMPLE, EXAMPLE, agent.folder)))


def tool_of(name: str, tool: str) -> AnyTool:
    found = tools_of(name).get(tool)
    assert found is not None
    return found


@pytest.mark.parametrize("name", AGENTS)
def test_example_agent_has_tools_surroundings_and_policy_without_a_fault(name: str) -> None:
    agent = example(name)

    assert tools_of(name).faults == ()
    around = load_context_files(agent, EXAMPLE, EXAMPLE)
    assert around.faults == ()
    assert [skill.name for skill in around.skills] == ["meeting-notes"]
    built_in = ["built-in/memory"] if agent.spec.memory else []
    assert [directive.source for directive in around.directives] == [*built_in, "workspace/language"]
    assert load_policy(EXAMPLE, agent.folder).faults == ()


def test_example_tools_are_found_with_their_descriptions_and_effects() -> None:
    found = {
        tool.name: (tool.description.split(".")[0], tool.effect)
        for name in AGENTS
        for tool in tools_of(name).tools
        if tool.kind == "cli"
    }
    assert found == {
        "text-statistics": ("Count the lines, words and characters of text files", "pure"),
        "library": (
            "Looks up books and papers\n\nLook up books by author, by title, or by both; a part of the name will do",
            "pure",
        ),
    }


def test_example_skill_allows_tools_that_are_there() -> None:
    [skill] = load_context_files(example("assistant"), EXAMPLE, EXAMPLE).skills
    names = {tool.name for tool in tools_of("assistant").tools}
    assert set(skill.allowed_tools or ()) <= names
    assert (skill.folder / "template.md").is_file()


async def test_example_tools_keep_the_contract(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one two\nthree\n")
    await check_tool(
        lambda: tool_of("assistant", "text-statistics"),
        good=['{"paths": ["a.txt"]}', '{"paths": ["a.txt", "none"]}'],
        make_context=lambda: context_in(tmp_path),
    )
    await check_tool(
        lambda: tool_of("researcher", "library"),
        good=["{}", '{"author": "austen", "title": "em"}'],
        make_context=lambda: context_in(tmp_path),
    )


@pytest.mark.parametrize(
    ("name", "tool", "arguments", "content"),
    [
        ("assistant", "text-statistics", '{"paths": ["a.txt"]}', "a.txt: 2 lines, 3 words, 14 characters\n"),
        ("researcher", "library", '{"author": "austen", "title": "em"}', "Jane Austen: Emma (1815), shelf B2\n"),
        ("researcher", "library", '{"author": "nobody"}', "nothing found\n"),
    ],
)
async def test_example_tools_do_what_they_say(
    tmp_path: Path, name: str, tool: str, arguments: str, content: str
) -> None:
    (tmp_path / "a.txt").write_text("one two\nthree\n")
    found = tool_of(name, tool)
    result = await found.run(found.parse(arguments), context_in(tmp_path))
    assert (result.content, result.outcome) == (content, "ok")


async def test_example_tool_says_which_file_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    tool = tool_of("assistant", "text-statistics")
    result = await tool.run(tool.parse('{"paths": ["none", "a.txt"]}'), context_in(tmp_path))
    assert result.outcome == "error"
    assert "a.txt: 1 lines" in result.content
    assert "none: No such file or directory" in result.content


@pytest.mark.parametrize(
    ("name", "command", "kind"),
    [
        ("assistant", "git push", Deny),
        ("assistant", "rm -rf .git", Deny),
        ("assistant", "cat ~/.ssh/id_rsa", Deny),
        ("assistant", "git commit -m x", Ask),
        ("assistant", "git status", Allow),
        ("researcher", "ls -l", Allow),
        ("researcher", "git status", Deny),
    ],
)
def test_example_policies_say_what_their_comments_say(name: str, command: str, kind: type) -> None:
    policy = load_policy(EXAMPLE, example(name).folder)
    assert type(judge(policy, Invocation("bash", "bash", command))) is kind


def test_example_researcher_may_use_its_tools_without_asking() -> None:
    policy = load_policy(EXAMPLE, example("researcher").folder)
    for tool, arguments in (("web", '{"action": "fetch", "url": "https://example.com/"}'), ("library", "{}")):
        found = tool_of("researcher", tool)
        assert isinstance(judge(policy, found.invocation(found.parse(arguments))), Allow)
