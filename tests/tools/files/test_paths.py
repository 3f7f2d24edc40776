import os
import socket
import stat
from pathlib import Path

import pytest

from duragent.testing.tool_context import context_in
from duragent.tools.base import Places
from duragent.tools.files.paths import PathRefused, find, open_file, remove_file, replace_file
from duragent.tools.read_file import ReadFile
from duragent.tools.write_file import WriteFile
from tests.tools.calling import call


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """work/ to write in, lib/ to read, work/.duragent/token closed, work/agents frozen, secret.txt outside."""
    for folder in ("work/.duragent", "work/agents", "work/sub", "lib"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("work/a.txt", "work/.duragent/token", "work/agents/agent.yaml", "lib/l.txt", "secret.txt"):
        (tmp_path / file).write_text(file)
    work = tmp_path / "work"
    overrides = {"roots": (tmp_path / "lib",), "closed": (work / ".duragent",), "frozen": (work / "agents",)}
    return context_in(work, **overrides).places


def content(written: str, places: Places) -> str:
    with open_file(find(written, places)) as file:
        return file.read().decode()


def overwrite(written: str, places: Places) -> None:
    spot = find(written, places, writing=True)
    replace_file(spot, b"changed", os.stat(spot.real) if spot.real.exists() else None)


def refusal(written: str, places: Places, *, writing: bool = False) -> str:
    use = overwrite if writing else content
    with pytest.raises(PathRefused) as caught:
        use(written, places)
    return str(caught.value)


def test_paths_below_the_roots_are_read(places: Places, tmp_path: Path) -> None:
    (tmp_path / "work/inner").symlink_to("sub/../a.txt")

    written = ["a.txt", "./sub/../a.txt", str(tmp_path / "work/a.txt"), "inner", "../lib/l.txt", "agents/agent.yaml"]

    assert [content(each, places) for each in written] == [*["work/a.txt"] * 4, "lib/l.txt", "work/agents/agent.yaml"]


@pytest.mark.parametrize(
    "written", ["../secret.txt", "/etc/passwd", "sub/../../secret.txt", "../work2/a.txt", "/", ".."]
)
def test_what_is_outside_is_refused(written: str, places: Places) -> None:
    assert "outside of what may be read" in refusal(written, places)
    assert "outside of what may be written" in refusal(written, places, writing=True)


@pytest.mark.parametrize("written", [".duragent/token", ".duragent/new", "sub/../.duragent/token", "up/token"])
def test_what_is_closed_is_neither_read_nor_written(written: str, places: Places) -> None:
    (places.folder / "up").symlink_to(".duragent")

    assert "closed to tools" in refusal(written, places)
    assert "closed to tools" in refusal(written, places, writing=True)
    assert (places.folder / ".duragent/token").read_text() == "work/.duragent/token"


def test_what_is_frozen_or_only_readable_is_not_written(places: Places) -> None:
    assert refusal("agents/agent.yaml", places, writing=True) == "agents/agent.yaml may be read, but not changed"
    assert refusal("agents/new/x", places, writing=True) == "agents/new/x may be read, but not changed"
    assert "outside of what may be written" in refusal("../lib/l.txt", places, writing=True)
    assert not (places.folder / "agents/new").exists()


def test_links_that_lead_out_are_refused(places: Places, tmp_path: Path) -> None:
    (places.folder / "file").symlink_to(tmp_path / "secret.txt")
    (places.folder / "folder").symlink_to(tmp_path)
    (places.folder / "hop").symlink_to("folder")

    for written in ("file", "folder/secret.txt", "hop/secret.txt"):
        assert "outside" in refusal(written, places)
        assert "outside" in refusal(written, places, writing=True)
    assert "outside" in refusal("hop/new.txt", places, writing=True)
    assert (tmp_path / "secret.txt").read_text() == "secret.txt"
    assert not (tmp_path / "new.txt").exists()


def test_a_link_to_what_decides_about_agents_is_read_but_written_only_under_its_own_name(
    places: Places, tmp_path: Path
) -> None:
    for name in (".envrc", "sub/inner/.git/hooks/pre-commit"):
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text(name)
    (tmp_path / "work/plain").symlink_to(".envrc")
    (tmp_path / "work/docs").symlink_to("sub/inner/.git")
    assert content("plain", places) == ".envrc"
    assert "leads to .envrc" in refusal("plain", places, writing=True)
    assert "name that itself" in refusal("docs/hooks/pre-commit", places, writing=True)
    assert "name that itself" in refusal("docs/hooks/new", places, writing=True)
    overwrite(".envrc", places)
    overwrite("sub/inner/.git/hooks/pre-commit", places)
    assert content("plain", places) == "changed"


def test_a_loop_of_links_is_refused(places: Places) -> None:
    (places.folder / "one").symlink_to("two")
    (places.folder / "two").symlink_to("one")

    assert "symbolic link" in refusal("one", places)


def test_a_hard_link_to_what_is_closed_is_refused(places: Places) -> None:
    token = places.folder / ".duragent/token"
    shut = Places(places.folder, places.folder, places.agent_folder, closed=(token,))
    os.link(token, places.folder / "harmless.txt")

    assert refusal("harmless.txt", shut) == "harmless.txt is closed to tools"


@pytest.mark.parametrize("swapped", ["file", "folder"])
def test_a_link_put_there_after_the_decision_leads_nowhere(swapped: str, places: Places, tmp_path: Path) -> None:
    (places.folder / "sub/b.txt").write_text("inside")
    (tmp_path / "b.txt").write_text("outside")
    reading, writing = find("sub/b.txt", places), find("sub/b.txt", places, writing=True)
    if swapped == "file":
        (places.folder / "sub/b.txt").unlink()
        (places.folder / "sub/b.txt").symlink_to(tmp_path / "b.txt")
    else:
        (places.folder / "sub").rename(places.folder / "old")
        (places.folder / "sub").symlink_to(tmp_path)

    with pytest.raises(PathRefused), open_file(reading):
        pass
    with pytest.raises(PathRefused):
        replace_file(writing, b"changed", os.stat(writing.real))
    assert (tmp_path / "b.txt").read_text() == "outside"


def test_what_is_no_regular_file_is_refused_without_waiting(places: Places) -> None:
    os.mkfifo(places.folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(places.folder / "socket"))

    assert refusal("pipe", places) == "pipe is a pipe, not a file"
    assert refusal("pipe", places, writing=True) == "pipe is a pipe, not a file"
    assert refusal("socket", places) == "socket is a socket, not a file"
    assert "is a folder" in refusal("sub", places)
    assert "is a folder" in refusal("sub", places, writing=True)
    assert "is a folder" in refusal(".", places, writing=True)


@pytest.mark.parametrize(
    ("written", "said"), [("~", "`~` is not expanded"), ("~/a.txt", "`~` is not expanded"), ("", "the path is empty")]
)
def test_home_and_nothing_are_no_paths(written: str, said: str, places: Places) -> None:
    assert refusal(written, places).startswith(said)


@pytest.mark.parametrize("written", ["a\0b", "\ud800", "x" * 300, "a/" * 5000, "a.txt/b", "new\n\u202e.txt"])
async def test_odd_paths_are_told_to_the_model(written: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    tool = ReadFile()
    arguments = ReadFile.Arguments.model_construct(path=written, offset=1, limit=1)

    result = await tool.run(arguments, context_in(tmp_path))

    assert result.outcome == "error"
    assert "\n" not in result.content
    result.content.encode()


def test_a_replaced_file_keeps_its_mode_and_leaves_nothing_behind(places: Places) -> None:
    (places.folder / "a.txt").chmod(0o751)

    replace_file(find("a.txt", places, writing=True), b"new", os.stat(places.folder / "a.txt"))
    replace_file(find("deep/er/b.txt", places, writing=True), b"b", None)

    assert (places.folder / "a.txt").read_bytes() == b"new"
    assert stat.S_IMODE((places.folder / "a.txt").stat().st_mode) == 0o751
    assert (places.folder / "deep/er/b.txt").read_bytes() == b"b"
    assert list(places.folder.rglob("*.tmp")) == []


def test_a_file_that_changed_since_it_was_looked_at_is_not_replaced(places: Places) -> None:
    spot = find("a.txt", places, writing=True)
    seen = spot.real.stat()
    spot.real.write_text("by someone else, and longer")

    for looked_at in (seen, None):
        with pytest.raises(PathRefused, match="changed by someone else"):
            replace_file(spot, b"mine", looked_at)
    assert spot.real.read_text() == "by someone else, and longer"


def test_only_the_file_that_was_looked_at_is_removed(places: Places) -> None:
    path, spot = places.folder / "a.txt", find("a.txt", places, writing=True)
    seen = path.stat()
    path.write_text("changed by someone else")
    for looked_at in (seen, None):
        with pytest.raises(PathRefused, match="was changed by someone else in the meantime"):
            remove_file(spot, looked_at)
    remove_file(spot, path.stat())
    assert not path.exists()
    remove_file(spot, seen)


async def test_writing_through_a_link_inside_changes_the_file_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link").symlink_to("real.txt")

    result = await call(WriteFile(), tmp_path, path="link", content="new")

    assert result.content == "Overwrote real.txt (3 bytes)."
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"
