"""What of a conversation fits."""

from duragent.context.budget import fit, message_tokens
from duragent.models.messages import ChatMessage


def test_the_newest_exchange_fits_however_many_messages_it_has() -> None:
    said = [ChatMessage(role="user", content="x" * 4000) for _ in range(10)]
    question = ChatMessage(role="user", content="What is all this?")
    kept = fit([*said, question], 2000)
    assert sum(message_tokens(message) for message in kept) < 2000 + 11 * 20
    assert (len(kept), kept[-1]) == (11, question)
