"""Tool calling for models that have none: the prompt describes the tools, and the calls are read from the answer.

It wraps any model and is one itself, by the promises of `models.base`. What counts as a call is in `parse`, how tools,
calls and results are written in `prompt`.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable

from duragent.models.base import Model
from duragent.models.messages import ModelDelta, ModelReply, ModelRequest, ToolCall
from duragent.models.text_tools.calls import Found
from duragent.models.text_tools.parse import Scanner
from duragent.models.text_tools.prompt import as_text


class TextTools:
    """`model`, with tools as text. Its deltas and the reply's text are without the call blocks."""

    def __init__(self, model: Model) -> None:
        self._model = model

    @property
    def label(self) -> str:
        return self._model.label

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        """Text as it arrives, less what may be the beginning of a call; then the reply with the calls."""
        scanner = Scanner(request.tools, [message.content for message in request.messages if message.role == "tool"])
        shown: list[str] = []
        async with contextlib.aclosing(self._model.stream(as_text(request))) as pieces:
            async for piece in pieces:
                if isinstance(piece, ModelReply):
                    rest = scanner.finish(cut=piece.finish_reason == "length")
                    delta = ModelDelta(text=rest)
                else:
                    delta = ModelDelta(text=scanner.feed(piece.text), reasoning=piece.reasoning)
                shown.append(delta.text)
                if delta.text or delta.reasoning:
                    yield delta
                if isinstance(piece, ModelReply):
                    yield _with_calls(piece, "".join(shown), scanner.calls)


def _with_calls(reply: ModelReply, text: str, found: Iterable[Found]) -> ModelReply:
    """Calls that the model made natively, without being asked to, come first and keep their ids."""
    taken = {call.id for call in reply.calls}
    numbers = (number for number in range(1, 1 << 62) if f"call_{number}" not in taken)
    made = [ToolCall(id=f"call_{next(numbers)}", name=call.name, arguments=call.arguments) for call in found]
    calls = (*reply.calls, *made)
    cut_or_whole = reply.finish_reason in ("stop", "length")
    finish = "tool_calls" if calls and cut_or_whole else reply.finish_reason
    # Without calls of its own a provider wants nothing back: in later requests these stand in the text.
    return reply.model_copy(update={"text": text, "calls": calls, "finish_reason": finish, "opaque": None})
