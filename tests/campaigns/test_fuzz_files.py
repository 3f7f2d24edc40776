"""Files that people write and strangers change: each is read, or the error names the file; never anything else."""

import json
import os
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from duragent.agent.load import load_agent
from duragent.agent.skills import load_skill
from duragent.client.address import local_url, read_address
from duragent.config import load_config
from duragent.errors import InvalidFile, ServerUnreachable, WorkspaceLocked
from duragent.policy.files import load_policy
from duragent.policy.rules import Deny, Invocation, judge
from duragent.process import runner
from duragent.process.folder import look
from duragent.process.spool import Spool
from duragent.session import index
from duragent.stores.files.locks import WorkspaceLock
from duragent.tools.programs.schema import load_schema
from duragent.wire import ServerAddress
from duragent.yaml.document import MAX_NODES, parse_yaml, read_yaml
from tests.campaigns.campaign import Campaign
from tests.campaigns.fuzz import changed, takes_linear_time

AGENT = b"""apiVersion: duragent/v1alpha1
kind: Agent
metadata:
  name: helper
  description: "Tidies, at 22:30"
spec:
  model: {provider: demo, name: gpt, temperature: 0.5, max_output_tokens: 100}
  skills_dir: >-
    skills
  session: {on_disconnect: pause}
  tools:
    - {type: builtin, name: bash}
    - type: cli
      name: deploy
      command: ./deploy.sh
  hooks:
    before_tool: [{match: "bash", type: skip_duplicate}]
"""
CONFIG = b"""workspace: .
server: {host: 127.0.0.1, port: 8080}
allow_network_fs: no
"""
POLICY = b"""mode: ask   # how
deny:
  - bash:rm *
allow: [bash:make, "builtin:think"]
notify: {enabled: true, deliveries: [{type: webhook, url: "https://a/b"}]}
"""
SKILL = b"""---
name: tidy
description: Tidies a folder.
allowed-tools: Read Bash(git *)
metadata: {author: me}
---
# Tidy

Look first.
"""
SCHEMA = b"""{"type": "object", "properties": {"city": {"type": "string", "pattern": "^[a-z]+$"},
"n": {"$ref": "#/$defs/n"}},
"required": ["city"], "$defs": {"n": {"type": "integer", "minimum": 0}}, "x-effect": "pure", "x-timeout-seconds": 20}"""
ADDRESS = json.dumps(
    ServerAddress(
        host="127.0.0.1", port=8080, pid=42, started_at="2026-01-01T00:00:00Z", version="1", workspace_hash="0" * 64
    ).model_dump()
).encode()
WORDS = (
    b"mode: dangerous\n",
    b"allow: ['*']\n",
    b"apiVersion: x\n",
    b"?\n",
    b"!!binary ",
    b"\xc2\x85",
    b"---\n",
    b"...\n",
)


@contextmanager
def errors_name(path: Path) -> Iterator[None]:
    """What goes wrong is an InvalidFile about this file, in one line that can be shown."""
    try:
        yield
    except InvalidFile as error:
        text = str(error)
        assert str(path) in text
        assert len(text) < 2_000
        lines = path.read_bytes().decode(errors="replace").splitlines()
        assert error.line is None or 1 <= error.line <= len(lines) + 1  # noqa: PT017  # it may be raised or not
        text.encode()


def yaml_of_an_agent(chance: random.Random, place: Path) -> None:
    folder = place / "agents" / "helper"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.yaml").write_bytes(changed(chance, AGENT, WORDS))
    with errors_name(folder / "agent.yaml"):
        load_agent(folder)


def yaml_of_the_server(chance: random.Random, place: Path) -> None:
    (place / "duragent.yaml").write_bytes(changed(chance, CONFIG, WORDS))
    with errors_name(place / "duragent.yaml"):
        load_config(place / "duragent.yaml", {})


def policy_that_cannot_be_read_denies(chance: random.Random, place: Path) -> None:
    agent = place / "helper"
    agent.mkdir(exist_ok=True)
    path = chance.choice([place / "policy.yaml", agent / "policy.yaml", agent / "policy.local.yaml"])
    path.write_bytes(changed(chance, POLICY, WORDS))
    policy = load_policy(place, agent)
    path.unlink()
    if policy.faults:
        assert isinstance(judge(policy, Invocation("bash", "bash", "ls")), Deny)
        assert str(path) in policy.faults[0][1]


def skill(chance: random.Random, place: Path) -> None:
    (place / "tidy").mkdir(exist_ok=True)
    (place / "tidy" / "SKILL.md").write_bytes(changed(chance, SKILL, WORDS))
    with errors_name(place / "tidy" / "SKILL.md"):
        assert load_skill(place, "tidy").name == "tidy"


def schema_of_a_program(chance: random.Random, place: Path) -> None:
    (place / "schema.json").write_bytes(changed(chance, SCHEMA))
    with errors_name(place / "schema.json"):
        schema = load_schema(place / "schema.json", place)
        assert schema is not None
        for values in ({}, {"city": "x"}, {"city": 1, "n": -1}, {"n": 10**400, "city": "\ud800"}):
            assert isinstance(schema.faults(values), list)


def address_of_a_server(chance: random.Random, place: Path) -> None:
    (place / "run").mkdir(exist_ok=True)
    (place / "run" / "server.json").write_bytes(changed(chance, ADDRESS))
    address = read_address(place)
    if address is not None:
        try:
            url = local_url(address)
        except ServerUnreachable:
            return
        assert re.fullmatch(r"http://(127\.[0-9.]+|\[::1(%\w+)?\]|\[[0-9a-f:.]+\]):[0-9]{1,5}", url), url


def lock_of_a_workspace(chance: random.Random, place: Path) -> None:
    path = place / ".lock"
    path.write_bytes(changed(chance, b"pid 42, since 10:00\n"))
    first, second = WorkspaceLock(path), WorkspaceLock(path)
    first.acquire("me")
    path.write_bytes(changed(chance, b"pid 42, since 10:00\n"))
    with pytest.raises(WorkspaceLocked) as caught:
        second.acquire("another")
    first.release()
    str(caught.value).encode()


CHECKS: tuple[Callable[[random.Random, Path], None], ...] = (
    yaml_of_an_agent,
    yaml_of_the_server,
    policy_that_cannot_be_read_denies,
    skill,
    schema_of_a_program,
    address_of_a_server,
    lock_of_a_workspace,
)


def search(campaign: Campaign, check: Callable[[random.Random, Path], None], place: Path, numbers: range) -> None:
    for number in campaign.cases(numbers):
        with campaign.case(number) as chance:
            check(chance, place)
    print(f"{check.__name__}: {len(numbers)} files")  # noqa: T201  # a campaign says what it did


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_changed_file_is_read_or_named(campaign: Campaign, tmp_path: Path, check: Callable[..., None]) -> None:
    search(campaign, check, tmp_path, range(60))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_changed_file_is_read_or_named_in_a_long_search(
    campaign: Campaign, tmp_path: Path, check: Callable[..., None]
) -> None:
    search(campaign, check, tmp_path, range(1_000, 31_000))


def test_samples_are_good_files(tmp_path: Path) -> None:
    for folder, name, content in [
        ("helper", "agent.yaml", AGENT),
        (".", "duragent.yaml", CONFIG),
        ("tidy", "SKILL.md", SKILL),
        (".", "schema.json", SCHEMA),
        (".", "policy.yaml", POLICY),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(content)
    load_agent(tmp_path / "helper")
    load_config(tmp_path / "duragent.yaml", {})
    load_skill(tmp_path, "tidy")
    load_schema(tmp_path / "schema.json", tmp_path)
    assert load_policy(tmp_path, tmp_path / "helper").faults == ()


# --- what is known to hurt ------------------------------------------------------------------------------------------

BOMBS = {
    "aliases of aliases": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n",
    "a merge key": "a: {<<: {b: 1}}\nb: {<<: *a}\n",
    "deep nesting": "[" * 5_000,
    "deep mappings": "".join(f"{' ' * at}a:\n" for at in range(500)),
    "a complex key": "? [a, b]\n: c\n",
    "many values": "[" + "a," * (MAX_NODES + 1) + "]",
    "a huge number": "a: " + "9" * 10_000,
    "a number in base sixty": "a: 0x" + "f" * 10_000,
    "an object of Python": "a: !!python/object/apply:os.system [id]\n",
    "a tag of a stranger": "%TAG ! tag:evil,2000:\n---\na: !x y\n",
    "binary": "a: !!binary aGk=\n",
    "a date that is none": "a: !!timestamp 2026-13-45\n",
    "two documents": "a: 1\n---\na: 2\n",
    "a NUL": "a: b\0c\n",
    "a long key": "a" * 100_000 + ": 1\n",
    "a control character": "a: \x1b[2J\n",
    "an end in a quote": 'a: "b\\',
    "tabs": "a:\n\tb: 1\n",
    "an anchor that nobody uses": "a: &x 1\n",
}


@pytest.mark.parametrize("kind", BOMBS)
def test_file_that_is_made_to_hurt_is_refused_with_its_line(kind: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        parse_yaml(BOMBS[kind], "f.yaml")
    assert str(caught.value).startswith("f.yaml:"), caught.value
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b"\xef\xbb\xbfa: b\n", {"a": "b"}),
        (b"a: b\r\nc: 22:30\r\n", {"a": "b", "c": "22:30"}),
        (b"a: 2026-01-01\rb: no\r", {"a": "2026-01-01", "b": False}),
        (b"a: 0o17\nb: 1e3\nc: =\n", {"a": "0o17", "b": "1e3", "c": "="}),
        (b"", {}),
        (b"# only a comment", {}),
    ],
)
def test_odd_but_good_file_is_read_as_it_is_meant(tmp_path: Path, written: bytes, value: object) -> None:
    (tmp_path / "f.yaml").write_bytes(written)
    assert read_yaml(tmp_path / "f.yaml").data == value


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_file_in_another_encoding_is_refused_with_words(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "f.yaml").write_bytes("a: é\n".encode(encoding))
    with pytest.raises(InvalidFile, match=r"is not UTF-8 text|a character that YAML does not allow"):
        read_yaml(tmp_path / "f.yaml")


@pytest.mark.parametrize(
    "unit", ["a: b\n", "- ", "[", "a,", "? ", "&a ", "'", "\\", "#", " ", "\n", "a: |\n x\n", "é", "{a: b},"]
)
def test_parsing_takes_linear_time(unit: str) -> None:
    def parse(text: str) -> None:
        try:
            parse_yaml(text, "f.yaml")
        except InvalidFile:
            return

    takes_linear_time(parse, unit, 50_000)


# --- the spool of commands ------------------------------------------------------------------------------------------


async def results_of_commands(chance: random.Random, place: Path) -> None:
    """The files that a runner left are edited: there is a result or none. No other process is killed."""
    spool = await Spool.open(place)
    folder = place / "session_1.c1"
    folder.mkdir()
    files = {
        "spec.json": json.dumps({"argv": ["true"], "boot": runner.boot_id(), "timeout_seconds": 1}).encode(),
        "runner.json": json.dumps(
            {"boot": runner.boot_id(), "pid": 2**22 + 7, "started": 5, "child": 2**22 + 8}
        ).encode(),
        "exit.json": json.dumps({"ending": "exited", "exit_code": 0, "stdout_bytes": 3, "stderr_bytes": 0}).encode(),
        "stdout.0": b"hi\n",
    }
    for name, content in files.items():
        if chance.random() < 0.8:
            (folder / name).write_bytes(changed(chance, content) if chance.random() < 0.6 else content)
    seen = look(folder)
    if seen.stage != "running":
        assert await spool.evidence("session_1", "c1", spool.id) in ("never_started", "finished", "unknown")
    if seen.finished is not None:
        assert len(seen.finished.stdout.head) <= 10
    await spool.forget("session_1", "c1")
    assert not folder.exists()
    assert os.listdir(place) == ["id"]


async def test_changed_result_of_a_command_is_read_or_unknown(campaign: Campaign, tmp_path: Path) -> None:
    for number in campaign.cases(range(60)):
        with campaign.case(number) as chance:
            (tmp_path / str(number)).mkdir()
            await results_of_commands(chance, tmp_path / str(number))


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
async def test_changed_result_of_a_command_is_read_or_unknown_in_a_long_search(
    campaign: Campaign, tmp_path: Path
) -> None:
    for number in campaign.cases(range(1_000, 11_000)):
        with campaign.case(number) as chance:
            (tmp_path / str(number)).mkdir()
            await results_of_commands(chance, tmp_path / str(number))


# --- faults that were found here ------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [None, {"port": 70_000}, {"port": -1}, {"port": 0}])
async def test_address_that_cannot_be_is_no_server(tmp_path: Path, changes: dict[str, object] | None) -> None:
    (tmp_path / "run").mkdir()
    text = "[" * 100_000 if changes is None else json.dumps(json.loads(ADDRESS) | changes)
    (tmp_path / "run" / "server.json").write_text(text)
    assert read_address(tmp_path) is None


def test_list_of_sessions_that_is_nested_too_deeply_is_left_out() -> None:
    assert index.load(b"[" * 100_000) == {}


@pytest.mark.parametrize("pid", [-1, 0, 10**30])
def test_runner_with_a_pid_that_no_runner_has_is_none(tmp_path: Path, pid: int) -> None:
    (tmp_path / "runner.json").write_text(json.dumps({"boot": runner.boot_id(), "pid": pid}))
    assert look(tmp_path).stage == "lost"


def test_prompt_with_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper" / "agent.yaml").write_bytes(AGENT + b"  instructions: " + b"a" * 5_000 + b"\n")
    with pytest.raises(InvalidFile):
        load_agent(tmp_path / "helper")
