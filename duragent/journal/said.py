"""What a record says, as one text: for pins, for searching a log, and for reading it. Pure."""

from duragent.journal.events import (
    CommandFinished,
    CommandRequested,
    Event,
    MessageReceived,
    ModelFailed,
    ModelReplied,
    ToolFinished,
)


def said_in(event: Event) -> tuple[str, str] | None:
    """Who says it, and what; None for events that say nothing."""
    match event:
        case MessageReceived():
            return (event.sender.name if event.sender and event.sender.name else "user", event.text)
        case ModelReplied():
            calls = [f"→ {call.tool} {call.arguments}" for call in event.calls]
            return ("agent", "\n".join(part for part in (event.text.strip(), *calls) if part))
        case ModelFailed() if event.partial_text.strip():
            return ("agent", event.partial_text)
        case ToolFinished():
            return (f"{event.tool or 'tool'}, {event.outcome}", event.content)
        case CommandRequested():
            return ("user", f"$ {event.command}")
        case CommandFinished():
            return (f"command, {event.outcome}", event.content)
        case _:
            return None
