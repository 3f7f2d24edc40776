"""`memory list|show|add|search`: for people and for programs."""

import json
import os

import pytest

from tests.cli.commands import stdin_of
from tests.cli.memory.conftest import MemoryDesk
from tests.support.terminal import Terminal


async def test_note_is_added_listed_shown_and_found(desk: MemoryDesk) -> None:
    assert (await desk.run("memory", "list")).out == "note\twritten\twho\tfile\ttext\n"
    added = await desk.run("memory", "add", "The user prefers", "metric units.", "--importance", "0.9")
    note, file = added.out.rstrip().split("\t")
    assert (added.code, note[:2], file.startswith("daily/")) == (0, "m_", True)
    header, row = (await desk.run("memory", "list", "-a", "ada")).out.splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert (cells["note"], cells["who"], cells["text"]) == (note, "you said it", "The user prefers metric units.")
    for part in (note, note[2:], note[3:]):
        shown = await desk.run("memory", "show", part)
        assert shown.out.startswith(f"note\t{note}\n")
        assert shown.out.endswith("\n\nThe user prefers metric units.\n")
    found = json.loads((await desk.run("memory", "search", "which units?", "--json")).out)
    assert [each["id"] for each in found["notes"]] == [note]
    header, row = (await desk.run("memory", "search", "which units?")).out.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["not_shown"] == ""
    assert [each["id"] for each in json.loads((await desk.run("memory", "list", "--json")).out)] == [note]


async def test_note_comes_from_a_pipe_and_takes_the_place_of_another(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = (await desk.run("memory", "add", "metric")).out.split("\t")[0]
    monkeypatch.setattr("sys.stdin", stdin_of(b"imperial\n"))
    new = json.loads((await desk.run("memory", "add", "--replaces", old[2:], "--json")).out)
    assert (new["text"], new["replaces"]) == ("imperial", old)
    assert f"replaced by\t{new['id']}\n" in (await desk.run("memory", "show", old)).out
    monkeypatch.setattr("sys.stdin", stdin_of(b" \n"))
    assert (await desk.run("memory", "add")).code == 2


async def test_what_can_be_no_note_is_refused_before_a_server_is_asked(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for piped, wrong in (
        (b"a" * 1_000_000, "a note has at most 8,192 bytes"),
        (b"caf\xc3\xa9\nau l\xe9t", "line 2 of the note is not UTF-8 text"),
    ):
        monkeypatch.setattr("sys.stdin", stdin_of(piped))
        ran = await desk.run("memory", "add")
        assert (ran.code, ran.out, wrong in ran.err) == (2, "", True)
    assert "line 1 of the note is not UTF-8" in (await desk.run("memory", "add", "caf\udce9")).err
    assert json.loads((await desk.run("memory", "list", "--json")).out) == []


async def test_what_is_not_there_is_said_with_the_next_command(desk: MemoryDesk) -> None:
    nothing = await desk.run("memory", "show", "m_none")
    assert (nothing.code, nothing.out) == (66, "")
    assert "no note 'm_none' is there: `duragent memory list -a ada` shows what there is" in nothing.err
    undone = await desk.run("memory", "undo", "nope.md", "--yes")
    assert (undone.code, "no earlier version of nope.md is kept; `duragent memory log`" in undone.err) == (66, True)
    forgotten = await desk.run("memory", "forget", "--match", "zebra", "--yes")
    assert (forgotten.code, forgotten.err) == (
        1,
        "duragent: no note, and no text that a session was given, has this: nothing was changed\n",
    )
    off = await desk.run("memory", "list", "-a", "assistant")
    assert off.code == 66
    assert "memory: {}" in off.err
    assert (await desk.run("memory", "list", "-a", "nobody")).code == 66
    for arguments in (["list", "-a", "ada", "--world"], ["add", "x", "--world"], ["add", "x", "--topic", "t"]):
        assert (await desk.run("memory", *arguments)).code == 2
    for number in range(2):
        await desk.run("memory", "add", f"note {number}")
    both = await desk.run("memory", "show", "m_")
    assert (both.code, "fits 2 notes" in both.err) == (2, True)


async def test_topic_that_all_agents_share(desk: MemoryDesk) -> None:
    added = await desk.run("memory", "add", "Trains are late.", "--world", "--topic", "trips")
    assert added.out.rstrip().endswith("\tworld/trips.md")
    listed = json.loads((await desk.run("memory", "list", "--world", "--json")).out)
    assert [(note["text"], note["scope"]) for note in listed] == [("Trains are late.", "world")]
    # A topic's paragraphs have no time of their own; what is shown is that of the file.
    changed = listed[0]["file_changed_at"]
    assert (listed[0]["written_at"], changed[-1:]) == (None, "Z")
    header, row = (await desk.run("memory", "list", "--world")).out.splitlines()
    assert dict(zip(header.split("\t"), row.split("\t"), strict=True))["written"] == changed
    assert f"changed\t{changed}\n" in (await desk.run("memory", "show", listed[0]["id"], "--world")).out
    older = desk.memories.folder / "memory" / "world" / "older.md"
    older.write_text("# older\n\nShips are slow.\n")
    os.utime(older, (1_000_000_000, 1_000_000_000))
    rows = (await desk.run("memory", "list", "--world")).out.splitlines()[1:]
    assert [row.split("\t")[1] for row in rows] == [changed, "2001-09-09T01:46:40Z"]
    assert (await desk.run("memory", "search", "are trains late?")).out.splitlines()[1].split("\t")[2] == changed


async def test_long_list_comes_in_pages_and_stops_at_its_limit(desk: MemoryDesk) -> None:
    desk.memories.memory.mkdir(parents=True)
    text = "".join(f"## Fact {number}\n\nfact {number}\n\n" for number in range(230))
    (desk.memories.memory / "MEMORY.md").write_text(text)
    listed = json.loads((await desk.run("memory", "list", "--json", "-n", "225")).out)
    assert len({note["id"] for note in listed}) == len(listed) == 225
    assert len(json.loads((await desk.run("memory", "list", "--json", "-n", "999")).out)) == 230


async def test_a_file_without_notes_is_named(desk: MemoryDesk) -> None:
    def play(terminal: Terminal) -> None:
        terminal.expect("No note stands in nope.md: `duragent memory list -a ada` says which files there are.")
        assert terminal.end() == 0

    await desk.at_terminal(["memory", "list", "--file", "nope.md"], play)


async def test_terminal_shows_a_table_and_what_waits(desk: MemoryDesk) -> None:
    await desk.memories.waits("from a page")

    def play(terminal: Terminal) -> None:
        terminal.expect("NOTE")
        terminal.expect("waits for you")
        terminal.expect("1 note waits for you: duragent memory review -a ada")
        assert terminal.end() == 0

    await desk.at_terminal(["memory", "list"], play)


async def test_chat_begins_with_how_many_notes_wait(desk: MemoryDesk) -> None:
    for number in range(2):
        await desk.memories.waits(f"from a page {number}", f"c{number}")

    def play(terminal: Terminal) -> None:
        terminal.expect("2 notes wait for you: duragent memory review -a ada")

    await desk.at_terminal(["chat", "--agent", "ada"], play)
