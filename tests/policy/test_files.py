"""The policy files: what they may say, that a broken one closes everything, and that saving keeps what is there."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duragent.errors import InvalidFile
from duragent.policy.files import PolicyFile, allow_always, load_policy, revoke, with_allowed
from duragent.policy.patterns import Rule
from duragent.policy.rules import Allow, Ask, Deny, Invocation, allow_patterns, explain, judge
from duragent.policy.tiers import Delivery, Policy
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import validate
from tests.support.judging import DEFAULT, UNASKED, bash, verdict


class Folders:
    def __init__(self, workspace: Path) -> None:
        self.workspace, self.agent = workspace, workspace / "agents" / "helper"
        self.agent.mkdir(parents=True)
        self.local = self.agent / "policy.local.yaml"

    def write(self, *, workspace: str | None = None, agent: str | None = None, local: str | None = None) -> None:
        paths = (self.workspace / "policy.yaml", self.agent / "policy.yaml", self.local)
        for path, text in zip(paths, (workspace, agent, local), strict=True):
            if text is not None:
                path.write_text(text, encoding="utf-8")

    def load(self) -> Policy:
        return load_policy(self.workspace, self.agent, UNASKED)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


# --- loading ---------------------------------------------------------------------------------------------------------


def test_without_files_the_default_holds(folders: Folders) -> None:
    assert folders.load() == DEFAULT


def test_three_tiers_are_one_policy(folders: Folders) -> None:
    folders.write(
        workspace="apiVersion: duragent/v1alpha1\nkind: Policy\nmode: restrict\ndeny:\n  - bash:rm *\n",
        agent="mode: ask\nallow:\n  - bash:make *\nnotify:\n  enabled: true\n  deliveries:\n    - type: log\n",
        local="allow:\n  - bash:cargo *\ndeny:\n  - bash:rm *\n  - bash:dd *\n",
    )
    found = folders.load()
    assert (found.mode, found.mode_source) == ("ask", "helper/policy.yaml")
    assert found.deny == (Rule("bash:rm *", "policy.yaml", 5), Rule("bash:dd *", "helper/policy.local.yaml", 5))
    assert found.allow == (
        Rule("bash:make *", "helper/policy.yaml", 3),
        Rule("bash:cargo *", "helper/policy.local.yaml", 2),
    )
    assert found.notify.enabled
    assert found.notify.deliveries == (Delivery("log"),)


def test_special_tier_may_open_the_mode_but_not_the_denials(folders: Folders) -> None:
    folders.write(workspace="mode: restrict\ndeny: ['bash:rm *']\n", agent="mode: dangerous\n")
    found = folders.load()
    assert isinstance(verdict(found, "make"), Allow)
    assert isinstance(verdict(found, "rm x"), Deny)


@pytest.mark.parametrize(
    ("files", "kept"),
    [
        ({"workspace": "deny: ['bash:rm *']"}, True),
        ({"local": "allow: ['bash:make']"}, True),
        ({"workspace": "allow: []"}, False),
        ({"agent": "allow: ['bash:make']"}, False),
    ],
)
def test_built_in_list_goes_when_a_person_writes_one(folders: Folders, files: dict[str, str], kept: bool) -> None:
    folders.write(**files)
    assert isinstance(verdict(folders.load(), "ls"), Allow) is kept


def test_webhook_is_read(folders: Folders) -> None:
    folders.write(agent="notify: {deliveries: [{type: webhook, url: 'https://a/b'}, {type: log}]}")
    assert folders.load().notify.deliveries == (Delivery("webhook", "https://a/b"), Delivery("log"))


BROKEN = [
    ("mode: asks", "policy.yaml:1: mode: must be one of dangerous, ask, restrict, not 'asks' (did you mean 'ask'?)"),
    ("\nalow: []", "policy.yaml:2: alow: is not a known key (did you mean `allow`?)"),
    ("deny: [", "policy.yaml:2: is not valid YAML"),
    ("deny: bash:rm", "must be a list"),
    ("deny:\n  - bash:ls\n  - 5", "policy.yaml:3: deny[1]: must be text, not 5"),
    ("deny: ['']", "must not be empty"),
    ("deny: ['bash:']", "must not be empty"),
    ("deny: ['web:fetch']", "begins with the type 'web', which there is not"),
    ("apiVersion: duragent/v2", "apiVersion: must be 'duragent/v1alpha1'"),
    ("kind: Agent", "kind: must be 'Policy'"),
    ("mode: ask\nmode: ask", "is there twice"),
    ("notify: {deliveries: [{type: webhook}]}", "a webhook needs `url`"),
    ("notify: {deliveries: [{type: webhook, url: x}]}", "url must begin with http"),
    ("- a", "must be a mapping"),
    ("\x00", "has a character that YAML does not allow"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN)
@pytest.mark.parametrize("tier", ["workspace", "agent", "local"])
def test_broken_file_closes_everything_and_says_why(folders: Folders, tier: str, text: str, problem: str) -> None:
    folders.write(workspace="mode: dangerous", agent="allow: ['*']")
    folders.write(**{tier: text})
    problem = problem.replace("policy.yaml", "policy.local.yaml") if tier == "local" else problem
    found = folders.load()
    for invocation in (bash("ls"), Invocation("builtin", "think", "think")):
        answer = judge(found, invocation)
        assert isinstance(answer, Deny)
        assert problem in explain(answer)[0]
        assert allow_patterns(found, invocation) == ()


def test_folder_or_dangling_link_in_place_of_a_file_closes_everything(folders: Folders) -> None:
    (folders.agent / "policy.yaml").mkdir()
    assert isinstance(verdict(folders.load(), "ls"), Deny)
    (folders.agent / "policy.yaml").rmdir()
    (folders.agent / "policy.yaml").symlink_to("nowhere")
    assert isinstance(verdict(folders.load(), "ls"), Deny)


# --- saving ----------------------------------------------------------------------------------------------------------


def test_first_always_makes_the_file(folders: Folders) -> None:
    assert allow_always(folders.agent, ["bash:git add *", "bash:rm -rf build"]) == (
        "bash:git add *",
        "bash:rm -rf build",
    )
    assert folders.local.read_text() == (
        '# What was answered with "always". You may edit this file.\n'
        "apiVersion: duragent/v1alpha1\n"
        "kind: Policy\n"
        "allow:\n"
        '  - "bash:git add *"\n'
        '  - "bash:rm -rf build"\n'
    )
    assert folders.local.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(folders.agent)) == ["policy.local.yaml"]
    assert isinstance(verdict(folders.load(), "git add -A"), Allow)
    assert isinstance(verdict(folders.load(), "ls"), Allow)


def test_saving_twice_changes_nothing(folders: Folders) -> None:
    allow_always(folders.agent, ["bash:make"])
    before = folders.local.read_bytes()
    assert allow_always(folders.agent, ["bash:make"]) == ()
    assert folders.local.read_bytes() == before


def test_answers_in_many_sessions_at_once_are_all_saved(folders: Folders) -> None:
    every = [f"bash:make {number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda pattern: allow_always(folders.agent, [pattern]), every))
    assert told == [(pattern,) for pattern in every]
    allowed = [rule.pattern for rule in folders.load().allow if rule.source.endswith("policy.local.yaml")]
    assert sorted(allowed) == sorted(every)
    assert os.listdir(folders.agent) == ["policy.local.yaml"]


EDITED = """# mine
mode: ask   # always ask

allow:      # what I know
    # first
    - bash:make   # builds
    - "bash:a: b"
    # last

# behind
deny:
    - bash:rm *
"""


def test_saving_keeps_comments_and_form(folders: Folders) -> None:
    folders.write(local=EDITED)
    allow_always(folders.agent, ["bash:x"])
    assert folders.local.read_text() == EDITED.replace('    - "bash:a: b"\n', '    - "bash:a: b"\n    - "bash:x"\n')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'allow:\n  - "bash:x"\n'),
        ("mode: ask", 'mode: ask\nallow:\n  - "bash:x"\n'),
        ("allow:\n", 'allow:\n  - "bash:x"\n'),
        ("allow: []  # none\nmode: ask\n", 'allow:  # none\n  - "bash:x"\nmode: ask\n'),
        ("allow:\n- bash:a\nmode: ask\n", 'allow:\n- bash:a\n- "bash:x"\nmode: ask\n'),
        ("allow: [bash:a, 'b']\n", 'allow:\n  - "bash:a"\n  - "b"\n  - "bash:x"\n'),
        (
            "allow:\n  - >-\n    bash:a\n    b\nmode: ask\n",
            'allow:\n  - >-\n    bash:a\n    b\n  - "bash:x"\nmode: ask\n',
        ),
    ],
)
def test_pattern_is_added_to_every_form_of_list(before: str, after: str) -> None:
    assert with_allowed(before, ["bash:x"], "f") == after


@pytest.mark.parametrize("text", ["{allow: [bash:a]}", "allow: [bash:a,\n  bash:b]\n", "mode: asks\n", "allow: ["])
def test_file_that_cannot_be_edited_is_left_alone(folders: Folders, text: str) -> None:
    folders.write(local=text)
    with pytest.raises(InvalidFile):
        allow_always(folders.agent, ["bash:x"])
    assert folders.local.read_text() == text


def test_pattern_without_a_known_type_is_not_saved(folders: Folders) -> None:
    with pytest.raises(ValueError, match="begins with the type"):
        allow_always(folders.agent, ["web:x"])
    assert not folders.local.exists()


@given(st.lists(st.text(min_size=1, max_size=30).map(lambda text: f"bash:{text}"), min_size=1, max_size=3))
def test_any_pattern_comes_back_as_it_was(patterns: list[str]) -> None:
    if any("\ud800" <= char <= "\udfff" for char in "".join(patterns)):
        return
    try:
        text = with_allowed(EDITED, patterns, "f")
    except InvalidFile:
        return
    assert validate(parse_yaml(text, "f"), PolicyFile).allow == ("bash:make", "bash:a: b", *patterns)


def test_offered_patterns_allow_after_a_restart(folders: Folders) -> None:
    command = "rm -rf 'a b' *.o && git commit -m \"it's\n\tdone\" > out"
    patterns = allow_patterns(folders.load(), bash(command))
    assert isinstance(verdict(folders.load(), command), Ask)
    allow_always(folders.agent, patterns)
    assert isinstance(verdict(folders.load(), command), Allow)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# c\nallow:\n  - bash:a  # one\n  - 'bash:b'\n  # two\n  - bash:c\n",
            "# c\nallow:\n  - bash:a  # one\n  # two\n  - bash:c\n",
        ),
        ("allow: [bash:a, bash:b]\ndeny: [bash:x]\n", 'allow: ["bash:a"]\ndeny: [bash:x]\n'),
        ("allow:\n- bash:b\nmode: ask\n", "allow: []\nmode: ask\n"),
        ("allow:\n  - >-\n    bash:b\n  - bash:a\n", "allow:\n  - bash:a\n"),
    ],
)
def test_what_is_revoked_is_taken_out_and_all_else_stays(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "policy.local.yaml").write_text(before)
    assert revoke(tmp_path, ["bash:b", "bash:none"]) == ("bash:b",)
    assert (tmp_path / "policy.local.yaml").read_text() == after
    assert revoke(tmp_path, ["bash:b"]) == ()
    assert allow_always(tmp_path, ["bash:b"]) == ("bash:b",)


def test_nothing_is_revoked_where_nothing_was_allowed_or_the_file_cannot_be_edited(tmp_path: Path) -> None:
    assert revoke(tmp_path, ["bash:b"]) == ()
    odd = "allow: [bash:a,\n  bash:b]\n"
    (tmp_path / "policy.local.yaml").write_text(odd)
    with pytest.raises(InvalidFile):
        revoke(tmp_path, ["bash:b"])
    assert (tmp_path / "policy.local.yaml").read_text() == odd
