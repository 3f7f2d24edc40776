"""Tools and files of a request in the shapes that OpenAI has given them, and that others have taken over. Pure."""

import base64
from typing import Any

from duragent.models.messages import AttachedFile, OneTool, ToolSchema


def function_tool(tool: ToolSchema) -> dict[str, Any]:
    """An entry of a request's `tools`."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def function_choice(choice: str | OneTool) -> str | dict[str, Any]:
    """A request's `tool_choice`."""
    return {"type": "function", "function": {"name": choice.name}} if isinstance(choice, OneTool) else choice


def text_part(text: str) -> dict[str, Any]:
    """A part of a message's content that is text."""
    return {"type": "text", "text": text}


def image_part(url: str) -> dict[str, Any]:
    """A part of a message's content that is an image."""
    return {"type": "image_url", "image_url": {"url": url}}


def file_part(name: str, url: str) -> dict[str, Any]:
    """A part of a message's content that is a PDF."""
    return {"type": "file", "file": {"filename": name, "file_data": url}}


def data_url(file: AttachedFile, content: bytes) -> str:
    """The file as an address that holds it."""
    return f"data:{file.media_type};base64,{base64.b64encode(content).decode()}"
