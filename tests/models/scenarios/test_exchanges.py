"""Recorded answers, written for this project after the providers' public documents.

The direct adapters read each as the document says, and litellm says the same. Where it does not, `DIFFERENCES` and
docs/how-to/connect-a-provider.md say how.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from duragent.models.base import ModelChoice
from duragent.models.litellm.model import LitellmModel
from duragent.models.messages import ModelReply, ModelRequest, ToolSchema
from duragent.testing.stub_llm import ProviderAnswer, StubLlm
from tests.models.scenarios.doors import HELLO, KEYS, ask, door_to, url_of

FOLDER = Path(__file__).with_name("exchanges")
EXCHANGES = sorted(path for path in FOLDER.rglob("*.*") if not path.name.endswith(".reply.json"))
COMPARED = {"text", "reasoning", "calls", "finish_reason", "usage"}
OBJECT = {"type": "object", "properties": {}}
TOOLS = tuple(
    ToolSchema(name=name, description=name, parameters=OBJECT) for name in ("opening_hours", "address", "holidays")
)
ASKED = ModelRequest(messages=HELLO.messages, tools=TOOLS)

DIFFERENCES: dict[str, dict[str, Any]] = {
    "anthropic/pause_turn": {"finish_reason": "stop"},
    "ollama/calls": {"calls": [{"id": "call_x2", "name": "holidays", "arguments": '{"day": "Monday"}{}'}]},
}
"""What litellm makes of an exchange where that is not what the document says: by its name, the fields of the reply."""


def name_of(path: Path) -> str:
    return str(path.relative_to(FOLDER).with_suffix(""))


def documented(path: Path) -> dict[str, Any]:
    written = json.loads(path.with_suffix(".reply.json").read_text())
    return ModelReply.model_validate(written).model_dump(mode="json", include={*COMPARED, "model"})


def recorded(path: Path) -> ProviderAnswer:
    """The bytes of the file, in pieces of a length that divides no event."""
    stream = path.read_bytes()
    pieces = [stream[at : at + 97] for at in range(0, len(stream), 97)]
    return ProviderAnswer(rewrite=lambda _: pieces)


@pytest.mark.parametrize("path", EXCHANGES, ids=name_of)
async def test_direct_adapter_reads_what_the_document_says(path: Path) -> None:
    async with door_to(path.parent.name, "direct", documented(path)["model"]) as door:
        door.stub.script(recorded(path))
        _, reply = await ask(door.model, ASKED)
    assert reply.model_dump(mode="json", include={*COMPARED, "model"}) == documented(path)


@pytest.mark.parametrize("path", EXCHANGES, ids=name_of)
async def test_litellm_reads_the_same_but_for_what_is_listed(path: Path) -> None:
    with StubLlm() as stub:
        # Ollama's own protocol is another provider there.
        provider = {"ollama": "ollama_chat"}.get(path.parent.name, path.parent.name)
        choice = ModelChoice(provider, documented(path)["model"], url_of(stub, path.parent.name), "native", "litellm")
        stub.script(recorded(path))
        _, reply = await ask(LitellmModel(choice, KEYS), ASKED)
    expected = {field: value for field, value in documented(path).items() if field in COMPARED}
    assert reply.model_dump(mode="json", include=COMPARED) == expected | DIFFERENCES.get(name_of(path), {})


def test_each_difference_is_one_and_is_listed_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/connect-a-provider.md").read_text()
    by_name = {name_of(path): documented(path) for path in EXCHANGES}
    for name, fields in DIFFERENCES.items():
        assert all(by_name[name][field] != value for field, value in fields.items())
        assert f"`{name}`" in page
