"""What Anthropic wants back with a message: its thinking, each block unchanged and where it stood. Pure.

As JSON: `{"blocks": [...]}`, the blocks of the reply in their order, up to the last one of thinking. Of a text there
stands only its length, of a call only its id: what they say is in the message itself.
"""

from collections.abc import Sequence
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.messages import OpaquePart, ToolCall

NAME = "anthropic_messages"
"""The dialect."""

THINKING = ("thinking", "redacted_thinking")

Block = dict[str, Any]


def kept_as(blocks: Sequence[Block], choice: ModelChoice) -> OpaquePart | None:
    """The part that a reply of these blocks keeps; None when there is no thinking in it."""
    last = max((at for at, block in enumerate(blocks) if block["type"] in THINKING), default=None)
    if last is None:
        return None
    return OpaquePart(
        adapter=NAME, model=choice.label, value={"blocks": [_short(block) for block in blocks[: last + 1]]}
    )


def kept_blocks(part: OpaquePart | None, choice: ModelChoice) -> Sequence[Block]:
    """The blocks in it; none when another adapter or another model wrote it."""
    if part is None or part.adapter != NAME or part.model != choice.label or not isinstance(part.value, dict):
        return ()
    blocks = part.value.get("blocks")
    return [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else ()


def with_kept(kept: Sequence[Block], text: str, calls: Sequence[tuple[ToolCall, Block]]) -> list[Block]:
    """The message's blocks: thinking where it stood, else in front, then what is left of text and calls.

    A blank text is left out.
    """
    waiting = dict(enumerate(calls))
    blocks: list[Block] = []
    for block in kept:
        if block.get("type") in THINKING:
            blocks.append(block)
        elif block.get("type") == "text" and isinstance(length := block.get("length"), int):
            blocks += _text(text[:length])
            text = text[length:]
        elif block.get("type") == "tool_use":
            at = next((at for at, (call, _) in waiting.items() if call.id == block.get("id")), None)
            blocks += [waiting.pop(at)[1]] if at is not None else []
    return [*blocks, *_text(text), *(use for _, use in waiting.values())]


def _short(block: Block) -> Block:
    match block["type"]:
        case "text":
            return {"type": "text", "length": len(block["text"])}
        case "tool_use":
            return {"type": "tool_use", "id": block["id"]}
        case _:
            return block


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []
