"""Which pieces of an index a session may find."""

import pytest

from duragent.memory.search import FindablePieces

SAID, NOTE = "session_1", "people/bo.md"


@pytest.mark.parametrize(
    ("reads", "scope", "file", "found"),
    [
        (("person:bo", "world"), "person:bo", SAID, True),
        (("person:bo", "world"), "person:cy", SAID, False),
        (("owner", "person:*", "chat:*"), "person:bo", NOTE, True),
        # A stranger may have said it.
        (("owner", "person:*", "chat:*"), "person:bo", SAID, False),
        (("chat:team", "person:bo"), "chat:team", SAID, True),
        (("chat:team", "person:bo"), "person:bo", NOTE, True),
        # What bo said in private stays there, also when bo speaks in the group.
        (("chat:team", "person:bo"), "person:bo", SAID, False),
        (("chat:team", "person:bo"), "owner", NOTE, False),
    ],
)
def test_found_is_what_the_session_reads(reads: tuple[str, ...], scope: str, file: str, found: bool) -> None:
    assert FindablePieces(frozenset(reads)).have(scope, file) is found
    assert FindablePieces(frozenset(reads), only_said=True).have(scope, file) is (found and file == SAID)
