"""What a person who looks elsewhere wants to hear of a chat. Pure."""

from duragent.cli.chat.conversation import Conversation
from duragent.client.watch import Item
from duragent.journal import events
from duragent.journal.record import Record

_ENDED = {"completed": "has answered", "failed": "could not answer", "paused": "waits for you"}


def news_of(item: Item, talk: Conversation) -> str:
    """The sentence for what the conversation has just been given; "" for nothing of the kind."""
    if not (talk.live and isinstance(item, Record)):
        return ""
    match item.event:
        case events.TurnEnded(outcome=outcome) if outcome in _ENDED:
            return f"{talk.agent} {_ENDED[outcome]}"
        case events.ApprovalRequested(tool=tool):
            return f"{talk.agent} asks whether {tool} may run"
        case events.ToolLost(asks=True):
            return f"{talk.agent} asks about a call that may have run"
    return ""
