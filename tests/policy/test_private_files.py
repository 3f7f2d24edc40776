"""Without a sandbox no command reads a key or a token unless a person says yes, however the file is written."""

import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from duragent.policy.place import is_private
from duragent.policy.rules import Allow, Ask, Deny, allow_patterns, explain
from duragent.policy.tiers import Mode
from tests.policy.secrets import ELSEWHERE, ORDINARY, SEARCHES, SECRET, TOKENS, Shell, policy_in, project, ways
from tests.policy.test_against_bash import ENDLESS, changed
from tests.support.judging import bash, policy, verdict

PLACES = {"trust": True, "fallback": False}


STRIDE = 7
"""The suite tries each way with every seventh spelling, another one for each way; the campaign tries all."""


@pytest.mark.parametrize("chosen", PLACES.values(), ids=PLACES)
def test_no_way_to_read_a_secret_is_allowed_without_asking(tmp_path: Path, chosen: bool) -> None:
    here = project(tmp_path)
    on = policy_in(here, chosen=chosen)
    commands = [*ways(here)]
    tried = [*commands[::STRIDE], *commands[-len(ELSEWHERE + SEARCHES) :]]
    assert [command for command in tried if isinstance(verdict(on, command), Allow)] == []


@pytest.mark.campaign
@pytest.mark.parametrize("chosen", PLACES.values(), ids=PLACES)
def test_campaign_of_all_ways_to_read_a_secret(tmp_path: Path, chosen: bool) -> None:
    here = project(tmp_path)
    on = policy_in(here, chosen=chosen)
    assert [command for command in ways(here) if isinstance(verdict(on, command), Allow)] == []


def test_the_spellings_really_lead_to_the_secrets(tmp_path: Path) -> None:
    here = project(tmp_path)
    with Shell(here) as shell:
        for spelling in (*TOKENS, "/proc/$PPID/environ", "/proc/*/environ", "/proc/[0-9]*/enviro?"):
            assert SECRET in shell.output(f"cat {spelling}".replace("PROJECT", str(here))), spelling
        for command in ("cd .duragent && cat run/token", "cat /proc/*/task/*/environ", "cd link; cat run/token"):
            assert SECRET in shell.output(command), command


@pytest.mark.parametrize("chosen", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("command", ORDINARY)
def test_ordinary_work_in_a_project_is_not_asked_about(tmp_path: Path, command: str, chosen: bool) -> None:
    found = verdict(policy_in(project(tmp_path), chosen=chosen), command)
    assert isinstance(found, Allow), explain(found)


@pytest.mark.parametrize("name", [".ignore", ".gitignore", ".rgignore", "../.ignore"])
def test_a_search_that_leaves_out_hidden_folders_is_asked_about_where_a_file_names_them_again(
    tmp_path: Path, name: str
) -> None:
    here = project(tmp_path)
    (here / name).write_text("!*.md\n# !.duragent\n")
    assert isinstance(verdict(policy_in(here), "rg foo"), Allow)
    (here / name).write_text("*.log\n!.duragent/\n")
    assert isinstance(verdict(policy_in(here), "rg foo"), Ask)


# --- what is allowed is given to the real bash ------------------------------------------------------------------------


def run_what_is_allowed(folder: Path, seed: int, count: int) -> int:
    """How many of `count` changed commands were allowed, and printed no secret."""
    here, chance, ran = project(folder), random.Random(seed), 0
    policies = [policy_in(here, chosen=chosen) for chosen in PLACES.values()]
    corpus = [*ways(here)]
    with Shell(here) as shell:
        for _ in range(count):
            first, second = chance.choice(ORDINARY), chance.choice([*ORDINARY, chance.choice(corpus)])
            text = changed(chance, first + chance.choice(["; ", " && ", "\n", " | ", " "]) + second)
            if any(word in text for word in (*ENDLESS, "/dev/zero", "/dev/full")):
                continue
            if any(isinstance(verdict(on, text), Allow) for on in policies):
                assert SECRET not in shell.output(text), text
                ran += 1
    return ran


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_what_is_allowed_prints_no_secret_in_bash(tmp_path: Path) -> None:
    assert run_what_is_allowed(tmp_path, seed=1, count=300) > 20


@pytest.mark.campaign
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(2, 12))
def test_campaign_what_is_allowed_prints_no_secret_in_bash(tmp_path: Path, seed: int) -> None:
    assert run_what_is_allowed(tmp_path, seed, count=6_000) > 200


# --- denied, asked about, and allowed by a person --------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["ask", "dangerous", "restrict"])
@pytest.mark.parametrize("confined", [True, False])
@pytest.mark.parametrize(
    "command",
    [
        "cat .duragent/run/token",
        "cat /proc/1/environ",
        "cat /proc/[0-9]*/enviro?",
        "cat link/run/token",
        "cat < notes",
        "sudo cat .duragent/run/token",
        "cd .duragent; cat run/*",
        "cp ~/.local/state/duragent/token x",
        "rm -r link/run",
    ],
)
def test_a_private_file_is_denied_in_every_mode_and_place(
    tmp_path: Path, command: str, confined: bool, mode: Mode
) -> None:
    here = policy_in(project(tmp_path), confined=confined)
    on = replace(policy(mode=mode, allow=["bash:*", f"bash:{command}"]), place=here.place)
    found = verdict(on, command)
    assert isinstance(found, Deny), explain(found)
    assert found.source == "built-in default"
    assert found.rule.endswith(" is private")


OUTSIDE = (
    "cat ../outside", "cat ~/outside", "ls ..", "ls /", "grep foo ../outside", "grep -r foo ..", "cat out",
    "cat < ../outside", "cd .. && ls", "find .. -name x", "head -n1 ../out*", "cat ../{outside,x}", "ls $X",
    "diff README.md ../outside", "wc -l /etc/passwd", "grep -f../outside README.md", "stat $HOME",
    "git diff --no-index README.md ../outside", "cat src/../../outside",
)  # fmt: skip


@pytest.mark.parametrize("command", OUTSIDE)
def test_reading_outside_the_project_is_asked_about_where_no_sandbox_works(tmp_path: Path, command: str) -> None:
    here = project(tmp_path)
    (here.parent / "outside").write_text("foo")
    (here / "out").symlink_to("../outside")
    found = verdict(policy_in(here, chosen=False), command)
    assert isinstance(found, Ask), explain(found)
    assert isinstance(verdict(policy_in(here, confined=True, chosen=False), command), Allow)


def test_a_person_may_allow_to_read_outside_always(tmp_path: Path) -> None:
    here = project(tmp_path)
    (here.parent / "outside").write_text("foo")
    on = policy_in(here, chosen=False)
    for command in ("cat ../outside", "cat < ../outside", "cat ../outside README.md | head"):
        offered = allow_patterns(on, bash(command))
        assert offered, command
        assert isinstance(verdict(on.allowing(offered), command), Allow)
    assert isinstance(verdict(on.allowing(["bash:cat *"]), "cat ../outside"), Ask)
    assert isinstance(verdict(on.allowing(["bash:cat ../outside *"]), "cat ../outside README.md"), Allow)


def test_what_is_known_only_later_is_asked_about_and_never_offered(tmp_path: Path) -> None:
    on = policy_in(project(tmp_path))
    for command in ("cat $X", "git ls-files | xargs cat", "find . -exec head {} +", "sort < $X"):
        assert isinstance(verdict(on, command), Ask), command
        assert allow_patterns(on, bash(command)) == ()
        assert isinstance(verdict(on.allowing(["bash:cat *", "bash:head *", "bash:sort *"]), command), Ask)


@pytest.mark.parametrize(
    ("path", "private"),
    [
        ("/proc/1/environ", True),
        ("/proc/77/task/78/environ", True),
        ("/proc/self/mem", True),
        ("/proc/1/fd/3", True),
        ("/proc/1/status", False),
        ("/proc/cpuinfo", False),
        ("/w/.duragent/run", True),
        ("/w/.duragent/run/spool/x", True),
        ("/w/.DURAGENT/Sessions/a/events.jsonl", True),
        ("/w/.duragent/agents/a/agent.yaml", False),
        ("/home/me/.local/state/duragent/token", True),
        ("/run/user/1000/duragent/x", True),
        ("/home/me/duragent/token.py", False),
        ("/home/me/environ", False),
    ],
)
def test_private_files_are_known_by_their_names(path: str, private: bool) -> None:
    assert is_private(path) is private


@pytest.mark.parametrize("text", ["cat /*/*/*/*/*/*", "cat " + "{a,b}" * 12, "cat $X" * 300, "cd $X; cat a"])
def test_a_line_that_names_more_files_than_can_be_looked_at_is_asked_about(tmp_path: Path, text: str) -> None:
    assert isinstance(verdict(policy_in(project(tmp_path)), text), Ask)


@pytest.mark.parametrize("text", ["cat " + "src/../" * 900 + "a", "cd .. ; " * 300 + "cat x", "cat " + "a " * 9_000])
def test_a_long_line_is_judged(tmp_path: Path, text: str) -> None:
    assert isinstance(verdict(policy_in(project(tmp_path)), text), Allow | Ask)
