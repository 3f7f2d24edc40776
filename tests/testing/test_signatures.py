"""What the stub signs."""

import pytest

from duragent.testing.signatures import is_sealed_by, needs_thought_signatures, sealed, signature


def test_signature_is_of_one_text_by_one_model() -> None:
    assert len({signature("a", "x"), signature("a", "y"), signature("b", "x"), signature("ax", "")}) == 4
    assert signature("a", "x") == signature("a", "x")


def test_sealed_text_is_known_again_by_its_model_only() -> None:
    assert is_sealed_by("a", sealed("a", "x"))
    assert not is_sealed_by("b", sealed("a", "x"))


@pytest.mark.parametrize("data", ["", "e30=", "no base64", None, 3, "WzEsIDJd"])
def test_what_nobody_sealed_is_not_taken(data: object) -> None:
    assert not is_sealed_by("a", data)


def test_newer_geminis_want_their_signatures_back() -> None:
    assert [needs_thought_signatures(name) for name in ("gemini-3-pro", "gemini-2.5-flash")] == [True, False]
