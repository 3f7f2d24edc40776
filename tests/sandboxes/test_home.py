"""A home folder is hidden, tools in it are not, and the project that lies in it works as ever."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from duragent.sandboxes.base import Command, Confinement, Sandbox
from duragent.sandboxes.choose import choose
from duragent.sandboxes.home import hidden_home, repository_of
from duragent.sandboxes.settings import SandboxSettings
from duragent.testing.sandbox_contract import Ran, run
from tests.sandboxes.homes import SECRET, SYSTEM, inside, put
from tests.support.machine import needs_bubblewrap


def program(path: Path, text: str) -> Path:
    return put(path, f"#!/bin/sh\n{text}\n", 0o755)


def sandbox_of(home: Path, *, path: str = SYSTEM, visible: tuple[str, ...] = (), **environ: str) -> Sandbox:
    settings = SandboxSettings(mode="bubblewrap", visible=[*visible])
    return choose(settings, {"HOME": str(home), "PATH": path, **environ})


_READ_ALL = 'find "$HOME" -type f -exec cat {} + 2>&-; cat ~/notes/passwords ~/.ssh/id ../../notes/passwords'


@needs_bubblewrap
def test_nothing_of_a_home_is_read_whether_it_is_in_a_list_or_not(home: Path, project: Path) -> None:
    for name in (
        "notes/passwords",
        ".config/tool-of-tomorrow/token",
        ".ssh/id",
        ".local/share/x/key",
        "work/other/.env",
    ):
        put(home / name)
    assert inside(sandbox_of(home), project, f"{_READ_ALL}; ls -A ~; ls -A ..", home).stdout == b"work\nproject\n"
    visible = choose(SandboxSettings(mode="bubblewrap", home="visible"), {"HOME": str(home), "PATH": SYSTEM})
    assert SECRET.encode() in inside(visible, project, "cat ~/notes/passwords; cat ~/.ssh/id", home).stdout
    assert inside(visible, project, "cat ~/.ssh/id", home).stdout == b""


@needs_bubblewrap
def test_home_can_be_written_to_and_is_gone_with_the_command(home: Path, project: Path) -> None:
    script = "mkdir -p ~/.cache/tool ~/.config && echo x > ~/.cache/tool/y && cat ~/.cache/tool/y; echo z > made"
    for _ in range(2):
        assert inside(sandbox_of(home), project, f"ls ~/.cache 2>&-; {script}", home) == Ran(0, b"x\n", b"")
    assert sorted(path.name for path in home.iterdir()) == ["work"]
    assert (project / "made").read_text() == "z\n"


@needs_bubblewrap
def test_what_is_named_as_visible_is_seen(home: Path, project: Path) -> None:
    put(home / "data" / "set", "rows\n")
    put(home / "data" / "other" / "key")
    settings = SandboxSettings(mode="bubblewrap", visible=[f"{home}/data"], hidden=[f"{home}/data/other"])
    sandbox = choose(settings, {"HOME": str(home), "PATH": SYSTEM})
    within = Confinement((project,), hidden=(home / "data" / "other",))
    env = {"HOME": str(home), "PATH": SYSTEM}
    command = Command(("sh", "-c", "cat ~/data/set ~/data/other/key; echo x > ~/data/set"), project, env)
    assert run(sandbox.wrap(command, within)).stdout == b"rows\n"


@needs_bubblewrap
def test_home_that_is_the_project_is_seen_without_its_known_secrets(home: Path) -> None:
    for name in ("notes", ".ssh/id", ".pgpass", ".config/gh/hosts.yml"):
        put(home / name)
    ran = inside(sandbox_of(home), home, "cat notes; cat .ssh/id .pgpass .config/gh/hosts.yml; echo x > new", home)
    assert (ran.stdout, (home / "new").read_text()) == (f"{SECRET}\n".encode(), "x\n")


@needs_bubblewrap
def test_tools_in_a_home_run_and_their_secrets_stay_hidden(home: Path, project: Path) -> None:
    program(home / ".cargo/bin/one", "cat ~/.cargo/registry/package; cat ~/.cargo/credentials.toml")
    put(home / ".cargo/registry/package", "package\n")
    put(home / ".cargo/credentials.toml")
    put(home / "opt/tool-2.0/lib/words", "words\n")
    program(home / "opt/tool-2.0/bin/two", 'cat "$(dirname "$0")/../lib/words"')
    program(home / ".local/bin/three", "echo three; cat ~/.local/share/keyrings/x ~/.config/x")
    put(home / ".local/share/keyrings/x")
    put(home / ".config/x")
    program(home / "venvs/v/bin/four", "echo four")
    put(home / ".gitconfig", "[user]\n\tname = me\n")
    path = ":".join(f"{home}/{each}" for each in (".cargo/bin", "opt/tool-2.0/bin", ".local/bin"))
    sandbox = sandbox_of(home, path=f"{path}:{SYSTEM}", VIRTUAL_ENV=f"{home}/venvs/v")
    script = "one; two; three; ~/venvs/v/bin/four; cat ~/.gitconfig; echo x >> ~/.gitconfig; ls -A ~/opt"
    ran = inside(sandbox, project, script, home, f"{path}:{SYSTEM}")
    assert ran.stdout == b"package\nwords\nthree\nfour\n[user]\n\tname = me\ntool-2.0\n"


@needs_bubblewrap
def test_links_in_a_home_lead_where_they_led(home: Path, project: Path) -> None:
    put(home / "dotfiles/gitconfig", "[user]\n")
    put(home / "dotfiles/private/key")
    put(home / "disk/cargo/registry/package", "package\n")
    put(home / "disk/cargo/credentials.toml")
    put(home / "elsewhere/pipx/tool", "tool\n")
    (home / ".gitconfig").symlink_to("dotfiles/gitconfig")
    (home / ".cargo").symlink_to(home / "disk" / "cargo")
    (home / ".local").mkdir()
    (home / ".local/bin").symlink_to(home / "elsewhere" / "pipx")
    (home / "link").symlink_to(project)
    script = "cat ~/.gitconfig ~/.cargo/registry/package ~/.cargo/credentials.toml ~/.local/bin/tool ~/dotfiles/*/key"
    ran = inside(sandbox_of(home), project, script, home)
    assert ran.stdout == b"[user]\npackage\ntool\n"
    around = home / "around"
    around.symlink_to(home)
    assert inside(sandbox_of(around), project, "cat ~/.gitconfig; cd ~ && pwd -P", around).stdout.endswith(
        f"{home}\n".encode()
    )


def test_tools_are_never_a_home_or_what_it_lies_in(tmp_path: Path) -> None:
    environ = {
        "PATH": f"{tmp_path}:{tmp_path}/bin:{tmp_path}/.config/bin:/:rel",
        "GOPATH": f"{tmp_path}:/",
        "NVM_DIR": "",
    }
    (tmp_path / "bin").mkdir()
    (tmp_path / ".config" / "bin").mkdir(parents=True)
    found = hidden_home([tmp_path], environ).readable(Confinement((Path("/"),)))
    assert found == (tmp_path / "bin", tmp_path / ".config" / "bin")


def test_programs_in_a_home_open_no_shared_folder_however_path_and_home_are_spelled(tmp_path: Path) -> None:
    real, link = tmp_path / "data" / "me", tmp_path / "me"
    for name in (".local/bin", ".config/bin", ".cache/bin", "node/bin"):
        (real / name).mkdir(parents=True)
    link.symlink_to(real)
    shared = {real / name for name in ("", ".local", ".config", ".cache")}
    for home in (real, link):
        for start in (real, link, real / "x" / "..", link / "." / "x" / ".."):
            for name in (".local/bin", ".config/bin", ".cache/bin"):
                found = hidden_home([home], {"PATH": f"{start}/{name}"}).readable(Confinement((Path("/"),)))
                assert {Path(os.path.realpath(each)) for each in found} & shared == set(), (home, start, name)
                assert real / name in {Path(os.path.realpath(each)) for each in found}
            found = hidden_home([home], {"PATH": f"{start}/node/bin"}).readable(Confinement((Path("/"),)))
            assert real / "node" in {Path(os.path.realpath(each)) for each in found}


@pytest.fixture
def git(home: Path, project: Path) -> Path:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    put(home / ".gitconfig", "[user]\n\tname = me\n\temail = me@example.org\n[init]\n\tdefaultBranch = main\n")
    _git(home, home / "work", "init", "-q")
    put(project / "file", "1\n")
    _git(home, home / "work", "add", "-A")
    _git(home, home / "work", "commit", "-qm", "first")
    return home / "work"


def _git(home: Path, folder: Path, *arguments: str) -> None:
    env = {"HOME": str(home), "PATH": os.environ["PATH"]}
    subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True)


@needs_bubblewrap
def test_repository_around_a_project_and_that_of_a_worktree_can_be_read(home: Path, git: Path) -> None:
    sandbox = sandbox_of(home)
    said = inside(sandbox, git / "project", "git log --format=%s; echo 2 >> file; git diff --stat | tail -1", home)
    assert said.stdout == b"first\n 1 file changed, 1 insertion(+)\n"
    _git(home, git, "worktree", "add", "-q", str(home / "trees" / "one"))
    put(home / "trees" / "two" / "key")
    said = inside(sandbox, home / "trees" / "one", "git log --format=%s; git status --short; ls ..", home)
    assert said == Ran(0, b"first\none\n", b"")
    assert inside(
        sandbox, git, "echo 3 > new; git add new && git commit -qm second && git log --format=%s", home
    ).stdout == (b"second\nfirst\n")


@needs_bubblewrap
def test_git_file_that_a_command_has_written_opens_nothing(home: Path, project: Path) -> None:
    put(home / "keys" / "worktrees" / "x" / "gitdir", "elsewhere\n")
    put(home / "keys" / "key")
    put(project / "keys" / "worktrees" / "x" / "gitdir", f"{project}/.git\n")
    (project / "out").symlink_to(home / "keys")
    for said in (
        "keys/worktrees/x",
        f"{home}/keys/worktrees/x",
        f"{home}/keys",
        "out/worktrees/x",
        "../../keys",
        "",
        "/",
    ):
        (project / ".git").write_text(f"gitdir: {said}\n")
        assert repository_of(project) == (project,)
        ran = inside(sandbox_of(home), project, "cat ~/keys/key ../../keys/key", home)
        assert SECRET.encode() not in ran.stdout


def test_submodule_opens_the_repository_around_it_only_where_git_has_made_it(home: Path, git: Path) -> None:
    _git(home, git, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(git), "deep/part")
    assert repository_of(git / "deep" / "part") == (git / "deep" / "part", git / ".git")
    for said in ("../.git/modules/deep/part", "../.git/modules/x", "../.git", str(git / ".git")):
        # A command wrote it, in a project that had none.
        put(git / "project" / ".git", f"gitdir: {said}\n")
        assert repository_of(git / "project") == (git / "project",), said


def test_pipe_in_place_of_a_git_file_blocks_nobody(project: Path, home: Path) -> None:
    put(project / ".git", f"gitdir: {home}/worktrees/x\n")
    (home / "worktrees" / "x").mkdir(parents=True)
    os.mkfifo(home / "worktrees" / "x" / "gitdir")
    assert repository_of(project) == (project,)


@needs_bubblewrap
def test_rest_of_the_project_can_be_read_by_an_agent_that_works_in_a_part(home: Path, project: Path) -> None:
    put(project / "docs" / "page", "page\n")
    (project / "site").mkdir()
    script = "cat ../docs/page; echo x > ../docs/page; echo y > made"
    assert inside(sandbox_of(home), project / "site", script, home, project=project).stdout == b"page\n"
    assert inside(sandbox_of(home), project / "site", script, home).stdout == b""
    assert SECRET.encode() not in inside(sandbox_of(home), project / "site", "cat ~/.x", home, project=home).stdout


def test_named_pipe_where_git_would_write_a_folder_does_not_block(tmp_path: Path) -> None:
    inner = tmp_path / "keys" / "worktrees" / "x"
    inner.mkdir(parents=True)
    os.mkfifo(inner / "gitdir")
    project = tmp_path / "project"
    project.mkdir()
    (project / ".git").write_text(f"gitdir: {inner}\n")
    assert repository_of(project) == (project,)
