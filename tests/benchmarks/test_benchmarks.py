"""The benchmarks run, and their fixtures are what they pretend to be. Nothing is said of how long anything takes."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from duragent.session.fold import SESSION_FOLD
from duragent.stores.files.store import FileStore
from duragent.streams.recovery import recover
from tests.benchmarks.__main__ import main
from tests.benchmarks.logs import LogMaker, Written, write_index
from tests.benchmarks.measure import Goal, Result, Row, compare, percentile
from tests.benchmarks.report import show

_GOAL = Goal("ratio", "least", 0.5)
_MISSED = Result(Row("appends", "one", "bare", "/s", _GOAL, "a note"), (100.0, 300.0, 200.0), (60.0,))
_FREE = Result(Row("appends", "two", "bare", "ms"), (1.0,), (250.0,))


@pytest.mark.parametrize(
    ("goal", "value", "reached"),
    [
        (Goal("ratio", "least", 0.5), 0.5, True),
        (Goal("ratio", "most", 0.4), 0.5, False),
        (Goal("added", "most", -5.0), -10.0, True),
        (Goal("ours", "most", 9.0), 10.0, False),
        (None, None, None),
    ],
)
def test_goal_is_held_against_what_it_names(goal: Goal | None, value: float | None, reached: bool | None) -> None:
    result = Result(Row("topic", "what", "against", "ms", goal), (20.0,), (10.0,))
    assert (result.value, result.reached) == (value, reached)


def test_percentile_is_one_of_the_figures() -> None:
    figures = [float(number) for number in range(50, 0, -1)]
    assert [percentile(figures, percent) for percent in (0, 50, 95, 100)] == [1.0, 25.0, 48.0, 50.0]
    assert percentile([7.0], 95) == 7.0


async def test_sides_are_measured_in_turn() -> None:
    calls: list[str] = []

    async def baseline() -> float:
        calls.append("baseline")
        return float(len(calls))

    async def ours() -> float:
        calls.append("ours")
        return float(len(calls))

    found = await compare(_FREE.row, 2, baseline, ours)
    assert calls == ["ours", "baseline", "baseline", "ours", "ours", "baseline"]
    assert (found.baseline, found.ours) == ((3.0, 6.0), (4.0, 5.0))


def test_table_is_plain_in_a_pipe_and_rich_on_a_terminal() -> None:
    plain, rich = io.StringIO(), io.StringIO()
    show(Console(file=plain, width=200), [_MISSED, _FREE])
    assert plain.getvalue() == (
        "what\tbaseline\tours\tleast to most\tratio\tgoal\treached\n"
        "one (a note)\tbare: 200/s\t60.0/s\t60.0/s to 60.0/s\t0.30 x\t≥ 0.5 x\tNO\n"
        "two\tbare: 1.00 ms\t250 ms\t250 ms to 250 ms\t250 x\t\t\n"
    )
    show(Console(file=rich, width=200, force_terminal=True), [_MISSED, _FREE])
    assert "│ one (a note)" in rich.getvalue()


@pytest.mark.parametrize(("records", "a_file"), [(7, 100_000), (1_000, 100_000), (1_000, 300), (998, 499)])
async def test_made_log_is_what_the_product_would_have_left(tmp_path: Path, records: int, a_file: int) -> None:
    written = LogMaker(tmp_path, records_a_file=a_file).write(records)
    await write_index(tmp_path, [written])
    snapshot = tmp_path / written.session_id / "state.yaml"
    with_snapshot = await _opened(tmp_path, written)
    snapshot.unlink()
    assert [with_snapshot, await _opened(tmp_path, written)] == [written, written]


async def _opened(sessions_dir: Path, written: Written) -> Written:
    """As a store finds it: verified, folded, with its size."""
    store = FileStore(sessions_dir)
    try:
        await store.verify(written.session_id)
        claim = await store.claim(written.session_id)
        assert (claim.damage, claim.torn) == (None, None)
        state = await recover(store, claim, SESSION_FOLD)
    finally:
        store.close()
    folder = sessions_dir / written.session_id
    return Written(state, sum(path.stat().st_size for path in folder.glob("events*.jsonl")))


def test_program_prints_rows_and_writes_them_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "figures.json"
    assert main(["tools", "--quick", "--json", str(target), "--folder", str(tmp_path)]) in (0, 1)
    written = json.loads(target.read_text())
    assert written.keys() == {"machine", "rows"}
    assert written["machine"].keys() == {"date", "kernel", "python", "cpus", "cpu", "file_system", "load"}
    assert len(written["rows"]) == 2
    first = written["rows"][0]
    assert first.keys() == {*("topic what against unit goal note baseline ours ratio value reached".split())}
    assert first["goal"] == {"of": "added", "at": "most", "limit": 40.0}
    assert first["ours"]["rounds"] == len(first["ours"]["figures"]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(written["machine"]["date"])
    assert [line.split("\t")[0] for line in out[1:]] == ["what", *(row["what"] for row in _told(written["rows"]))]
    assert list(tmp_path.iterdir()) == [target]


def _told(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The rows with `what` as the table says it."""
    return [row | {"what": f"{row['what']} ({row['note']})" if row["note"] else row["what"]} for row in rows]


def test_program_names_its_topics_when_asked_for_another(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["apends"])
    assert "there is no topic apends; there are appends, turns" in capsys.readouterr().err
