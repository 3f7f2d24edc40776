"""What a model gets of the files that it reads: images of the folder, and files that came with messages."""

from pathlib import Path

from duragent.journal.inputs import ChooseModel, Message
from duragent.models.messages import ModelReply, ToolCall
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from tests.support.house import House, open_house
from tests.support.pictures import png

TOOLS = "  tools: [{type: builtin, name: read_file}]"
SEES = ChooseModel(provider="anthropic", model="claude-sonnet-4-5")
PNG = png()


def reading(path: str) -> ModelReply:
    call = ToolCall(id="c1", name="read_file", arguments=f'{{"path": "{path}"}}')
    return ModelReply(calls=(call,), finish_reason="tool_calls")


async def seeing(house: House) -> str:
    session_id = await house.new()
    await house.sessions.post(session_id, SEES)
    return session_id


async def test_model_that_sees_gets_the_image_that_it_reads(tmp_path: Path) -> None:
    model = ScriptedModel([reading("photo.png"), "a grey dot"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=TOOLS) as house:
        (house.ports.workbench.project / "photo.png").write_bytes(PNG)
        assert (await house.ask(await seeing(house), "look at photo.png")).outcome == "completed"
    request = model.requests[1]
    result = request.messages[-1]
    assert (result.role, [request.files[file.sha256] for file in result.attachments]) == ("tool", [PNG])
    assert result.content.startswith(f"photo.png is an image (image/png) of {len(PNG)} bytes.\n")


async def test_model_opens_a_long_text_of_a_message_as_it_was_told(tmp_path: Path) -> None:
    long = b"".join(b"line %d\n" % number for number in range(1, 20_001))
    model = ScriptedModel(["wait"])
    async with open_house(MemoryStore(), model, tmp_path, agent_rest=TOOLS) as house:
        session_id = await house.new()
        kept = await house.sessions.attach(session_id, long, "a log.txt")
        posted = await house.sessions.post(session_id, Message(text="read it", attachments=(kept,)))
        await house.sessions.answer(session_id, posted.seq)
        told = model.requests[0].messages[-1].content
        path = told.rpartition("read_file opens it as ")[2].rstrip("]")
        model.add(reading(path), "done")
        assert (await house.ask(session_id, "go on")).outcome == "completed"
    assert path.startswith("attachment:")
    assert model.requests[2].messages[-1].content.startswith("     1→line 1\n     2→line 2\n")
