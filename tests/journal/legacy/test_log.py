"""Whatever v0.5 left of a session, what was said in it is there: all of it, each thing once, in order."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from duragent.context.transcript import transcript
from duragent.journal import events as e
from duragent.journal.apply import reduce
from duragent.journal.events import HistoryAdopted
from duragent.journal.legacy.log import LegacyFiles, adopted
from duragent.journal.record import Record, crc_seed, decode
from duragent.journal.scan import scan
from duragent.journal.state import SessionState
from duragent.models.messages import ModelRequest
from tests.support.legacy_log import OldSession, lines_of
from tests.support.legacy_workspace import MADE, WORKSPACE, session_id, write
from tests.support.wellformed import refusal

EXPECTED: dict[str, list[list[str]]] = json.loads((WORKSPACE / "expected.json").read_bytes())


def files_of(folder: Path) -> LegacyFiles:
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return LegacyFiles(found["events.jsonl"], found.get("events.archive.jsonl", b""), found.get("state.json"))


def golden(name: str) -> LegacyFiles:
    return files_of(WORKSPACE / "sessions" / session_id(name))


def records_of(files: LegacyFiles, session: str) -> list[Record]:
    log = adopted(files, session, "events.v0.5.jsonl")
    found = scan(log.lines, crc_seed(session), after=0)
    assert (found.verdict, found.seq) == ("clean", log.head)
    return [decode(line, crc_seed(session), log.blobs.__getitem__) for line in log.lines.splitlines()]


def said(records: list[Record]) -> list[list[str]]:
    found = []
    for record in records:
        match record.event:
            case e.MessageReceived(text=text):
                found.append(["user", text])
            case e.ModelReplied(text=text, calls=()):
                found.append(["assistant", text])
            case _:
                pass
    return found


def state_of(records: list[Record]) -> SessionState:
    return reduce(SessionState("session_x"), records)


def notes_of(records: list[Record]) -> tuple[str, ...]:
    last = records[-1].event
    assert isinstance(last, HistoryAdopted)
    return last.notes


def test_golden_workspace_is_what_the_writer_writes(tmp_path: Path) -> None:
    write(tmp_path)
    ours = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    sessions = [*(WORKSPACE / "sessions").rglob("*"), WORKSPACE / "expected.json"]
    assert ours == {path.relative_to(WORKSPACE): path.read_bytes() for path in sessions if path.is_file()}


@pytest.mark.parametrize("name", MADE)
def test_all_that_was_said_is_there_once_and_in_order(name: str) -> None:
    records = records_of(golden(name), session_id(name))
    assert said(records) == EXPECTED[session_id(name)]
    state = state_of(records)
    assert (state.agent, state.source) == ("assistant", "legacy")
    assert state.on_disconnect == ("continue" if name in ("CHAT", "RVNG") else "pause")
    assert state.created_at.startswith("2026-02-18T10:00:")
    assert state.has_work is False


@pytest.mark.parametrize("name", MADE)
def test_model_accepts_the_past_with_every_call_and_its_result(name: str) -> None:
    records = records_of(golden(name), session_id(name))
    more = Record(len(records) + 1, "2026-11-21T00:00:00.000Z", e.MessageReceived(message_id="m", text="and now?"))
    assert refusal(ModelRequest(messages=tuple(transcript([*records, more])))) is None


STATUS = {"D0NE": "completed", "WA1T": "paused"}


@pytest.mark.parametrize("name", MADE)
def test_session_stands_as_it_stood(name: str) -> None:
    state = state_of(records_of(golden(name), session_id(name)))
    assert state.status == STATUS.get(name, "active")
    assert (state.gateway, state.chat_id) == (("telegram", "-100200") if name == "CHAT" else (None, None))


def test_what_could_not_be_read_is_told_and_nothing_else() -> None:
    told = {name: notes for name in MADE if (notes := notes_of(records_of(golden(name), session_id(name))))}
    assert told == {
        "DAMG": ("events.jsonl: 4 lines of v0.5 cannot be read, or only in part: 8, 19, 22, 28",),
        "BYTE": ("events.jsonl: 1 line of v0.5 with bytes that are not UTF-8, each of which is U+FFFD now: 8",),
        "TW1C": ("events.archive.jsonl: 1 line of v0.5 cannot be read, or only in part: 52",),
        "STAT": (
            "state.json cannot be read, and nothing of it is here: it is not JSON: "
            "Expecting ':' delimiter: line 140 column 16 (char 2794)",
            "no file has these records of v0.5: 1 to 52",
        ),
    }


def test_call_that_waited_for_an_approval_was_not_run() -> None:
    records = records_of(golden("WA1T"), session_id("WA1T"))
    result = next(r.event for r in records if isinstance(r.event, e.ToolFinished) and r.event.call == "call_rm")
    assert (result.outcome, "not run" in result.content) == ("interrupted", True)


# --- each way to lose a part ----------------------------------------------------------------------------------------


def old_session(rounds: int = 60) -> OldSession:
    old = OldSession("session_old")
    old.talk(rounds)
    return old


def state_json(old: OldSession) -> bytes:
    return json.dumps(old.snapshot()).encode()


@pytest.mark.parametrize("gone", range(0, 170, 9))
def test_any_part_that_the_snapshot_covers_may_be_gone(gone: int) -> None:
    old = old_session()
    covered = [line for line in old.lines if line["seq"] <= old.checkpoint_seq]
    assert len(covered) > 100
    for size in (1, 5, 40, len(covered)):
        left = [line for at, line in enumerate(covered) if not gone <= at < gone + size]
        rest = [line for line in old.lines if line["seq"] > old.checkpoint_seq]
        for at in (0, len(left) // 2, len(left)):
            files = LegacyFiles(lines_of([*left[at:], *rest]), lines_of(left[:at]), state_json(old))
            assert said(records_of(files, "session_old")) == [list(each) for each in old.said]


@pytest.mark.parametrize("cut", range(1, 400, 7))
def test_archive_that_is_torn_anywhere_loses_nothing(cut: int) -> None:
    old = old_session()
    old.compact()
    gone = lines_of(old.removed[0])
    files = LegacyFiles(old.log(), gone[:-cut], state_json(old))
    assert said(records_of(files, "session_old")) == [list(each) for each in old.said]


def test_same_words_again_and_again_are_each_there_as_often_as_they_were_said() -> None:
    old = OldSession("session_old")
    for _ in range(70):
        old.user("go on")
        old.reply("ok")
    lines = list(old.lines)
    for kept in (0, 1, 30, 99):
        old.lines = lines[:kept] + [line for line in lines if line["seq"] > old.checkpoint_seq]
        assert len(said(records_of(LegacyFiles(old.log(), b"", state_json(old)), "session_old"))) == 140


def test_messages_that_v05_forgot_are_where_the_archive_has_them() -> None:
    old = old_session()
    old.compact()
    trimmed = old.snapshot()
    trimmed["conversation"] = trimmed["conversation"][30:]
    files = LegacyFiles(old.log(), lines_of(old.removed[0][5:]), json.dumps(trimmed).encode())
    assert said(records_of(files, "session_old")) == [list(each) for each in old.said][4:]
    assert notes_of(records_of(files, "session_old")) == ("no file has these records of v0.5: 1 to 5",)


def test_old_tool_calls_belong_to_the_message_before_them() -> None:
    old = OldSession("session_old")
    old.talk(24)
    old.event("user_message", content="legacy?")
    old.event("assistant_message", agent="assistant", content="I look")
    old.event("tool_call", call_id="c1", tool_name="web", arguments={"q": 1})
    old.event("tool_result", call_id="c1", result={"success": True, "content": "found"})
    call = {"id": "c1", "type": "function", "function": {"name": "web", "arguments": '{"q":1}'}}
    old.conversation += [
        {"role": "steering", "content": "legacy?"},
        {"role": "assistant", "content": "I look", "tool_calls": [call]},
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
    ]
    old.checkpointed, old.checkpoint_seq = len(old.conversation), old.seq
    old.lines = old.lines[-4:]
    records = records_of(LegacyFiles(old.log(), b"", state_json(old)), "session_old")
    assert [text for _, text in said(records)].count("legacy?") == 1
    assert [r.event.text for r in records if isinstance(r.event, e.ModelReplied)].count("I look") == 1


# --- what v0.5 never wrote --------------------------------------------------------------------------------------------

STATES = {
    "empty": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "no schema": b"{}",
    "schema 3": b'{"schema_version":"3"}',
    "deep": b'{"schema_version":"2","conversation":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "NULs": bytes(2000),
    "no text": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_damaged_state_is_told_and_the_log_goes_on_without_it(state: bytes) -> None:
    old = old_session(5)
    records = records_of(LegacyFiles(old.log(), b"", state), "session_old")
    assert said(records) == [list(each) for each in old.said]
    assert notes_of(records)[0].startswith("state.json cannot be read, and nothing of it is here: it is not JSON") or (
        notes_of(records)[0].startswith("state.json cannot be read, and nothing of it is here: ")
    )


ODD = [None, 1, -1, True, "x", [], {}, [None], {"a": 1}, 10**30, 1.5]


@pytest.mark.parametrize(
    "field", ["agent", "status", "created_at", "last_event_seq", "checkpoint_seq", "conversation", "config"]
)
def test_any_field_of_the_state_may_be_anything(field: str) -> None:
    old = old_session()
    old.compact()
    for value in ODD:
        state = old.snapshot() | {field: value}
        records = records_of(LegacyFiles(old.log(), b"", json.dumps(state).encode()), "session_old")
        assert said(records)[-2:] == [list(each) for each in old.said[-2:]]
        assert state_of(records).agent == ("x" if field == "agent" and value == "x" else "assistant")


@pytest.mark.parametrize("field", ["role", "content", "tool_calls", "tool_call_id"])
def test_any_message_of_the_state_may_be_anything(field: str) -> None:
    old = old_session()
    old.compact()
    for value in [*ODD, [{"id": 1}], [{"id": "a", "function": {"name": "n"}}]]:
        state = old.snapshot()
        state["conversation"][3][field] = value
        state["conversation"].insert(5, value)
        records = records_of(LegacyFiles(old.log(), b"", json.dumps(state).encode()), "session_old")
        assert len(said(records)) >= len(old.said) - 1


def test_every_line_may_be_damaged_at_every_byte() -> None:
    old = old_session(2)
    whole = old.log()
    for at in range(0, len(whole), 7):
        for bad in (b"\n", b"\xff", b'"'):
            files = LegacyFiles(whole[:at] + bad + whole[at + 1 :], b"", None)
            assert len(said(records_of(files, "session_old"))) >= len(old.said) - 2


def test_text_that_is_too_long_for_a_line_is_a_blob() -> None:
    old = OldSession("session_old")
    old.user("x" * (2 << 20))
    old.reply("long")
    log = adopted(LegacyFiles(old.log()), "session_old", "")
    assert [len(data) for data in log.blobs.values()] == [2 << 20]
    assert said(records_of(LegacyFiles(old.log()), "session_old"))[0][1] == "x" * (2 << 20)


def test_line_of_a_type_that_v05_had_not_is_kept_without_effect() -> None:
    old = OldSession("session_old")
    for kind in ("owner_claimed", "session_closed", "history_adopted", "moon_landed"):
        payload = {"epoch": 7, "node": "evil", "tx": "1/2", "crc": "00000000", "ts2": {"blob": "a", "size_bytes": 1}}
        old.event(kind, **payload)
    records = records_of(LegacyFiles(old.log()), "session_old")
    state = replace(state_of(records), agent="")
    assert (state.epoch, state.closed, state.node) == (0, False, "")
    assert [r.event.type for r in records[1:-1]] == [
        "legacy_owner_claimed",
        "legacy_session_closed",
        "legacy_history_adopted",
        "moon_landed",
    ]


def test_same_files_give_the_same_log_and_its_times_never_go_back_to_nothing() -> None:
    files = golden("DSCD")
    assert adopted(files, "session_old", "k") == adopted(files, "session_old", "k")
    times = [record.ts for record in records_of(files, "session_old")]
    assert all(before[:19] <= after[:19] for before, after in pairwise(times))
