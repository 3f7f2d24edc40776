"""A session is forked, exported and taken in again."""

import json
import shutil
import zipfile

from tests.cli.home import DAMAGED, Home


def test_fork_export_and_import_of_a_session(home: Home) -> None:
    forked = home.run("fork", f"{home.short}@3", "--title", "Other way")
    child = forked.out.strip()
    assert (forked.code, forked.err) == (
        0,
        f"Shares the past of {home.first}@3. Go on with: duragent attach {child}\n",
    )
    told = home.sessions()[child]
    assert (told["title"], told["parent"], told["head"] > 3) == ("Other way", f"{home.first}@3", True)
    assert f"fork of\t{home.first}@3\n" in home.run("session", "show", child).out
    as_json = home.run("fork", home.first, "--json")
    assert json.loads(as_json.out)["parent"] == f"{home.first}@{home.head}"
    for wrong in ("@0", "@x", "@", "@-1", "@99999"):
        ran = home.run("fork", home.first + wrong)
        assert (ran.code, ran.out, ran.err.count("\n") <= 3) == (2, "", True), wrong
    assert ran.err == f"duragent: session '{home.first}' has the records 1 to {home.head}, not 99999\n"
    assert "\tOther way (fork)\n" in home.run("session", "list").out
    assert home.run("fork", "nothing@3").code == 66

    ran = home.run("session", "export", home.short)
    assert (ran.code, ran.out) == (0, f"{home.first}.zip\t{home.head} records\n")
    path = home.folder / f"{home.first}.zip"
    with zipfile.ZipFile(path) as reading:
        assert reading.read("events.jsonl") == home.log.read_bytes()
    before = path.read_bytes()
    piped = home.program("session", "export", home.first, "-o", "-")
    assert (piped.returncode, piped.stderr, piped.stdout[:2]) == (0, b"", b"PK")
    (home.folder / "file").write_text("")
    for place in ("nowhere/x.zip", "file/x.zip"):
        ran = home.run("session", "export", home.first, "-o", place)
        assert (ran.code, "internal error" in ran.err, "cannot be written" in ran.err) == (2, False, True), place
    assert path.read_bytes() == before
    (home.folder / "backups").mkdir()
    assert home.run("session", "export", home.first, "-o", "backups").out.startswith(f"backups/{home.first}.zip\t")
    assert [each.name for each in home.folder.iterdir() if each.name.endswith(".new")] == []

    ran = home.run("session", "import", path.name)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[1:] == ["`--new-id` takes it in beside the one that is here."]
    beside = home.run("session", "import", path.name, "--new-id")
    assert (beside.code, beside.out.split("\t")[1]) == (0, f"{home.head} records\n")
    home.run("session", "delete", home.first, "--yes")
    assert home.program("session", "import", "-", stdin=piped.stdout).returncode == 0
    assert home.first in home.sessions()
    (home.folder / "no.zip").write_bytes(before[:-30])
    ran = home.run("session", "import", "no.zip")
    assert (ran.code, ran.err.startswith("duragent: ")) == (DAMAGED, True)
    assert "the session was not imported: it is cut off, or no export of a session" in ran.err
    for name, problem in (("absent.zip", "cannot be read: No such file or directory"), (".", "is a folder: ")):
        ran = home.run("session", "import", name)
        assert (ran.code, ran.out, ran.err.count("\n")) == (66, "", 1)
        assert ran.err.startswith(f"duragent: {name} {problem}")
    shutil.rmtree(home.folder / ".duragent/agents/assistant")
    assert home.run("serve", "reload-agents").code == 0
    ran = home.run("session", "import", path.name, "--new-id")
    assert "There is no agent 'assistant' here yet: `duragent agent create assistant`." in ran.err
