"""Where keys and passwords commonly lie."""

import os
import pwd
from pathlib import Path

from duragent.sandboxes.choose import choose
from duragent.sandboxes.home import TOOLS_BELOW_HOME
from duragent.sandboxes.secret_places import ANYWHERE, BELOW_HOME, homes_here, secret_places
from duragent.sandboxes.settings import SandboxSettings
from tests.sandboxes.homes import SECRET, SYSTEM, inside, put
from tests.support.machine import needs_bubblewrap


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


def test_list_of_secrets_has_each_place_once_and_relative_to_a_home() -> None:
    assert len(BELOW_HOME) == len(set(BELOW_HOME)) >= 400
    assert len(ANYWHERE) == len(set(ANYWHERE)) >= 60
    assert [name for name in BELOW_HOME if name.startswith("/") or ".." in name or name != os.path.normpath(name)] == []
    assert [name for name in ANYWHERE if not name.startswith("/") or name != os.path.normpath(name)] == []


def test_no_tool_is_opened_as_a_whole_that_is_a_secret() -> None:
    """A secret that lies in an opened folder is covered; one that is the folder itself would win over the tool."""
    assert sorted(set(TOOLS_BELOW_HOME) & set(BELOW_HOME)) == []
    assert len(TOOLS_BELOW_HOME) == len(set(TOOLS_BELOW_HOME))


@needs_bubblewrap
def test_every_secret_of_the_list_is_hidden_in_a_visible_home(home: Path, project: Path) -> None:
    for name in BELOW_HOME:
        path = home / name
        if not path.exists() and not any(parent.is_file() for parent in path.parents):
            put(path)
    sandbox = choose(SandboxSettings(mode="bubblewrap", home="visible"), {"HOME": str(home), "PATH": SYSTEM})
    put(home / "control")
    ran = inside(sandbox, project, f'find "{home}" -type f -exec cat {{}} +', home)
    assert ran.stdout == f"{SECRET}\n".encode()
