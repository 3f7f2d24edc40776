"""`duragent agent check --fix`: what v0.5 took is put right, shown, and kept as it was beside it."""

from pathlib import Path

from duragent.agent.catalog import Catalog
from tests.agent.test_upgrade import GOOD, fixed
from tests.cli.commands import Command

LOOSE_AGENT = (
    GOOD.replace("name: clerk", "name: My Clerk")
    .replace("temperature: 0.5", 'temperature: "0.5"')
    .replace("spec:\n", "spec:\n  colour: red\n  model_: 1\n")
)


def agent_in(folder: Path, text: str) -> Path:
    home = folder / ".duragent/agents/clerk"
    home.mkdir(parents=True)
    path = home / "agent.yaml"
    path.write_text(text)
    path.chmod(0o640)
    return path


def test_check_names_the_way_out_and_fix_goes_it_once(duragent: Command, folder: Path) -> None:
    path = agent_in(folder, LOOSE_AGENT)
    checked = duragent("agent", "check")
    assert (checked.code, path.read_text()) == (65, LOOSE_AGENT)
    assert "`duragent agent check --fix` rewrites what needs no guess in: clerk" in checked.err
    ran = duragent("agent", "check", "--fix")
    assert ran.code == 0
    assert "fixed  clerk  spec.colour: not a key of duragent; it is a comment now" in ran.out
    assert '-    temperature: "0.5"   # not too wild\n+    temperature: 0.5   # not too wild' in ran.out
    assert path.with_name("agent.yaml.bak").read_text() == LOOSE_AGENT
    assert path.stat().st_mode & 0o777 == 0o640
    after = path.read_text()
    again = duragent("agent", "check", "--fix")
    assert (again.code, path.read_text(), "fixed" in again.out) == (0, after, False)
    assert sorted(each.name for each in path.parent.iterdir()) == ["agent.yaml", "agent.yaml.bak"]


def test_copy_of_the_original_is_never_overwritten(duragent: Command, folder: Path) -> None:
    path = agent_in(folder, LOOSE_AGENT)
    path.with_name("agent.yaml.bak").write_text("mine")
    assert duragent("agent", "check", "clerk", "--fix").code == 0
    assert path.with_name("agent.yaml.bak").read_text() == "mine"
    assert path.with_name("agent.yaml.bak-2").read_text() == LOOSE_AGENT


def test_link_is_not_followed_and_what_cannot_be_fixed_is_still_said(duragent: Command, folder: Path) -> None:
    path = agent_in(folder, LOOSE_AGENT.replace("provider: demo", "nothing: 1"))
    ran = duragent("agent", "check", "--fix")
    assert (ran.code, "spec.model.provider: is missing" in ran.out.replace("\n", " ")) == (65, True)
    path.rename(folder / "real.yaml")
    (folder / "real.yaml").write_text(LOOSE_AGENT)
    path.symlink_to(folder / "real.yaml")
    ran = duragent("agent", "check", "--fix")
    assert (ran.code != 0, "is a symbolic link" in ran.err) == (True, True)
    assert (folder / "real.yaml").read_text() == LOOSE_AGENT


def test_sessions_find_an_agent_by_the_name_that_it_had(folder: Path) -> None:
    path = agent_in(folder, fixed(LOOSE_AGENT).text)
    catalog = Catalog.open(path.parent.parent)
    assert catalog.get("My Clerk") is catalog.get("clerk")
