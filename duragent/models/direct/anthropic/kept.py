"""What Anthropic wants back with a message: its thinking, each block unchanged and where it stood. Pure.

As JSON: `{"blocks": [...]}`, the blocks of the reply in their order, up to the last one of thinking. Of a text there
stands only its length, and of a call only that it is there: what they say is in the message itself, where a call has an
id of our own.
"""

from collections.abc import Sequence
from typing import Any

from duragent.models.base import ModelChoice
from duragent.models.messages import OpaquePart

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


def with_kept(kept: Sequence[Block], text: str, uses: Sequence[Block]) -> list[Block]:
    """The message's blocks: thinking where it stood, else in front, then what is left of text and calls.

    A blank text is left out, and so is thinking behind everything else, which is refused.
    """
    waiting = list(uses)
    blocks: list[Block] = []
    for block in kept:
        if block.get("type") in THINKING:
            blocks.append(block)
        elif block.get("type") == "text" and isinstance(length := block.get("length"), int):
            blocks += _text(text[:length])
            text = text[length:]
        elif block.get("type") == "tool_use" and waiting:
            blocks.append(waiting.pop(0))
    blocks += [*_text(text), *waiting]
    while blocks and blocks[-1].get("type") in THINKING:
        blocks.pop()
    return blocks


def _short(block: Block) -> Block:
    match block["type"]:
        case "text":
            return {"type": "text", "length": len(block["text"])}
        case "tool_use":
            return {"type": "tool_use"}
        case _:
            return block


def _text(text: str) -> list[Block]:
    return [{"type": "text", "text": text}] if text.strip() else []
