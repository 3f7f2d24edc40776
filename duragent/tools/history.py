"""The tool `history`: what was said earlier in this session, also what is shown no longer, and in older sessions."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from duragent.errors import AmbiguousId, SessionNotFound
from duragent.journal.events import EffectClass
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.past import NoRecords, OlderPort, OlderRecord, RecordsPort, SearchedTooLong

MOST_RECORDS = 50
SEARCH_CHARS = 300
READ_CHARS = 2_000
NOTHING = "Nothing was found. Try fewer or other words, or read a range."
THIS, OLDER, ALL = "this", "older", "all"


class HistoryTool(Tool["HistoryTool.Arguments"]):
    """Look into the earlier records of this session, also those that are only shown as summaries.

    `search` finds records by words; `read` gives a range of records as they were.
    """

    name = "history"
    effect: EffectClass = "pure"
    runs_unasked = ("search", "read")
    main = "query"

    class Arguments(ToolArguments):
        action: Literal["search", "read"] = Field(description="`search` for words, or `read` a range of records.")
        query: str | None = Field(default=None, max_length=500, description="For search: words; all must be there.")
        first: int | None = Field(default=None, ge=1, description="For read: the first record.")
        last: int | None = Field(default=None, ge=1, description="For read: the last record.")
        limit: int = Field(default=10, ge=1, le=MOST_RECORDS, description="How many records at most.")

        @model_validator(mode="after")
        def _has_what_its_action_needs(self) -> "HistoryTool.Arguments":
            if self.action == "search" and not (self.query or "").strip():
                raise ValueError("search needs `query`: the words to look for")
            if self.action == "read" and self.first is None:
                raise ValueError("read needs `first`, and `last` for more than one record")
            return self

        @property
        def range(self) -> tuple[int, int]:
            """The first and the last record of `read`."""
            first = self.first or 1
            return first, max(self.last or first, first)

    def __init__(self, records: RecordsPort | None = None) -> None:
        self._records = records or NoRecords()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if arguments.action == "search":
            return await _searched(self._records, arguments)
        return _records(await self._records.range(*arguments.range, arguments.limit, READ_CHARS), arguments)


class HistoryOfSessions(Tool["HistoryOfSessions.Arguments"]):
    """Look into the earlier records of this session, also those that are only shown as summaries, and of others.

    `search` finds records by words; `read` gives a range of records as they were.
    """

    name = HistoryTool.name
    effect: EffectClass = HistoryTool.effect
    runs_unasked = HistoryTool.runs_unasked
    main = HistoryTool.main

    class Arguments(HistoryTool.Arguments):
        session: str = Field(
            default=THIS,
            min_length=1,
            max_length=64,
            description=f"For search: `{THIS}`, `{OLDER}` or `{ALL}`; in older sessions any of the words is enough. "
            f"For read: `{THIS}`, or the session as a search shows it.",
        )

        @model_validator(mode="after")
        def _names_sessions(self) -> "HistoryOfSessions.Arguments":
            if self.action == "search" and self.session not in (THIS, OLDER, ALL):
                raise ValueError(f"search takes `{THIS}`, `{OLDER}` or `{ALL}` as `session`")
            if self.action == "read" and self.session in (OLDER, ALL):
                raise ValueError(f"read takes `{THIS}` or one session as `session`, as a search shows it")
            return self

    def __init__(self, records: RecordsPort, older: OlderPort) -> None:
        self._records, self._older = records, older

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if arguments.action == "search":
            return await self._search(arguments)
        if arguments.session == THIS:
            return _records(await self._records.range(*arguments.range, arguments.limit, READ_CHARS), arguments)
        try:
            found = await self._older.range(arguments.session, *arguments.range, arguments.limit, READ_CHARS)
        except (SessionNotFound, AmbiguousId) as error:
            return failed(str(error))
        return _records(found, arguments, sessions=[arguments.session])

    async def _search(self, arguments: Arguments) -> ToolResult:
        if arguments.session == THIS:
            return await _searched(self._records, arguments)
        try:
            older = await self._older.search(arguments.query or "", arguments.limit, SEARCH_CHARS)
        except SearchedTooLong:
            return failed("Older sessions could not be searched in time; try it again, or search in `this`.")
        lines = [_line(each) for each in older]
        sessions = list(dict.fromkeys(each.session for each in older))
        if arguments.session == OLDER:
            return ToolResult("\n".join(lines) or NOTHING, details={"records": len(lines), "sessions": sessions})
        own = await _searched(self._records, arguments)
        parts = ["In this session:", own.content, "", "In older sessions:", *(lines or ["Nothing was found."])]
        details = {"records": len(lines) + own.details["records"], "sessions": sessions}
        return ToolResult("\n".join(parts), details=details)


def _line(record: OlderRecord) -> str:
    where = ", ".join(part for part in (f"{record.session} #{record.seq}", record.day) if part)
    return f"[{where}] {record.who}: {record.text}"


async def _searched(records: RecordsPort, arguments: HistoryTool.Arguments) -> ToolResult:
    """What this session says."""
    searched = await records.search((arguments.query or "").split(), arguments.limit, SEARCH_CHARS)
    lines = _lines(searched.found, arguments.limit)
    if searched.unread_upto:
        lines.append(f"(there was no time to look at records 1 to {searched.unread_upto}; read a range of them)")
    return ToolResult("\n".join(lines) or NOTHING, details={"records": len(searched.found)})


def _records(found: Sequence[tuple[int, str, str]], arguments: HistoryTool.Arguments, **details: Any) -> ToolResult:
    first, last = arguments.range
    nothing = f"Records {first} to {last} say nothing."
    text = "\n".join(_lines(found, arguments.limit)) or nothing
    return ToolResult(text, details={"records": len(found), **details})


def _lines(found: Sequence[tuple[int, str, str]], limit: int) -> list[str]:
    lines = [f"[{seq}] {who}: {text}" for seq, who, text in found]
    return [*lines, f"(at most {limit} are shown)"] if len(found) == limit else lines
