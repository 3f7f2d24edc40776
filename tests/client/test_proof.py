"""How a server proves that it has the key of this start."""

import pytest

from duragent.client.proof import UNIX_SOCKET, new_key, new_nonce, proof, proves

KEY, NONCE, WORKSPACE, ADDRESS = "k" * 64, "0" * 64, "f" * 64, "127.0.0.1:8080"


def test_proof_of_the_same_key_question_workspace_and_address_is_one() -> None:
    assert proves(proof(KEY, NONCE, WORKSPACE, ADDRESS), KEY, NONCE, WORKSPACE, ADDRESS)


@pytest.mark.parametrize(
    "other",
    [
        ("x" * 64, NONCE, WORKSPACE, ADDRESS),
        (KEY, "1" * 64, WORKSPACE, ADDRESS),
        (KEY, NONCE, "e" * 64, ADDRESS),
        (KEY, NONCE, WORKSPACE, "127.0.0.1:8081"),
        (KEY, NONCE, WORKSPACE, UNIX_SOCKET),
    ],
)
def test_proof_of_anything_else_is_none(other: tuple[str, str, str, str]) -> None:
    assert not proves(proof(*other), KEY, NONCE, WORKSPACE, ADDRESS)


@pytest.mark.parametrize("shown", [None, "", "\ud7ff", "0" * 64, KEY])
def test_what_is_no_proof_proves_nothing(shown: str | None) -> None:
    assert not proves(shown, KEY, NONCE, WORKSPACE, ADDRESS)


def test_proof_does_not_hold_the_key_and_keys_and_questions_are_new_each_time() -> None:
    assert KEY not in proof(KEY, NONCE, WORKSPACE, ADDRESS)
    assert len({new_key(), new_key(), new_nonce(), new_nonce()}) == 4
