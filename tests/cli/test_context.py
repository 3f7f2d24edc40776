"""`duragent context` shows what would be asked, from the files alone."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from duragent.cli.context import SessionLog, Shown, next_request
from duragent.cli.place import need_config
from duragent.context.tokens import request_tokens
from duragent.journal.state import SessionState
from duragent.memory.base import Memories
from duragent.models.messages import ModelReply, ModelRequest, ModelUsage, ToolCall
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.testing import ScriptedModel
from duragent.turn.history import HistoryNeed
from duragent.turn.request import Prepared
from tests.cli.commands import Command
from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import with_source
from tests.support.house import open_house
from tests.support.notes import Notes

TOOLS = "  tools: [{type: builtin, name: read_file}, {type: builtin, name: think}, {type: builtin, name: web}]"
CONFIG = "workspace: ..\nagents_dir: ..\nservices: {session: {path: ../sessions}}\n"


def reading(path: str, text: str = "") -> ModelReply:
    call = ToolCall(id="x", name="read_file", arguments=json.dumps({"path": path}))
    usage = ModelUsage(input_tokens=2_000, output_tokens=5)
    return ModelReply(text=text, calls=(call,), finish_reason="tool_calls", usage=usage)


class Talk:
    """A session that has happened, what its model was asked each time, and the folder to stand in."""

    def __init__(self, folder: Path, session_id: str, asked: list[ModelRequest]) -> None:
        self.project, self.id, self.asked = folder / "project", session_id, asked
        self._log = folder / "sessions" / session_id / "events.jsonl"
        self._whole = self._log.read_bytes().splitlines(keepends=True)
        self._questions = [at for at, line in enumerate(self._whole) if b'"type":"model_called"' in line]

    def request_sha256(self, question: int) -> tuple[str, int]:
        """What the log says of that question: over what was sent, and up to which record it was made."""
        called = json.loads(self._whole[self._questions[question]])
        return called["request_sha256"], called["input_seq"]

    def seq(self, question: int) -> int:
        """The record of that question."""
        return int(json.loads(self._whole[self._questions[question]])["seq"])

    def before(self, question: int) -> None:
        """Put the log back to where it stood when that question was about to be asked."""
        self._log.write_bytes(b"".join(self._whole[: self._questions[question]]))


async def talk(
    folder: Path,
    rest: str,
    messages: Iterable[str],
    script: Iterable[ModelReply | str],
    memories: Memories | None = None,
) -> Talk:
    workspace = folder / "workspace"
    project = workspace / "project"
    project.mkdir(parents=True)
    (project / "duragent.yaml").write_text(CONFIG)
    (project / "AGENTS.md").write_text("Use tabs.\n")
    (project / "long.txt").write_text("".join(f"line {number} of many\n" for number in range(3_000)))
    (workspace / "directives").mkdir()
    (workspace / "directives" / "tone.md").write_text("Be kind at {{time}}.\n")
    store, model = FileStore(workspace / "sessions"), ScriptedModel(script)
    store.open()
    try:
        async with open_house(store, model, workspace, agent_rest=rest, memories=memories) as house:
            session_id = await house.new()
            for message in messages:
                await house.ask(session_id, message)
                while house.live(session_id).busy:
                    await asyncio.sleep(0)
    finally:
        store.close()
    return Talk(workspace, session_id, model.requests)


async def shown(about: Talk) -> ModelRequest:
    return (await prepared_of(about)).request


async def prepared_of(about: Talk) -> Prepared:
    found = need_config(about.project / "duragent.yaml", None)
    log = SessionLog.open(FileLogReader(found.sessions_dir), about.id)
    return await next_request(found, log)


@pytest.mark.parametrize("window", [3_000, 6_000, 100_000])
async def test_context_is_what_the_model_was_sent_at_every_question(tmp_path: Path, window: int) -> None:
    rest = f"    max_input_tokens: {window}\n{TOOLS}\n  session: {{context: {{tool_result_keep_last: 1}}}}"
    script: list[ModelReply | str]
    script = [reading("long.txt"), reading("nothing"), reading("long.txt", "again"), "it is long", *["well"] * 8]
    about = await talk(tmp_path, rest, ["read it", *["talk " * 300] * 8], script)
    assert len(about.asked) == 12
    for number, request in reversed(list(enumerate(about.asked))):
        about.before(number)
        assert await shown(about) == request, number
        prepared, logged = await prepared_of(about), about.request_sha256(number)
        assert (prepared.sha256, prepared.input_seq) == logged


async def test_context_in_a_turn_longer_than_what_is_looked_at_is_what_the_model_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duragent.turn.history.BACK_LINES", 4)
    rest = f"    max_input_tokens: 3000\n{TOOLS}\n  session: {{max_tool_iterations: 40}}"
    script: list[ModelReply | str] = [reading("nothing", f"look {number} " + "at " * 400) for number in range(20)]
    about = await talk(tmp_path, rest, ["the only message"], [*script, "done"])
    for number, request in reversed(list(enumerate(about.asked))):
        about.before(number)
        assert await shown(about) == request, number
    assert "the only message" in str(about.asked[-1].messages)


async def test_context_of_a_long_session_is_what_the_model_was_sent_with_summaries(tmp_path: Path) -> None:
    rest = f"{TOOLS}\n  session: {{context: {{max_history_tokens: 2000}}}}"
    messages = [f"Question {number}: what is in a/{number}.py? {'words ' * 60}" for number in range(40)]
    about = await talk(tmp_path, rest, messages, [f"Answer {number}. {'More. ' * 40}" for number in range(40)])
    seen = set()
    for question in reversed(range(len(about.asked))):
        about.before(question)
        prepared = await prepared_of(about)
        assert prepared.request == about.asked[question]
        assert (prepared.sha256, prepared.input_seq) == about.request_sha256(question)
        past = Shown.of(SessionState(about.id), prepared).report.past
        seen.add(past.levels)
        assert ("history" in {tool.name for tool in prepared.request.tools}) == bool(past.boundary)
    assert {(), ((1, 1),), ((1, 3),)} <= seen


async def test_context_of_an_agent_with_recall_has_the_tools_that_its_turn_had(tmp_path: Path) -> None:
    about = await talk(tmp_path, f"{TOOLS}\n  tools_recall: 1", ["fetch a web page", "read a file"], ["one", "two"])
    assert [tool.name for tool in about.asked[0].tools] == ["web"]
    assert [tool.name for tool in about.asked[1].tools] == ["read_file"]
    for number in (1, 0):
        about.before(number)
        assert (await shown(about)).tools == about.asked[number].tools


async def test_newest_of_a_long_log_are_as_many_as_are_wanted_and_say_that_there_are_older_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duragent.turn.history.BACK_LINES", 10)
    about = await talk(tmp_path, "", [f"message {number} " + "x" * 2_000 for number in range(10)], ["yes"] * 10)
    found = need_config(about.project / "duragent.yaml", None)
    log = SessionLog.open(FileLogReader(found.sessions_dir), about.id)
    head = log.state.seq
    some, from_start = await log.newest(HistoryNeed(500))
    assert ([record.seq for record in some], from_start) == (list(range(head - 9, head + 1)), False)
    every, from_start = await log.newest(HistoryNeed(1_000_000))
    assert ([record.seq for record in every], from_start) == (list(range(1, head + 1)), True)


# --- the command ----------------------------------------------------------------------------------------------------


async def told(duragent: Command, about: Talk, *options: str) -> Any:
    # In a thread, because a command has an event loop of its own.
    return await asyncio.to_thread(duragent, "context", about.id, "-c", str(about.project / "duragent.yaml"), *options)


async def test_context_tells_each_part_with_its_tokens_and_they_add_up(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["read it\nnow"], [reading("nothing"), "not there"])
    about.before(1)
    ran = await told(duragent, about, "--json")
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["session_id"], found["status"], found["agent"]) == (about.id, "running", "assistant")
    assert [section["source"] for section in found["sections"]] == [
        "prime directives",
        "soul",
        "system prompt",
        "runtime",
        "instructions",
        "directives: workspace/tone",
        "AGENTS.md",
    ]
    assert [tool["name"] for tool in found["tools"]] == ["read_file", "think", "web"]
    assert [(line["role"], line["first_line"]) for line in found["messages"] if line["mark"] == ""] == [
        ("user", "read it"),
        ("assistant", '→ read_file {"path": "nothing"}'),
        ("tool", "nothing does not exist"),
    ]
    assert found["used_tokens"] == round(request_tokens(about.asked[1]) * found["ratio"])
    assert found["left_tokens"] == found["budget_tokens"] - found["used_tokens"]
    assert not any("text" in line for line in (*found["messages"], *found["sections"]))


async def test_context_in_a_pipe_is_plain_columns(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["hi \x1b[31m\tthere " + "x" * 300], ["yes"])
    ran = await told(duragent, about)
    sections, tools, messages, sums = ran.out.rstrip("\n").split("\n\n")
    assert sections.splitlines()[0] == "section\tpriority\ttokens"
    assert [line.split("\t")[0] for line in tools.splitlines()] == ["tool", "read_file", "think", "web"]
    head, said, answer = messages.splitlines()
    assert head == "record\trole\ttokens\tmark\tmessage"
    record, role, _, mark, text = said.split("\t")
    assert (record, role, mark, len(text), text[-1]) == ("3", "user", "", 100, "…")
    assert "\x1b" not in ran.out
    assert answer.endswith("\tyes")
    assert [line.split("\t")[0] for line in sums.splitlines()] == ["window", "budget", "used", "left"]


async def test_context_in_full_is_every_text(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["first\nsecond"], [reading("nothing", "I look"), "the end"])
    about.before(1)
    ran = await told(duragent, about, "--full")
    system, *messages = (await shown(about)).messages
    assert all(line in ran.out for line in system.content.splitlines())
    for text in ("first\nsecond\n", 'I look\n→ read_file {"path": "nothing"}\n', '"path": {', "Read a text file."):
        assert text in ran.out
    parsed = json.loads((await told(duragent, about, "--full", "--json")).out)
    assert "\n\n".join(section["text"].strip() for section in parsed["sections"]) == system.content
    assert [message["text"] for message in parsed["messages"]] == [message.content for message in messages]
    assert {"name", "tokens", "description", "parameters"} == set(parsed["tools"][0])


async def test_an_earlier_request_is_shown_from_the_log_alone(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["hi", "ho"], [reading("nothing", "I look"), "yes", "no"])
    shutil.rmtree(about.project.parent / "assistant")
    for question, request in enumerate(about.asked):
        at = str(about.seq(question))
        full = json.loads((await told(duragent, about, "--at", at, "--full", "--json")).out)
        assert [message["text"] for message in full["messages"]] == [each.content for each in request.messages[1:]]
        assert "\n\n".join(section["text"].strip() for section in full["sections"]) == request.messages[0].content
        ran = await told(duragent, about, "--at", at, "--verify")
        assert (ran.code, ran.out) == (0, f"rebuilt byte for byte: sha256 equal to model_called #{at}\n")
    newest = await told(duragent, about, "--verify")
    assert newest.out == f"rebuilt byte for byte: sha256 equal to model_called #{about.seq(2)}\n"
    # Between two questions it is the one before.
    between = await told(duragent, about, "--at", str(about.seq(1) - 1), "--verify", "--json")
    verified = json.loads(between.out)
    assert (verified["seq"], verified["equal"], verified["lost_blobs"]) == (about.seq(0), True, [])
    assert verified["sha256"] == verified["request_sha256"] == about.request_sha256(0)[0]


async def test_what_cannot_be_made_again_is_said(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["hi"], ["yes"])
    ran = await told(duragent, about, "--at", "2")
    assert (ran.code, ran.out) == (2, "")
    assert "no model was asked at or before record 2" in ran.err
    unasked = await talk(tmp_path / "unasked", TOOLS, [], [])
    ran = await told(duragent, unasked, "--verify")
    assert (ran.code, ran.out) == (2, "")
    assert f"no model was asked yet in session '{unasked.id}'" in ran.err


async def test_a_flipped_blob_is_named(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, f"{TOOLS}\n  memory: {{}}", ["which units?", "and now?"], ["one", "two"], Notes())
    blobs = about.project.parent / "sessions" / about.id / "blobs"
    first = next(blob for blob in blobs.iterdir() if b"m_00000001" in blob.read_bytes())
    assert (await told(duragent, about, "--at", str(about.seq(1)), "--verify")).code == 0
    first.write_bytes(first.read_bytes().replace(b"metric", b"silver"))
    ran = await told(duragent, about, "--at", str(about.seq(1)), "--verify")
    assert (ran.code, ran.out) == (65, "")
    assert f"blobs/{first.name}" in ran.err


async def test_a_damaged_log_and_a_lost_agent_are_told(duragent: Command, tmp_path: Path) -> None:
    about = await talk(tmp_path, "", ["hi", "ho"], ["yes", "no"])
    shutil.rmtree(about.project.parent / "assistant")
    ran = await told(duragent, about)
    assert (ran.code, ran.out) == (66, "")
    assert "agent 'assistant' not found" in ran.err
    log = about.project.parent / "sessions" / about.id / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"hi"', b'"ha"'))
    ran = await told(duragent, about)
    assert (ran.code, ran.out, "is damaged" in ran.err) == (65, "", True)


def test_context_of_a_session_that_is_not_there_says_what_to_do(duragent: Command) -> None:
    duragent("init", "--no-interactive")
    ran = duragent("context", "01abc")
    assert (ran.code, ran.out) == (66, "")
    assert "session '01abc' not found" in ran.err
    assert "duragent session list" in ran.err


async def test_context_as_a_program_needs_no_server_and_changes_nothing(tmp_path: Path) -> None:
    about = await talk(tmp_path, TOOLS, ["hi"], ["yes"])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    command = [sys.executable, "-m", "duragent", "context", about.id.removeprefix("session_")[:20]]
    environ = with_source()

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=about.project, env=environ, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
        )

    ran = await asyncio.to_thread(run)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "\tuser\t" in ran.stdout
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
