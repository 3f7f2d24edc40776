"""The tool `session`: what other sessions of the same agent are about."""

from typing import Literal

from pydantic import Field, model_validator

from duragent.errors import SessionNotFound
from duragent.journal.events import EffectClass
from duragent.text import cut_to
from duragent.tools.base import NoSessions, SessionsPort, Tool, ToolArguments, ToolContext, ToolResult, failed

SHOWN_CHARS = 500


class SessionTool(Tool["SessionTool.Arguments"]):
    """Look into the other sessions of this agent: list the latest ones, or read the last messages of one."""

    name = "session"
    effect: EffectClass = "pure"
    outside = False
    runs_unasked = ("list", "read")
    main = "session_id"

    class Arguments(ToolArguments):
        action: Literal["list", "read"] = Field(description="`list` the latest sessions, or `read` one.")
        session_id: str | None = Field(default=None, description="For read: which one, as list shows it.")
        limit: int = Field(default=20, ge=1, le=50, description="How many sessions or messages.")

        @model_validator(mode="after")
        def _read_needs_a_session(self) -> "SessionTool.Arguments":
            if self.action == "read" and not (self.session_id or "").strip():
                raise ValueError("read needs `session_id`: use list to see which there are")
            return self

    def __init__(self, sessions: SessionsPort | None = None) -> None:
        self._sessions = sessions or NoSessions()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if arguments.action == "list":
            return await _listed(arguments.limit, self._sessions)
        return await _read((arguments.session_id or "").strip(), arguments.limit, self._sessions)


async def _listed(limit: int, sessions: SessionsPort) -> ToolResult:
    siblings = await sessions.siblings(limit)
    lines = [
        f"- {each.session_id} ({each.source}) — {each.status} — {each.updated_at}"
        + (f" — {cut_to(' '.join(each.title.split()), SHOWN_CHARS)}" if each.title.strip() else "")
        for each in siblings
    ]
    return ToolResult("\n".join(lines) or "There are no other sessions.", details={"sessions": len(lines)})


async def _read(session_id: str, limit: int, sessions: SessionsPort) -> ToolResult:
    try:
        messages = await sessions.read(session_id, limit)
    except SessionNotFound as error:
        return failed(f"{error}; use list to see which there are")
    lines = [f"[{role}]: {cut_to(text, SHOWN_CHARS)}" for role, text in messages]
    return ToolResult("\n".join(lines) or "This session has no messages yet.", details={"messages": len(lines)})
