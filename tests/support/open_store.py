"""A memory store that a test can look into."""

from duragent.stores.memory import MemoryStore


class OpenStore(MemoryStore):
    """Shows, and lets a test change, the lines that it keeps."""

    def lines_of(self, stream_id: str) -> list[bytes]:
        """The lines themselves: what a test writes to the list is what the store has."""
        return self._streams[stream_id].lines

    def only_id(self) -> str:
        """The id of the only stream."""
        [stream_id] = self._streams
        return stream_id
