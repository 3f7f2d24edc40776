"""The keys of a question in a chat: what is allowed how wide, all of it in a pager, and a draft in the way."""

import asyncio
from pathlib import Path

import pytest

from duragent.cli.chat.tool_blocks import Returned
from tests.cli.chat.sitting import Terminal, sitting
from tests.cli.desk import Desk
from tests.support.http_house import AGENT
from tests.support.tool_calls import calls
from tests.support.until import until

WRITER = AGENT + "  tools: [{{type: builtin, name: write_file}}, {{type: builtin, name: edit_file}}]\n"
UP, DOWN, ESC = "\x1b[A", "\x1b[B", "\x1b"


async def writes(desk: Desk, *files: tuple[str, str]) -> str:
    """A session whose agent wants to write these files, one after another."""
    desk.house.write_agent("writer", WRITER.format(name="writer"))
    await asyncio.to_thread(desk.house.dependencies.catalog.reload)
    desk.house.model.add(*(calls(("write_file", {"path": path, "content": text})) for path, text in files), "done it")
    session = await desk.house.create("writer")
    await desk.house.say(session, "please")
    return session


async def decisions(desk: Desk, session: str) -> list[tuple[str, list[str]]]:
    return [(record["decision"], record.get("patterns", [])) for record in await desk.decided(session)]


async def is_choosing(terminal: Terminal, at: int) -> None:
    await until(lambda: terminal.talk.screen.answering.shown().choosing == at)


async def test_a_file_is_shown_with_its_diff_and_its_folder_allowed_for_the_session(desk: Desk) -> None:
    session = await writes(desk, ("src/a", "one\ntwo\n"), ("src/b", "three\n"))
    async with sitting(desk, session) as terminal:
        await terminal.shows("+two")
        terminal.type("a")
        await terminal.shows("changes of files below src/")
        terminal.type(UP)
        await is_choosing(terminal, 2)
        terminal.type("7")
        terminal.type("2")
        await is_choosing(terminal, 1)
        terminal.type("\r")
        await terminal.shows("done it")
    folder = ["builtin:write_file src/* *", "builtin:edit_file src/* *"]
    assert await decisions(desk, session) == [("allow_session", folder)]
    assert (desk.folder / "project" / "src" / "b").read_text() == "three\n"


async def test_a_diff_that_was_whole_in_the_question_is_told_in_a_line_when_the_call_has_run(desk: Desk) -> None:
    (desk.folder / "project" / "src").mkdir(parents=True)
    (desk.folder / "project" / "src" / "a").write_text("one\n")
    (desk.folder / "project" / "src" / "b").write_text("line\n")
    session = await writes(desk, ("src/a", "two\n"), ("src/b", "".join(f"line {at}\n" for at in range(90))))
    async with sitting(desk, session) as terminal:
        await terminal.shows("+two")
        terminal.type("y")
        await terminal.shows("src/a +1 -1 · Ctrl-O shows all")
        assert terminal.talk.conversation.cut[-1][-1] == Returned("", "", "@@ -1 +1 @@\n-one\n+two")
        await terminal.shows("more lines: v shows all")
        terminal.type("y")
        await terminal.shows("done it")
        shown = terminal.screen.getvalue()
        assert ("src/b +90 -1 ·" in shown, "+line 30" in shown) == (False, True)


async def test_the_patterns_of_an_offer_can_be_edited_and_hold_as_long_as_the_offer(desk: Desk) -> None:
    session = await writes(desk, ("src/a", "one\n"))
    async with sitting(desk, session) as terminal:
        await terminal.shows("[a] always")
        terminal.type(f"a{DOWN}")
        await is_choosing(terminal, 1)
        terminal.type("e")
        await terminal.shows("Enter allows it in this session")
        terminal.type("x\r")
        await terminal.shows("done it")
    [(decision, patterns)] = await decisions(desk, session)
    assert (decision, patterns[1]) == ("allow_session", "builtin:edit_file src/* *x")


async def test_what_is_typed_behind_a_chosen_offer_is_neither_an_answer_nor_a_message(desk: Desk) -> None:
    session = await writes(desk, ("src/a", "one\n"))
    async with sitting(desk, session) as terminal:
        await terminal.shows("[a] always")
        terminal.type("a2")
        await is_choosing(terminal, 1)
        terminal.type("so")
        await terminal.hints("Enter allows what is marked; Esc goes back.")
        assert (terminal.talk.screen.answering.shown().choosing, await decisions(desk, session)) == (1, [])
        terminal.type("\r")
        await terminal.shows("done it")
    assert [decision for decision, _ in await decisions(desk, session)] == ["allow_session"]


async def test_v_shows_all_of_it_in_the_pager_and_decides_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    monkeypatch.setenv("PAGER", f"cat > {seen}")
    text = "".join(f"line {at}\n" for at in range(300))
    session = await writes(desk, ("src/a", text))
    async with sitting(desk, session) as terminal:
        await terminal.shows("more lines: v shows all")
        terminal.type("v")
        await until(lambda: seen.exists() and "+line 299\n" in seen.read_text())
        assert seen.read_text().startswith("write_file src/a  +300 -0\n@@ -0,0 +1,300 @@\n+line 0\n")
        assert await decisions(desk, session) == []
        await until(lambda: not terminal.talk.screen.scrollback.is_given_away)
        terminal.type("vy")
        await terminal.shows("vy")
        terminal.type("\x15n")
        await terminal.shows("done it")
    assert await decisions(desk, session) == [("deny", [])]


async def test_where_there_is_no_pager_all_of_it_is_printed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DURAGENT_PAGER", "there-is-no-such-pager")
    session = await writes(desk, ("src/a", "".join(f"line {at}\n" for at in range(300))))
    async with sitting(desk, session) as terminal:
        await terminal.shows("more lines: v shows all")
        terminal.type("v")
        await terminal.shows("+line 150")
        await until(lambda: not terminal.talk.screen.scrollback.is_given_away)
        terminal.type("y")
        await terminal.shows("done it")


async def test_a_draft_is_no_answer_and_says_so_and_comes_back(desk: Desk) -> None:
    waiting = await desk.house.waits("echo > made")
    async with sitting(desk, waiting["session_id"]) as terminal:
        await terminal.shows("[y] once")
        terminal.type("and then\x1b\rmore")
        await terminal.shows("Your draft is no answer")
        terminal.type("y")
        await until(lambda: terminal.talk.screen.draft == "and then\nmorey")
        assert await desk.decided(waiting["session_id"]) == []
        terminal.type(ESC)
        await terminal.shows("Your draft comes back")
        assert terminal.talk.screen.draft == "and then\nmorey"
        terminal.type("y")
        await terminal.shows("done it")
        await until(lambda: not terminal.talk.screen.answering.aside)
        assert terminal.talk.screen.draft == "and then\nmorey"
    assert [decision for decision, _ in await decisions(desk, waiting["session_id"])] == ["allow_once"]
