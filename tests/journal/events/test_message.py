"""The smallest line of a message, and sources that later versions write."""

from duragent.journal.events import MessageReceived, Sender
from tests.journal.events.smallest import read, written


def test_the_smallest_line_is_read_with_its_defaults() -> None:
    smallest = MessageReceived(message_id="m", text="", sender=None, source="http", door="")
    assert read("message_received", message_id="m", text="") == smallest
    assert written(smallest) == {"message_id": "m", "text": "", "source": "http"}


def test_a_source_that_is_not_known_is_read_and_written_as_it_is() -> None:
    event = read("message_received", message_id="m", text="hi", source="moon", door="lander", sender={"name": "Ann"})
    assert event == MessageReceived(
        message_id="m", text="hi", source="moon", door="lander", sender=Sender(id=None, name="Ann")
    )
    assert isinstance(event, MessageReceived)
    assert (written(event)["source"], written(event)["door"]) == ("moon", "lander")
