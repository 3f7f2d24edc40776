"""What `init`, `agent create` and the first `chat` write."""

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.agent.catalog import Catalog
from duragent.agent.first_model import DEFAULT_MODELS
from duragent.agent.load import load_agent
from duragent.agent.spec import KNOWN_PROVIDERS, inactive
from duragent.agent.starter import (
    Written,
    is_demo,
    replace_demo,
    write_agent,
    write_workspace,
    yaml_scalar,
)
from duragent.errors import InvalidFile, InvalidRequest, StoreFull
from duragent.policy.files import load_policy
from duragent.policy.rules import Allow, Ask, Deny, Invocation, judge
from duragent.policy.tiers import Policy
from duragent.tools.base import Places, ToolOwner
from duragent.tools.toolset import gather
from duragent.yaml.document import parse_yaml


def test_workspace_is_written_whole(tmp_path: Path) -> None:
    written = write_workspace(tmp_path, "ada", "openrouter", "x/y")

    folder = tmp_path / ".duragent/agents/ada"
    files = (
        tmp_path / ".duragent/.gitignore",
        tmp_path / ".duragent/policy.yaml",
        folder / "agent.yaml",
        folder / "SOUL.md",
        folder / "SYSTEM_PROMPT.md",
    )
    assert written == Written(created=files, skipped=())
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == set(files)
    agent = Catalog.open(tmp_path / ".duragent/agents").get("ada")
    assert (agent.spec.model.provider, agent.spec.model.name) == ("openrouter", "x/y")
    assert agent.soul
    assert agent.system_prompt
    assert inactive(agent.spec) == []


@pytest.mark.skipif(shutil.which("git") is None, reason="asks git")
def test_git_leaves_out_what_is_of_the_moment_and_takes_logs_and_agents(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    of_the_moment = [
        "run/server.json",
        "logs/server.log",
        ".lock",
        "policy.yaml.tmp",
        "sessions/s/.lock",
        "sessions/s/state.yaml",
        "sessions/s/partial.jsonl",
        "sessions/.index.jsonl",
    ]
    yours = ["sessions/s/events.jsonl", "sessions/s/blobs/x", "policy.yaml", "agents/ada/agent.yaml", "tools/t/run"]

    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    asked = "\n".join(f".duragent/{name}" for name in (*of_the_moment, *yours))
    ran = subprocess.run(
        ["git", "check-ignore", "--stdin"], cwd=tmp_path, input=asked, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [f".duragent/{name}" for name in of_the_moment]


def test_what_exists_is_never_overwritten(tmp_path: Path) -> None:
    first = write_agent(tmp_path, "ada", "demo")
    (tmp_path / "ada/SOUL.md").write_text("mine")
    (tmp_path / "ada/SYSTEM_PROMPT.md").unlink()
    (tmp_path / "ada/SYSTEM_PROMPT.md").symlink_to("elsewhere.md")

    second = write_agent(tmp_path, "ada", "openai")

    assert second == Written(created=(), skipped=first.created)
    assert (tmp_path / "ada/SOUL.md").read_text() == "mine"
    assert not (tmp_path / "elsewhere.md").exists()


def test_missing_file_is_added(tmp_path: Path) -> None:
    write_agent(tmp_path, "ada", "demo")
    (tmp_path / "ada/SOUL.md").unlink()

    assert write_agent(tmp_path, "ada", "demo").created == (tmp_path / "ada/SOUL.md",)


@pytest.mark.parametrize("provider", KNOWN_PROVIDERS)
def test_every_known_provider_has_a_valid_start(tmp_path: Path, provider: str) -> None:
    write_agent(tmp_path, "ada", provider)

    model = Catalog.open(tmp_path).get("ada").spec.model
    assert (model.provider, model.name) == (provider, DEFAULT_MODELS[provider])


@pytest.mark.parametrize(("provider", "model"), [("yes", "1.5"), ("a: b", "x # y"), ('"', "\n- \\"), ("&a", "é☃\x07")])
def test_odd_names_arrive_as_they_are(tmp_path: Path, provider: str, model: str) -> None:
    write_agent(tmp_path, "no", provider, model)

    spec = Catalog.open(tmp_path).get("no").spec
    assert (spec.model.provider, spec.model.name) == (provider, model)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_as_a_yaml_value(text: str) -> None:
    assert parse_yaml(f"key: {yaml_scalar(text)} # comment\n", "a.yaml").data == {"key": text}


@pytest.mark.parametrize("name", ["../evil", "Ada", "", "a b", "a\n"])
def test_wrong_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match="the agent's name must be 1 to 64 lower-case letters"):
        write_workspace(tmp_path, name, "demo")

    assert list(tmp_path.iterdir()) == []


def test_unknown_provider_needs_a_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="a model name is needed for the provider 'groq'"):
        write_agent(tmp_path, "ada", "groq")
    with pytest.raises(InvalidRequest, match="a provider is needed"):
        write_agent(tmp_path, "ada", " ")


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / ".duragent").write_text("")

    with pytest.raises(InvalidFile, match="cannot be written"):
        write_workspace(tmp_path, "ada", "demo")


@pytest.mark.parametrize("room_for", [0, 1, 3])
def test_workspace_that_finds_no_room_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room_for: int
) -> None:
    fill_disk_after(room_for, monkeypatch)
    with pytest.raises(StoreFull, match="cannot be written: No space left on device"):
        write_workspace(tmp_path / "new", "ada", "demo")
    assert list(tmp_path.iterdir()) == []


def test_agent_that_finds_no_room_takes_nothing_of_the_workspace_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_workspace(tmp_path, "ada", "demo")
    before = sorted(tmp_path.rglob("*"))
    fill_disk_after(1, monkeypatch)
    with pytest.raises(StoreFull, match="cannot be written: No space left on device"):
        write_workspace(tmp_path, "bob", "demo")
    assert sorted(tmp_path.rglob("*")) == before


def fill_disk_after(files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    room, replace = iter(range(files)), os.replace

    def put(source: str, target: Path) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    monkeypatch.setattr("os.replace", put)


# --- what the new agent can do, and may do --------------------------------------------------------------------------


def test_new_agent_has_its_tools_without_a_fault(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    workspace = tmp_path / ".duragent"
    agent = Catalog.open(workspace / "agents").get("ada")

    tools = gather(ToolOwner(agent, Places(tmp_path, workspace, agent.folder)))

    names = "bash read_file write_file edit_file list_files search_files web session think reload_tools"
    names += " read_output"
    assert [tool.name for tool in tools.tools] == names.split()
    assert tools.faults == ()


def test_agent_that_is_created_later_has_the_same_tools(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    write_agent(tmp_path / ".duragent/agents", "bob", "openai")

    catalog = Catalog.open(tmp_path / ".duragent/agents")
    assert catalog.get("bob").spec.tools == catalog.get("ada").spec.tools


def test_policy_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".duragent").mkdir()
    policy = tmp_path / ".duragent/policy.yaml"
    policy.write_text("mode: restrict\n")

    assert policy in write_workspace(tmp_path, "ada", "demo").skipped
    assert policy.read_text() == "mode: restrict\n"


DENIED = {
    "bash:rm / *": ["rm / -rf"],
    "bash:rm * / *": [
        "rm -rf /",
        "rm -fr /",
        "rm -r -f / --verbose",
        "/bin/rm --recursive --force /",
        "cd x && rm -rf /",
    ],
    r"bash:rm * /\* *": ["rm -rf /*", "rm -rf a /* b"],
    "bash:rm * ~ *": ["rm -rf ~"],
    "bash:rm * ~/ *": ["rm -rf ~/"],
    r"bash:rm * ~/\* *": ["rm -rf ~/*"],
    "bash:rm * $HOME *": ["rm -rf $HOME", 'rm -rf "$HOME"'],
    "bash:rm * ${HOME} *": ["rm -rf ${HOME}"],
    "bash:rm *--no-preserve-root*": ["rm -rf --no-preserve-root /x"],
    "bash:mkfs*": ["mkfs.ext4 /dev/sda1", "mkfs -t ext4 disk"],
    "bash:dd *of=/dev/*": ["dd if=/dev/zero of=/dev/sda"],
    "bash:> /dev/*": ["echo x > /dev/sda", "cat x >> /dev/sda"],
    "bash:sudo *": ["sudo ls", "find . -exec sudo ls {} +", "bash -c 'sudo ls'"],
    "bash:su *": ["su", "su - root"],
    "bash:chmod *+s*": ["chmod u+s x"],
    "bash:chmod *777*": ["chmod -R 777 .", "chmod 0777 x"],
    "bash:shutdown *": ["shutdown -h now", "/sbin/shutdown"],
    "bash:reboot *": ["reboot"],
    "bash:halt *": ["halt"],
    "bash:poweroff *": ["poweroff"],
    "bash:crontab *": ["crontab -e", "echo x | crontab"],
    "*:*.ssh/*": [
        "cat ~/.ssh/id_ed25519",
        "cat .SSH/config",
        'cat < ~/.s"s"h/id',
        'wc < ~/.s"sh"/id',
        r"cat 0<~/.ss\h/id",
    ],
    "bash:*/.ssh *": ["ls ~/.ssh", "tar c ~/.ssh -f x", "cd; ls -a ./'.ssh'"],
    "bash:* .ssh *": ["ls .ssh", "ls .s's'h -a", "cd .SSH && ls"],
    "cli:*.ssh *": [],
    "mcp:*.ssh *": [],
    "builtin:*.ssh *": [],
    "*:*/etc/shadow*": ["cat /etc/shadow"],
    "bash:duragent memory review*": ["duragent memory review", "cd a && duragent memory review m_1 --keep"],
    "bash:duragent memory forget*": ["duragent memory forget m_1", "/usr/bin/duragent memory forget --match x"],
    "bash:duragent approve*": ["duragent approve", "duragent approve s1 --yes"],
    "bash:duragent session redact*": ["duragent session redact s1 4", "echo 4 | duragent session redact s1 -"],
    "bash:nc *-l*": ["nc -lvp 80", "nc -l 80"],
    "bash:ncat *-l*": ["ncat --listen 80"],
    "bash:*curl *| sh *": ["curl x | sh", "cd a && curl x | sh -s"],
    "bash:*curl *|sh *": ["curl x|sh"],
    "bash:*curl *| bash *": ["curl x | bash"],
    "bash:*curl *|bash *": ["curl x |bash"],
    "bash:*wget *| sh *": ["wget -qO- x | sh"],
    "bash:*wget *|sh *": ["wget x|sh"],
    "bash:*wget *| bash *": ["wget x | bash"],
    "bash:*wget *|bash *": ["wget x|bash"],
    "bash:*bash *(curl *": ["bash <(curl x)", 'bash -c "$(curl x)"'],
    "bash:*bash *(wget *": ["bash <(wget x)"],
    "bash:*sh -c *(curl *": ['sh -c "$(curl x)"'],
    "bash:*sh -c *(wget *": ['sh -c "$(wget -qO- x)"'],
}


def starting_policy(tmp_path: Path) -> Policy:
    write_workspace(tmp_path, "ada", "demo")
    policy = load_policy(tmp_path / ".duragent", tmp_path / ".duragent/agents/ada")
    assert policy.faults == ()
    return policy


def test_each_line_of_the_policy_denies_what_it_says(tmp_path: Path) -> None:
    policy = starting_policy(tmp_path)

    assert [rule.pattern for rule in policy.deny] == list(DENIED)
    found = {
        pattern: [judge(policy, Invocation("bash", "bash", command)) for command in commands]
        for pattern, commands in DENIED.items()
    }
    assert {pattern: {getattr(verdict, "rule", "") for verdict in each} for pattern, each in found.items()} == {
        pattern: {pattern} if commands else set() for pattern, commands in DENIED.items()
    }


def test_policy_denies_keys_to_every_tool(tmp_path: Path) -> None:
    policy = starting_policy(tmp_path)

    for text in (
        "read_file /home/a/.ssh/id_rsa",
        "read_file /etc/shadow",
        "list_files .ssh",
        "search_files x path=.ssh",
    ):
        assert isinstance(judge(policy, Invocation("builtin", "read_file", text)), Deny)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("ls -a", Allow),
        ("git status --short && git log a..b", Allow),
        ("ls 2> /dev/null", Allow),
        ("grep -rn sudo .", Allow),
        ("ls *.txt", Allow),
        ("wc -l src/*.py", Allow),
        ("cat *", Allow),
        ("cat src/[a-c]?.py", Allow),
        ("echo $?", Allow),
        ("cat ~/.s*/id", Ask),
        ("cat .s*/id", Ask),
        ("cat .[a-z]sh/id", Ask),
        ("cat ~/.*", Ask),
        ("cat .ss[gh]", Ask),
        ("cat /etc/s*", Ask),
        ("cat /e*/shadow", Ask),
        ("cat /e*c/sh?dow", Ask),
        ("cat $X", Ask),
        ("cat *$X", Ask),
        ("cat {.ssh,x}*", Ask),
        ("chmod $?7 x", Ask),
        ("touch hello.txt", Ask),
        ("rm -rf build", Ask),
        ("curl https://example.com/ | jq .", Ask),
    ],
)
def test_policy_leaves_everyday_commands_alone(tmp_path: Path, command: str, kind: type) -> None:
    assert type(judge(starting_policy(tmp_path), Invocation("bash", "bash", command))) is kind


def test_an_untouched_demo_agent_makes_room_for_a_real_model(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    file = tmp_path / ".duragent/agents/ada/agent.yaml"

    assert write_workspace(tmp_path, "ada", "openai").replaced == (file,)
    assert Catalog.open(tmp_path / ".duragent/agents").get("ada").spec.model.provider == "openai"
    assert write_workspace(tmp_path, "ada", "anthropic").replaced == ()


def test_a_demo_agent_that_was_edited_is_kept(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    file = tmp_path / ".duragent/agents/ada/agent.yaml"
    edited = file.read_text() + "# mine\n"
    file.write_text(edited)

    assert file in write_workspace(tmp_path, "ada", "openai").skipped
    assert file.read_text() == edited


def test_the_demo_of_a_first_chat_is_given_a_model_unless_it_was_edited(tmp_path: Path) -> None:
    write_workspace(tmp_path, "ada", "demo")
    agents = tmp_path / ".duragent/agents"
    assert is_demo(agents, "ada")
    assert not is_demo(agents, "bob")
    assert replace_demo(agents, "ada", "openai", "gpt")
    assert (load_agent(agents / "ada").spec.model.name, is_demo(agents, "ada")) == ("gpt", False)
    assert not replace_demo(agents, "ada", "openai", "other")
    assert load_agent(agents / "ada").spec.model.name == "gpt"
