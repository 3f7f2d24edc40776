"""The tool `bash`: a shell command in the working directory."""

import asyncio
from typing import Annotated

from pydantic import AfterValidator, Field

from duragent.policy.patterns import Kind
from duragent.policy.rules import Invocation
from duragent.text import without_surrogates
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.command_output import GRACE_SECONDS, command_result

MAX_SECONDS = 600
MAX_WORD_BYTES = 128 * 1024 - 1
"""Linux starts no program with a longer word among its arguments."""


def sound_word(text: str) -> str:
    """`text`, when it can be handed to a program as one word; else ValueError."""
    if "\0" in text:
        raise ValueError("must not have a NUL character in it")
    if without_surrogates(text) != text:
        raise ValueError("must be valid Unicode text")
    if len(text.encode()) > MAX_WORD_BYTES:
        raise ValueError(f"must have at most {MAX_WORD_BYTES:,} bytes; put long content into a file")
    return text


def _command(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return sound_word(text)


class Bash(Tool["Bash.Arguments"]):
    """Run a command with bash in the working directory, and get its output and exit code.

    Each call is a new shell: `cd` and variables do not last. Nobody can type into it, so pass `-y` and the like.
    Long output is shown with its middle left out; read_output shows the rest. What still runs when the time is over is
    ended together with everything that it started.
    """

    name = "bash"
    kind: Kind = "bash"
    main = "command"
    timeout_seconds = MAX_SECONDS + GRACE_SECONDS
    by_command = True

    class Arguments(ToolArguments):
        command: Annotated[str, AfterValidator(_command)] = Field(description="The command, as you would type it.")
        timeout_seconds: int = Field(
            default=120, ge=1, le=MAX_SECONDS, description="When it is ended if it still runs then."
        )

    def invocation(self, arguments: Arguments) -> Invocation:
        """The command itself: that is what policy parses."""
        return Invocation(self.kind, self.name, arguments.command)

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        command = await asyncio.to_thread(context.confined, ["bash", "-c", arguments.command])
        finished = await context.commands.run(command, timeout_seconds=arguments.timeout_seconds)
        return await command_result(finished, call=context.call.call, timeout_seconds=arguments.timeout_seconds)
