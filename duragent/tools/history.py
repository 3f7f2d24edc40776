"""The tool `history`: what was said earlier in this session, also what is shown no longer."""

from typing import Literal

from pydantic import Field, model_validator

from duragent.journal.events import EffectClass
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult
from duragent.tools.past import NoRecords, RecordsPort

MOST_RECORDS = 50
SEARCH_CHARS = 300
READ_CHARS = 2_000


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

    def __init__(self, records: RecordsPort | None = None) -> None:
        self._records = records or NoRecords()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if arguments.action == "search":
            words = (arguments.query or "").split()
            found = await self._records.search(words, arguments.limit, SEARCH_CHARS)
            nothing = "Nothing was found. Try fewer or other words, or read a range."
        else:
            first = arguments.first or 1
            last = max(arguments.last or first, first)
            found = await self._records.range(first, last, arguments.limit, READ_CHARS)
            nothing = f"Records {first} to {last} say nothing."
        lines = [f"[{seq}] {who}: {text}" for seq, who, text in found]
        if len(found) == arguments.limit:
            lines.append(f"(at most {arguments.limit} are shown)")
        return ToolResult("\n".join(lines) or nothing, details={"records": len(found)})
