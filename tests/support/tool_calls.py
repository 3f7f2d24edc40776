"""Replies of a scripted model that call tools, and waiting for what comes of them."""

import json

from duragent.journal.events import ApprovalRequested, ToolFinished, TurnEnded
from duragent.models.messages import ModelReply, ToolCall
from tests.support.house import House
from tests.support.until import until

BASH = "  tools:\n" + "\n".join(f"    - {{type: builtin, name: {name}}}" for name in ("bash", "read_file", "think"))
"""Lines for an agent.yaml below `spec`."""


def calls(*wanted: tuple[str, dict[str, object]]) -> ModelReply:
    """A reply that calls these tools."""
    asked = tuple(
        ToolCall(id=f"m{number}", name=name, arguments=json.dumps(arguments))
        for number, (name, arguments) in enumerate(wanted)
    )
    return ModelReply(calls=asked, finish_reason="tool_calls", model="scripted")


def bash(command: str) -> ModelReply:
    return calls(("bash", {"command": command}))


async def finished(house: House, session: str) -> list[ToolFinished]:
    return [event for event in await house.events(session) if isinstance(event, ToolFinished)]


async def question(house: House, session: str) -> ApprovalRequested:
    """Wait until the session asks, and what."""
    await until(lambda: house.sessions.question(session))
    return next(event for event in reversed(await house.events(session)) if isinstance(event, ApprovalRequested))


async def wait_for_end(house: House, session: str) -> TurnEnded:
    """The newest end of a turn, when there is one."""

    async def end() -> TurnEnded | None:
        ends = [event for event in await house.events(session) if isinstance(event, TurnEnded)]
        return ends[-1] if ends else None

    found = await until(end)
    assert found is not None
    return found
