"""What a client says of the server that it talks to."""

import pytest

from duragent.errors import (
    OlderServer,
    ProblemResponse,
    ServerError,
    ServerStartFailed,
    ServerUnreachable,
    UnsafePrivateFolder,
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ServerUnreachable("http://x", "refused"), "no duragent server answers at http://x: refused"),
        (OlderServer("http://x", "0.5", "stop it"), "an older duragent (0.5) answers at http://x: stop it"),
        (UnsafePrivateFolder("/run/x", "it is a symbolic link"),
         "/run/x cannot hold the server's token: it is a symbolic link"),
        (ProblemResponse(404, "not-found", "there is none"), "there is none"),
    ],
)  # fmt: skip
def test_an_error_is_one_plain_sentence(error: ServerError, sentence: str) -> None:
    assert str(error) == sentence


def test_a_server_that_finds_its_folder_open_to_others_does_not_start() -> None:
    assert issubclass(UnsafePrivateFolder, ServerStartFailed)


def test_an_address_that_a_person_gave_is_marked() -> None:
    assert (ServerUnreachable("u", "r").named, ServerUnreachable("u", "r", named=True).named) == (False, True)
