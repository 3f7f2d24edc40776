"""The thread in which litellm lives: nothing of it touches the caller's loop, and closing ends a request at once."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ModelDelta
from duragent.testing.stub_llm import Behaviour, ProviderAnswer, Silence, StubLlm
from tests.models.litellm.asking import ENVIRON, HELLO, Door, ask
from tests.support.bounds import LIMIT_SECONDS
from tests.support.environment import with_source


async def test_slow_reader_gets_every_delta_in_order() -> None:
    text = " ".join(str(number) for number in range(2000))
    with StubLlm() as stub:
        stub.script(text)
        model = LitellmModel(ModelChoice("openai", "gpt-4o-mini", stub.openai_url), ENVIRON)
        got = ""
        async with asyncio.timeout(LIMIT_SECONDS):
            async for piece in model.stream(HELLO):
                await asyncio.sleep(0)
                if isinstance(piece, ModelDelta):
                    got += piece.text
    assert got == text


async def test_streams_of_one_model_run_at_the_same_time(door: Door) -> None:
    door.stub.script(*(ProviderAnswer(f"answer {number}", cut_after_chunks=1, cut="hang") for number in range(5)))
    asking = [asyncio.create_task(ask(door.model)) for _ in range(5)]
    assert await asyncio.to_thread(door.stub.wait_for_requests, 5, LIMIT_SECONDS)
    door.stub.release()
    async with asyncio.timeout(LIMIT_SECONDS):
        replies = [await task for task in asking]
    assert sorted(reply.text for _, reply in replies) == [f"answer {number}" for number in range(5)]


@pytest.mark.parametrize("behaviour", [Silence(), ProviderAnswer("one two three", cut_after_chunks=1, cut="hang")])
async def test_cancelling_the_reader_closes_the_connection_to_the_provider(door: Door, behaviour: Behaviour) -> None:
    door.stub.script(behaviour)
    reading = asyncio.create_task(ask(door.model))
    assert await asyncio.to_thread(door.stub.wait_for_requests, 1, LIMIT_SECONDS)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    assert await asyncio.to_thread(door.stub.requests[0].wait_until_gone, 5.0)


async def test_closing_the_stream_closes_the_connection_to_the_provider(door: Door) -> None:
    door.stub.script(ProviderAnswer("one two three", cut_after_chunks=1, cut="hang"))
    stream = door.model.stream(HELLO)
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await anext(stream) == ModelDelta(text="one")
        await stream.aclose()
    assert await asyncio.to_thread(door.stub.requests[0].wait_until_gone, 5.0)


def run_python(program: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        cwd=cwd,
        env=with_source(),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_importing_the_models_does_not_import_litellm() -> None:
    program = (
        "import sys, duragent.models.litellm.model, duragent.models.demo.model, duragent.testing\n"
        "duragent.models.litellm.model.LitellmModel(duragent.models.litellm.model.ModelChoice('openai', 'm'), {})\n"
        "print([name for name in ('litellm', 'openai', 'mcp', 'httpx', 'uvicorn') if name in sys.modules])"
    )
    assert run_python(program) == "[]"


def test_loading_litellm_uses_no_network_reads_no_env_file_and_prints_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FROM_THE_ENV_FILE=1\n")
    program = """
import gc, os, socket, sys, threading
tried = []
def refuse(self, address): tried.append(address); raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = refuse
def look_up(host, *rest, **more): tried.append(host); raise OSError("no network here")
socket.getaddrinfo = look_up
before = dict(os.environ)
from duragent.models.litellm.model import warm
from duragent.models.litellm.thread import shared
from duragent.models.messages import ModelReply
import asyncio
warm()
async def nothing(litellm): yield ModelReply(text=str(litellm.num_retries))
async def main(): return [reply.text async for reply in shared.stream(nothing)]
retries = asyncio.run(main())
def of_litellm(environ): return {name for name in environ if name.startswith("LITELLM")}
print(tried, os.environ.get("FROM_THE_ENV_FILE"), of_litellm(os.environ) == of_litellm(before),
      gc.isenabled(), gc.get_freeze_count() > 1000, retries)
"""
    assert run_python(program, tmp_path) == "[] None True True True ['0']"


async def test_reading_does_not_run_litellm_on_the_callers_thread(door: Door) -> None:
    await ask(door.model)
    assert [thread.name for thread in threading.enumerate()].count("litellm") == 1


def test_program_that_ends_in_the_middle_of_streams_says_nothing() -> None:
    with StubLlm() as stub:
        stub.script(*(ProviderAnswer("one two three", cut_after_chunks=1, cut="hang") for _ in range(2)))
        program = f"""
import asyncio
from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ChatMessage, ModelRequest
async def begin(provider, url):
    model = LitellmModel(ModelChoice(provider, "m", url), {{}})
    async for piece in model.stream(ModelRequest(messages=(ChatMessage(role="user", content="hi"),))):
        print(piece.text)
        return
async def main():
    await begin("anthropic", {stub.anthropic_url!r})
    await begin("openai", {stub.openai_url!r})
asyncio.run(main())
"""
        assert run_python(program) == "one\none"
