"""The shape of tools that several protocols share."""

from duragent.models.messages import AttachedFile, OneTool, ToolSchema
from duragent.models.openai_shapes import data_url, function_choice, function_tool


def test_tool_is_a_function() -> None:
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}}
    assert function_tool(ToolSchema(name="ls", description="List a folder.", parameters=parameters)) == {
        "type": "function",
        "function": {"name": "ls", "description": "List a folder.", "parameters": parameters},
    }


def test_choice_is_a_word_or_a_function() -> None:
    assert [function_choice(word) for word in ("auto", "none", "required")] == ["auto", "none", "required"]
    assert function_choice(OneTool(name="ls")) == {"type": "function", "function": {"name": "ls"}}


def test_address_holds_the_file() -> None:
    file = AttachedFile(name="a.png", media_type="image/png", sha256="0" * 64, size_bytes=3)
    assert data_url(file, b"\xff\x00a") == "data:image/png;base64,/wBh"
