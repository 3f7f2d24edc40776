"""Twenty sessions of a server write to one memory while a person's editor saves MEMORY.md: no text is lost."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from duragent.models.messages import ToolCall
from duragent.testing.stub_llm import ProviderAnswer, StubLlm, StubRequest
from duragent.wire import Answer, SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.providers import KEYS, AskedProvider
from tests.support.real_server import make_workspace

SESSIONS, SAVES = 20, 40
OPENAI = AskedProvider("openai", "direct", "gpt-4o-mini")
READ, CHANGED = "Current MEMORY.md:\n\n", "What it has now:\n\n"


class Editor:
    """Adds a line to MEMORY.md with each request that the model gets, in a process of its own."""

    def __init__(self, file: Path) -> None:
        self.saves = 0
        file.parent.mkdir(parents=True)
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", 'while read -r line; do echo "$line" >> "$0"; done', str(file)],
            stdin=subprocess.PIPE,
            text=True,
        )

    def save(self) -> None:
        if self.saves < SAVES and self._shell.stdin is not None:
            self._shell.stdin.write(f"saved {self.saves:02}.\n")
            self._shell.stdin.flush()
            self.saves += 1

    def end(self) -> None:
        self._shell.communicate(timeout=LIMIT_SECONDS)


def answered(request: StubRequest, editor: Editor) -> ProviderAnswer:
    """A model that notes what it is told, reads MEMORY.md, and adds it there until it is told that it stands there."""
    editor.save()
    messages = request.body["messages"]
    asked = max(at for at, each in enumerate(messages) if each["role"] == "user")
    fact = messages[asked]["content"].partition("FACT: ")[2].strip()
    results = [each["content"] for each in messages[asked:] if each["role"] == "tool"]
    if not results:
        return ProviderAnswer(calls=(call("r", action="remember", content=fact), call("l", action="reflect")))
    last = results[-1]
    if "Reflected. Updated" in last:
        return ProviderAnswer("Done.")
    has = next((last.partition(mark)[2] for mark in (READ, CHANGED) if mark in last), "")
    return ProviderAnswer(calls=(call(f"w{len(results)}", action="reflect", content=f"{has.rstrip()}\n{fact}\n"),))


def call(name: str, **arguments: object) -> ToolCall:
    return ToolCall(id=f"call_{name}", name="memory", arguments=json.dumps(arguments))


@pytest.fixture
def stub() -> Iterator[StubLlm]:
    with StubLlm() as stub:
        yield stub


async def test_what_twenty_sessions_and_an_editor_write_is_all_there(tmp_path: Path, stub: StubLlm) -> None:
    server = make_workspace(tmp_path, rest=f"{OPENAI.block(stub)}\n  memory: {{}}", provider="openai")
    server.environ = KEYS
    memory = server.workspace / "agents" / "assistant" / "memory"
    editor = Editor(memory / "MEMORY.md")
    stub.answer = lambda request: answered(request, editor)
    facts = [f"Number {at:02} of the list is {at * 7}." for at in range(SESSIONS)]
    try:
        server.start()
        async with server.client() as client:

            async def session(fact: str) -> None:
                made = await client.create_session("assistant")
                assert isinstance(await client.ask(made.session_id, SendMessage(content=f"FACT: {fact}")), Answer)

            await asyncio.gather(*(session(fact) for fact in facts))
    finally:
        server.stop()
        editor.end()
    long_term = "\n".join(path.read_text() for path in memory.glob("MEMORY*.md"))
    daily = "\n".join(path.read_text() for path in memory.glob("daily/*.md"))
    assert [fact for fact in facts if fact not in long_term] == []
    assert [line for at in range(editor.saves) if (line := f"saved {at:02}.") not in long_term] == []
    assert [daily.count(fact) for fact in facts] == [1] * SESSIONS
    assert editor.saves == SAVES
