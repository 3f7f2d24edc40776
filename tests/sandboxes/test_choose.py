"""The strongest sandbox that works is taken, the one asked for is never replaced, and doctor says why."""

import os
from pathlib import Path

import pytest

from duragent.errors import DuragentError, SandboxUnavailable
from duragent.sandboxes.base import Confinement
from duragent.sandboxes.choose import Fact, choose, report, widen
from duragent.sandboxes.settings import SandboxSettings
from duragent.testing.sandbox_contract import inside
from tests.support.machine import needs_bubblewrap

NO_ENGINE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
HERE = Confinement((Path("/home/me/project"),))


@needs_bubblewrap
def test_auto_takes_bubblewrap_where_it_works() -> None:
    assert choose(SandboxSettings()).describe(HERE) == "bubblewrap, /home/me/project, network off"


def test_auto_falls_back_to_none_and_says_so() -> None:
    assert choose(SandboxSettings(), bubblewrap="").describe(HERE) == "no sandbox, /home/me/project, network on"


def test_auto_without_a_fallback_runs_nothing_where_no_sandbox_works() -> None:
    settings = SandboxSettings(fallback="none")
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap"):
        choose(settings, bubblewrap="")
    why = "auto: no sandbox works here, so no command runs (`sandbox.fallback: none`)"
    assert (report(settings, bubblewrap="")[-1].why, report(settings, bubblewrap="")[-1].works) == (why, True)
    assert choose(SandboxSettings(mode="trust", fallback="none")).name == "trust"


@needs_bubblewrap
def test_a_fallback_matters_only_where_no_sandbox_works() -> None:
    assert choose(SandboxSettings(fallback="none")).name == "bubblewrap"


def test_trust_is_taken_when_asked_for() -> None:
    assert choose(SandboxSettings(mode="trust")).name == "trust"


@pytest.mark.parametrize(
    "settings", [SandboxSettings(mode="bubblewrap"), SandboxSettings(require="bubblewrap")], ids=["mode", "require"]
)
def test_sandbox_that_was_asked_for_is_not_replaced(settings: SandboxSettings) -> None:
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap") as caught:
        choose(settings, bubblewrap="")
    assert isinstance(caught.value, DuragentError)
    assert caught.value.name == "bubblewrap"


@pytest.mark.parametrize("image", [None, "debian"])
def test_docker_that_does_not_work_is_refused(image: str | None) -> None:
    with pytest.raises(SandboxUnavailable, match="'docker' cannot be used"):
        choose(SandboxSettings(mode="docker", docker_image=image), NO_ENGINE)


@needs_bubblewrap
def test_chosen_sandbox_hides_the_secrets_of_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in (".ssh/id", ".config/gh/hosts.yml", ".npmrc", "elsewhere/kube", "notes"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(f"{name} ")
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "KUBECONFIG": f"{home}/none:{home}/elsewhere/kube"}
    script = "cat .ssh/id .config/gh/hosts.yml .npmrc elsewhere/kube notes"
    settings = SandboxSettings(mode="bubblewrap")
    assert inside(choose(settings, environ), Confinement((home,)), script).stdout == b"notes "
    settings = SandboxSettings(mode="bubblewrap", visible=[f"{home}/.npmrc"])
    assert inside(choose(settings, environ), Confinement((home,)), script).stdout == b".npmrc notes "


def test_settings_add_to_a_confinement() -> None:
    settings = SandboxSettings(network=True, writable=["/cache"], hidden=["~/x"])
    wide = Confinement((Path("/p"), Path("/cache")), (Path("/p/r"),), (Path("/t"), Path.home() / "x"), network=True)
    assert widen(Confinement((Path("/p"),), (Path("/p/r"),), (Path("/t"),)), settings) == wide
    assert widen(HERE, SandboxSettings()) == HERE


@needs_bubblewrap
def test_report_says_what_works_and_what_is_used() -> None:
    assert report(SandboxSettings(), {"PATH": "/nonexistent"}) == [
        Fact("bubblewrap", True, "works here"),
        Fact("docker", False, "docker is not installed", "see https://docs.docker.com/engine/install/"),
        Fact("trust", True, "commands run as they are, with all that you may do"),
        Fact("sandbox", True, "auto: bubblewrap is used"),
    ]


def test_report_says_what_to_do_where_nothing_works() -> None:
    hint = "apt install bubblewrap (or: dnf install bubblewrap, pacman -S bubblewrap, apk add bubblewrap)"
    facts = report(SandboxSettings(), bubblewrap="")
    assert facts[0] == Fact("bubblewrap", False, "bubblewrap is not installed", hint)
    why = "auto: no sandbox is used, commands run as you; what reads outside the project is asked about, too"
    assert facts[-1] == Fact("sandbox", True, why, hint)
    required = report(SandboxSettings(require="bubblewrap"), bubblewrap="")[-1]
    assert required == Fact("sandbox", False, "bubblewrap: bubblewrap is not installed", hint)
