"""`duragent why` says what a search in memory gave, from the files alone."""

import json
from pathlib import Path

import pytest

from duragent.cli.why import why_lines
from duragent.journal.events import MemoryRecalled
from duragent.stores.files.store import FileStore
from duragent.testing import FakeClock, ScriptedModel
from duragent.wire import RecallInfo, RecallNote
from tests.cli.commands import Command
from tests.support.house import open_house, write_agent
from tests.support.remembering import SearchedFolders, daily

CONFIG = "workspace: .\nagents_dir: .\n"
NOTES = ("m_tr1p0001 The trip to Oslo begins in May.", "m_7n1ts001 The user prefers metric units.")


async def asked(folder: Path, *messages: str, notes: tuple[str, ...] = NOTES) -> tuple[str, list[int]]:
    """A session in which these were asked, and the records of their searches."""
    (folder / "duragent.yaml").write_text(CONFIG)
    store, clock = FileStore(folder / "sessions"), FakeClock()
    daily(write_agent(folder, rest="  memory: {}"), clock.now().date().isoformat(), *notes)
    store.open()
    memories, model = SearchedFolders(folder, clock), ScriptedModel(otherwise="Metric.")
    try:
        async with open_house(store, model, folder, clock=clock, agent_rest="  memory: {}", memories=memories) as house:
            session = await house.new()
            for message in messages:
                await house.ask(session, message)
            records = await house.records(session)
    finally:
        store.close()
    return session, [record.seq for record in records if isinstance(record.event, MemoryRecalled)]


async def test_why_says_what_the_newest_search_gave_and_with_a_record_an_earlier_one(
    folder: Path, duragent: Command
) -> None:
    session, seqs = await asked(folder, "which units does the trip report need?", "who is the king?", "and so on")
    first = duragent("why", f"{session}@{seqs[0]}")
    lines = first.out.splitlines()
    assert (first.code, lines[0]) == (
        0,
        'recalled for "which units does the trip report need?"  4 ms, index 2 notes, no embeddings',
    )
    shown = {line.split()[1]: line for line in lines[1:]}
    assert "own: units · near: trip · coverage 0." in shown["m_7n1ts001"]
    assert " ≥ 0.30 · age " in shown["m_7n1ts001"]
    assert "importance 0.90" in shown["m_7n1ts001"]
    second = duragent("why", f"{session}@{seqs[1]}")
    assert second.out.splitlines()[0].startswith('searched for "who is the king?"')
    assert "nothing was shown: no note has a word of the question" in second.out
    assert "Words find only words." in second.out
    newest = duragent("why", session)
    assert newest.out.startswith('searched for "and so on"')
    # A message means the search for it.
    assert duragent("why", f"{session}@{seqs[1] - 2}").out == second.out


async def test_why_as_json_has_all_of_it(folder: Path, duragent: Command) -> None:
    session, seqs = await asked(folder, "which units?")
    found = json.loads(duragent("why", session, "--json").out)
    assert (found["seq"], found["question"], found["notes"]) == (seqs[0], "which units?", 2)
    assert [(item["ref"], item["own"], item["file"].split("/")[0]) for item in found["items"] if item["own"]] == [
        ("m_7n1ts001", ["units"], "daily")
    ]


async def test_notes_that_are_gone_leave_the_figures_and_what_was_shown(folder: Path, duragent: Command) -> None:
    session, _ = await asked(folder, "which units?")
    for path in (folder / "assistant" / "memory" / "daily").iterdir():
        path.unlink()
    out = duragent("why", session).out
    # What the model was shown stands in the log.
    assert "m_7n1ts001  own: units · coverage" in out


async def test_an_agent_that_is_gone_leaves_the_figures(folder: Path, duragent: Command) -> None:
    session, _ = await asked(folder, "which units?")
    (folder / "assistant" / "agent.yaml").unlink()
    ran = duragent("why", session)
    assert (ran.code, "m_7n1ts001" in ran.out) == (0, True)
    assert "without the words of its notes" in ran.err


async def test_a_session_without_a_search_is_told(folder: Path, duragent: Command) -> None:
    session, _ = await asked(folder)
    ran = duragent("why", session)
    assert (ran.code, ran.out) == (66, "")
    assert "has no search in memory; `spec.memory`" in ran.err
    assert "up to record 1" in duragent("why", f"{session}@1").err
    assert duragent("why", f"{session}@x").code == 2


def item(ref: str, left_out: str = "", **more: object) -> RecallNote:
    figures: dict[str, object] = {"score_milli": 500, "coverage_milli": 580, "age_hours": 144, "age_milli": 550}
    fields = {**figures, "scope": "owner", "trust": "owner", "importance_milli": 900} | more
    return RecallNote.model_validate({"ref": ref, "left_out": left_out, **fields})


def info(*items: RecallNote, silent: str = "", embedder: str = "", question: str = "which units?") -> RecallInfo:
    return RecallInfo(
        seq=18, turn="t", question=question, silent=silent, took_ms=4, notes=212, index_rev="7c1e", embedder=embedder,
        threshold_milli=300, items=list(items),
    )  # fmt: skip


def test_a_search_looks_as_in_the_documentation() -> None:
    found = info(
        item("m_3f9k2a7c", own=["units"], near=["trip"]),
        item("m_81abcdef", "below_threshold", coverage_milli=120),
        item("m_77abcdef", "visible"),
        question="which units does the trip report need?",
    )
    assert list(why_lines(found)) == [
        'recalled for "which units does the trip report need?"  4 ms, index 212 notes, no embeddings',
        "  0.50  m_3f9k2a7c  own: units · near: trip · coverage 0.58 ≥ 0.30 · age 6 d \u00d70.55 · importance 0.90",
        "  ----  m_81abcdef  coverage 0.12 < 0.30: not shown",
        "  ----  m_77abcdef  visible already: not shown",
    ]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (info(silent="late"), "nothing was shown: the search was not done in time"),
        (info(silent="off"), "`spec.memory.recall` is off"),
        (info(silent="\x1b[31mred"), "nothing was shown: "),
        (info(item("m_1", coverage_milli=100), embedder="ollama/e5@3"), "coverage 0.10: by its meaning"),
        (info(item("m_1", "an unknown reason")), "an unknown reason: not shown"),
        (info(item("m_1", own=[f"w{n}" for n in range(20)])), "w7 … · coverage"),
        (info(item("m_1", age_hours=5)), "age 5 h \u00d70.55"),
        (info(embedder="ollama/e5@3"), "ollama/e5@3"),
    ],
)
def test_each_case_has_its_words(found: RecallInfo, words: str) -> None:
    text = "\n".join(why_lines(found))
    assert words in text
    assert "\x1b" not in text


def test_nothing_that_is_found_by_words_alone_says_what_else_finds() -> None:
    assert "Words find only words." in "\n".join(why_lines(info(silent="nothing")))
    assert "Words find only words." not in "\n".join(why_lines(info(silent="nothing", embedder="ollama/e5@3")))
