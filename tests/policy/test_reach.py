"""Files that a command names: private ones are denied, and what may lead to them is asked about."""

from dataclasses import replace
from pathlib import Path

import pytest

from duragent.policy.rules import Allow, Ask, Deny, allow_patterns, explain
from duragent.policy.tiers import Mode
from tests.policy.secrets import ORDINARY, policy_in, project
from tests.support.judging import bash, policy, verdict

PLACES = {"trust": True, "fallback": False}


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


@pytest.mark.parametrize("text", ["cat /*/*/*/*/*/*", "cat " + "{a,b}" * 12, "cat $X" * 300, "cd $X; cat a"])
def test_a_line_that_names_more_files_than_can_be_looked_at_is_asked_about(tmp_path: Path, text: str) -> None:
    assert isinstance(verdict(policy_in(project(tmp_path)), text), Ask)


@pytest.mark.parametrize("text", ["cat " + "src/../" * 900 + "a", "cd .. ; " * 300 + "cat x", "cat " + "a " * 9_000])
def test_a_long_line_is_judged(tmp_path: Path, text: str) -> None:
    assert isinstance(verdict(policy_in(project(tmp_path)), text), Allow | Ask)
