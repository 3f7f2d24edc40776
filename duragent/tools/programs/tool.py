"""A program as a tool: `type: cli` of agent.yaml, or a folder with a `run` file (`discovery`).

How a call reaches the program, always the same way and never through a shell:
- Its standard input is one line of JSON: the object of the arguments.
- The argument `args`, when it is a list of texts, follows the program's own words on the command line.
- It runs in the working directory, not in its own folder. DURAGENT_TOOL_DIR and DURAGENT_AGENT_DIR say where those are;
  DURAGENT_SESSION_ID, DURAGENT_CALL_ID and DURAGENT_IDEMPOTENCY_KEY say which call it is, the last one the same for
  every attempt.

Without a `schema.json`, `args` is the only argument there is.
"""

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from duragent.errors import InvalidArguments
from duragent.journal.events import AllowanceOffer
from duragent.policy.breadths import every_call
from duragent.policy.patterns import Kind
from duragent.policy.rules import Invocation, invocation_text
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, json_object
from duragent.tools.bash import sound_word
from duragent.tools.command_output import GRACE_SECONDS, command_result
from duragent.tools.programs.program import Program
from duragent.tools.programs.schema import DEFAULT_TIMEOUT_SECONDS

MAX_ARGS_BYTES = 512 * 1024


def _words(value: object) -> object:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise ValueError(f"cannot be split into words: {error}; give a list of texts") from None
    return value


def _sound_words(words: tuple[str, ...]) -> tuple[str, ...]:
    if sum(len(sound_word(word).encode()) + 1 for word in words) > MAX_ARGS_BYTES:
        raise ValueError(f"must have at most {MAX_ARGS_BYTES:,} bytes altogether; put long content into a file")
    return words


class GivenArguments(BaseModel):
    """Arguments that a `schema.json` describes: whatever it allows."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="allow")


class ProgramTool(Tool[BaseModel]):
    """A program of the agent."""

    kind: Kind = "cli"
    by_command = True

    class Arguments(ToolArguments):
        args: Annotated[tuple[str, ...], BeforeValidator(_words), AfterValidator(_sound_words)] = Field(
            default=(), description="The command-line arguments, one text each; nothing is expanded by a shell."
        )

    def __init__(self, program: Program) -> None:
        self.program = program
        self.name = program.name
        self.seconds = program.schema.timeout_seconds if program.schema else DEFAULT_TIMEOUT_SECONDS
        self.timeout_seconds = self.seconds + GRACE_SECONDS
        if program.schema:
            self.effect = program.schema.effect

    @property
    def description(self) -> str:
        return self.program.description or f"CLI tool: {self.name}"

    def parameters(self) -> dict[str, Any]:
        return dict(self.program.schema.parameters) if self.program.schema else super().parameters()

    def parse(self, text: str) -> BaseModel:
        if self.program.schema is None:
            return super().parse(text)
        values = json_object(text)
        faults = _encoding_faults(values) or self.program.schema.faults(values) or _args_faults(values)
        if faults:
            raise InvalidArguments(self.name, faults)
        return GivenArguments.model_validate(values)

    def invocation(self, arguments: BaseModel) -> Invocation:
        """`deploy --to "my host"` without a schema, else `deploy to="my host"`."""
        if self.program.schema is not None:
            return Invocation(self.kind, self.name, invocation_text(self.name, arguments.model_extra or {}))
        # Each word is written as policy writes any value, so that no word can look like two.
        words = [invocation_text("", {"word": word}, "word").strip() for word in _args(_values(arguments))]
        return Invocation(self.kind, self.name, " ".join([self.name, *words]))

    def wider(self, arguments: BaseModel) -> Sequence[AllowanceOffer]:
        return () if self.effect == "never" else every_call(self.kind, self.name)

    async def run(self, arguments: BaseModel, context: ToolContext) -> ToolResult:
        values, call = _values(arguments), context.call
        command = await asyncio.to_thread(
            context.confined,
            [*self.program.argv, *_args(values)],
            env={
                "DURAGENT_AGENT_DIR": str(context.places.agent_folder),
                "DURAGENT_TOOL_DIR": str(self.program.folder),
                "DURAGENT_SESSION_ID": call.session_id,
                "DURAGENT_CALL_ID": call.call,
                "DURAGENT_IDEMPOTENCY_KEY": call.key,
            },
            stdin=json.dumps(values, ensure_ascii=False).encode() + b"\n",
        )
        finished = await context.commands.run(command, timeout_seconds=self.seconds)
        return await command_result(finished, call=call.call, timeout_seconds=self.seconds)


def _values(arguments: BaseModel) -> dict[str, Any]:
    """The arguments as they are written on standard input, in the order in which they were given."""
    if isinstance(arguments, GivenArguments):
        return dict(arguments.model_extra or {})
    return arguments.model_dump(mode="json", exclude_defaults=True)


def _args(values: Mapping[str, Any]) -> list[str]:
    args = values.get("args")
    texts = isinstance(args, list) and all(isinstance(each, str) for each in args)
    return list(args) if texts and args else []


def _args_faults(values: Mapping[str, Any]) -> list[str]:
    try:
        _sound_words(tuple(_args(values)))
    except ValueError as error:
        return [f"args: {error}"]
    return []


def _encoding_faults(values: Mapping[str, Any]) -> list[str]:
    try:
        json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return ["they must be valid Unicode text"]
    except ValueError:
        return ["they must not have NaN or Infinity in them"]
    return []
