"""What a chat shows of what goes on beside turns: a person's commands, and undos. Pure."""

from duragent.cli.chat.tool_blocks import Called, Returned, returned
from duragent.journal import events
from duragent.visible import in_sight

SHOWN_FILES = 10
"""How many files an undo names."""


def command_blocks(event: events.CommandRequested | events.CommandFinished) -> list[Called | Returned]:
    """The line of a command, or what came of it."""
    if isinstance(event, events.CommandRequested):
        return [Called(f"! {event.by}".rstrip(), in_sight(event.command.strip("\n")))]
    content = f"{event.content}\n{event.by_rule}".rstrip() if event.by_rule else event.content
    result = events.ToolFinished(
        call=event.command_id, tool="!", outcome=event.outcome, content=content, details=event.details
    )
    return [returned(result)]


def undone_words(event: events.UndoFinished) -> str:
    """What an undo has done, for people."""
    lines = (
        [f"Put back as before the turn: {_names([file.path for file in event.restored])}."] if event.restored else []
    )
    lines += [f"{in_sight(file.path)} stays as it is: {in_sight(file.why)}." for file in event.refused[:SHOWN_FILES]]
    return "\n".join(lines) or "No file was put back."


def _names(paths: list[str]) -> str:
    more = f", and {len(paths) - SHOWN_FILES} more" if len(paths) > SHOWN_FILES else ""
    return ", ".join(in_sight(path) for path in paths[:SHOWN_FILES]) + more
