"""What a command sees at which path, as mounts from the outside inwards."""

from pathlib import Path

import pytest

from duragent.sandboxes.base import Confinement
from duragent.sandboxes.layout import ROOT, Access, Layer, access_to, existing, in_words, layers, on_disk


def mounts(base: dict[str, Access], writable: str = "", read_only: str = "", hidden: str = "") -> list[str]:
    """`path:access` of each mount, in order; of the confinement the paths are given with blanks between."""
    paths = [tuple(map(Path, each.split())) for each in (writable, read_only, hidden)]
    within = Confinement(paths[0], paths[1], paths[2])
    return [f"{each.path}:{each.access}" for each in layers({Path(k): v for k, v in base.items()}, within)]


@pytest.mark.parametrize(
    ("base", "writable", "read_only", "hidden", "expected"),
    [
        ({"/": "read"}, "", "", "", ["/:read"]),
        ({"/": "read"}, "/p", "", "", ["/:read", "/p:write"]),
        ({"/": "read"}, "/p", "/p/a", "/p/b", ["/:read", "/p:write", "/p/a:read", "/p/b:hide"]),
        # What says the same as what lies around it needs no mount.
        ({"/": "read"}, "/p /p/x", "/q", "", ["/:read", "/p:write"]),
        # Hidden wins over read-only, and that over writable.
        ({"/": "read"}, "/p", "/p", "", ["/:read"]),
        ({"/": "read"}, "/p", "", "/p", ["/:read", "/p:hide"]),
        # A folder between a writable one and something protected in it can be renamed, unless it is a mount itself.
        ({"/": "read"}, "/p", "/p/a/b/c", "", ["/:read", "/p:write", "/p/a:write", "/p/a/b:write", "/p/a/b/c:read"]),
        # An empty folder hides what lies in it already; a private one in it is made all the same.
        ({"/": "read", "/tmp": "private"}, "", "", "/tmp/x", ["/:read", "/tmp:private"]),
        ({"/": "read", "/t": "private", "/t/h": "private"}, "", "", "", ["/:read", "/t:private", "/t/h:private"]),
        ({"/": "read", "/tmp": "private"}, "/tmp/p", "", "", ["/:read", "/tmp:private", "/tmp/p:write"]),
    ],
)  # fmt: skip
def test_deeper_path_wins_and_mounts_come_from_the_outside_inwards(
    base: dict[str, Access], writable: str, read_only: str, hidden: str, expected: list[str]
) -> None:
    assert mounts(base, writable, read_only, hidden) == expected


@pytest.mark.parametrize(
    ("path", "access"), [("/", "read"), ("/p", "write"), ("/p/x/y", "write"), ("/p/a/b", "hide"), ("/q", "read")]
)
def test_access_is_that_of_the_nearest_mount(path: str, access: Access) -> None:
    table = [Layer(ROOT, "read"), Layer(Path("/p"), "write"), Layer(Path("/p/a"), "hide")]
    assert access_to(Path(path), table) == access


def test_links_are_followed_and_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    (folder / "nowhere").symlink_to("missing")
    assert existing([folder / "link", folder / "nowhere", folder / "missing"]) == (folder / "real",)


def test_link_that_leads_out_of_a_writable_folder_opens_nothing(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    project, outside = folder / "project", folder / "outside"
    project.mkdir()
    outside.mkdir()
    (project / "planted").symlink_to(outside)
    (project / "own").mkdir()
    found = on_disk(
        Confinement((project, project / "planted"), (project / "planted", project / "own"), (project / "planted",))
    )
    assert (found.writable, found.read_only) == ((project,), (project / "own",))
    # To hide more is never wrong.
    assert found.hidden == (outside,)


def test_words_are_one_line_whatever_the_paths_contain() -> None:
    within = Confinement((Path("/p"), Path("/a\nb\x1b[31m")))
    assert in_words("trust", within, network=True) == "trust, /p + /a\N{REPLACEMENT CHARACTER}b" + (
        "\N{REPLACEMENT CHARACTER}[31m, network on"
    )
    assert in_words("docker", Confinement(()), network=False) == "docker, nothing writable, network off"
