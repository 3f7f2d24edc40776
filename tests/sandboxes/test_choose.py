"""The strongest sandbox that works is taken, the one asked for is never replaced, and doctor says why."""

import os
import pwd
from pathlib import Path

import pytest
from pydantic import ValidationError

from duragent.errors import DuragentError, SandboxUnavailable
from duragent.sandboxes.base import CommandLimits, Confinement
from duragent.sandboxes.choose import Fact, choose, report, widen
from duragent.sandboxes.secret_places import homes_here, secret_places
from duragent.sandboxes.settings import LimitSettings, SandboxSettings
from duragent.testing.sandbox_contract import inside
from tests.support.machine import needs_bubblewrap

NO_ENGINE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
HERE = Confinement((Path("/home/me/project"),))


@pytest.fixture
def no_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where it is not installed."""
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)


@needs_bubblewrap
def test_auto_takes_bubblewrap_where_it_works() -> None:
    assert choose(SandboxSettings()).describe(HERE) == "bubblewrap, /home/me/project, network off"


@pytest.mark.usefixtures("no_bubblewrap")
def test_auto_falls_back_to_none_and_says_so() -> None:
    assert choose(SandboxSettings()).describe(HERE) == "no sandbox, /home/me/project, network on"


def test_trust_is_taken_when_asked_for() -> None:
    assert choose(SandboxSettings(mode="trust")).name == "trust"


@pytest.mark.usefixtures("no_bubblewrap")
@pytest.mark.parametrize(
    "settings", [SandboxSettings(mode="bubblewrap"), SandboxSettings(require="bubblewrap")], ids=["mode", "require"]
)
def test_sandbox_that_was_asked_for_is_not_replaced(settings: SandboxSettings) -> None:
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap") as caught:
        choose(settings)
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


def test_secret_places_are_never_a_home_or_what_it_lies_in() -> None:
    environ = {"GNUPGHOME": "/home/me/", "KUBECONFIG": "/home:/:rel", "DOCKER_HOST": "tcp://x", "XDG_RUNTIME_DIR": ""}
    environ |= {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus,guid=1", "XDG_CONFIG_HOME": "/conf"}
    home = Path("/home/me")
    places = secret_places([home], environ)
    assert {home / ".ssh", Path("/run/bus"), Path("/conf/gh"), home / ".config/gh"} <= set(places)
    assert [place for place in places if home.is_relative_to(place) or not place.is_absolute()] == []


def test_homes_are_those_of_the_environment_and_of_the_user() -> None:
    homes = homes_here({"HOME": "/somewhere"})
    assert homes[0] == Path("/somewhere")
    assert Path(pwd.getpwuid(os.getuid()).pw_dir) in homes
    assert homes_here({"HOME": "relative"})[0] != Path("relative")


def test_settings_add_to_a_confinement() -> None:
    settings = SandboxSettings(network=True, writable=["/cache"], hidden=["~/x"])
    wide = Confinement((Path("/p"), Path("/cache")), (Path("/p/r"),), (Path("/t"), Path.home() / "x"), network=True)
    assert widen(Confinement((Path("/p"),), (Path("/p/r"),), (Path("/t"),)), settings) == wide
    assert widen(HERE, SandboxSettings()) == HERE


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "firejail"},
        {"mode": "trust", "require": "bubblewrap"},
        {"mode": "docker", "require": "bubblewrap"},
        {"require": "trust"},
        {"network": "yes"},
        {"writable": ["relative"]},
        {"hidden": ["~other/x"]},
        {"visible": ["a\0b"]},
        {"pass_env": ["A=B"]},
        {"pass_env": [""]},
        {"docker_image": "--privileged"},
        {"docker_image": "a b"},
        {"unknown": 1},
        {"limits": {"processes": 0}},
        {"limits": {"memory_mebibytes": 1}},
        {"limits": {"memory_mebibytes": "most"}},
        {"limits": {"memory": 100}},
    ],
)
def test_settings_refuse(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SandboxSettings.model_validate(wrong)


def test_every_setting_is_described() -> None:
    fields = SandboxSettings.model_fields | LimitSettings.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


def test_limits_are_on_unless_they_are_switched_off() -> None:
    usual = SandboxSettings().limits.limits()
    assert usual.memory_bytes is not None
    assert (usual.processes, usual.file_bytes, usual.open_files, usual.cpu_seconds) == (2048, 10 << 30, 65_536, None)
    assert 0 < usual.memory_bytes <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    none = dict.fromkeys(("processes", "memory_mebibytes", "file_mebibytes", "open_files", "cpu_seconds"))
    assert LimitSettings.model_validate(none).limits() == CommandLimits()
    assert LimitSettings.model_validate(none).in_words() == "none"
    small = LimitSettings(processes=50, memory_mebibytes=64, file_mebibytes=0, open_files=None, cpu_seconds=7)
    assert small.limits() == CommandLimits(50, 64 << 20, 0, None, 7)
    assert small.in_words() == "50 processes and threads, 64 MiB of memory, 0 MiB a file, 7 seconds of CPU time"


@needs_bubblewrap
def test_report_says_what_works_and_what_is_used() -> None:
    assert report(SandboxSettings(), {"PATH": "/nonexistent"}) == [
        Fact("bubblewrap", True, "works here"),
        Fact("docker", False, "docker is not installed", "see https://docs.docker.com/engine/install/"),
        Fact("trust", True, "commands run as they are, with all that you may do"),
        Fact("sandbox", True, "auto: bubblewrap is used"),
    ]


@pytest.mark.usefixtures("no_bubblewrap")
def test_report_says_what_to_do_where_nothing_works() -> None:
    hint = "apt install bubblewrap (or: dnf install bubblewrap, pacman -S bubblewrap, apk add bubblewrap)"
    facts = report(SandboxSettings())
    assert facts[0] == Fact("bubblewrap", False, "bubblewrap is not installed", hint)
    why = "auto: no sandbox is used, commands run as you; what reads outside the project is asked about, too"
    assert facts[-1] == Fact("sandbox", True, why, hint)
    required = report(SandboxSettings(require="bubblewrap"))[-1]
    assert required == Fact("sandbox", False, "bubblewrap: bubblewrap is not installed", hint)
