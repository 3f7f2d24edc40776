"""Trust keeps the contract, and promises no confinement."""

import pytest

from duragent.sandboxes.trust import Trust
from duragent.testing.sandbox_contract import PROMISES, Promise, odd_folder


@pytest.mark.parametrize("promise", PROMISES)
def test_trust_keeps(promise: Promise) -> None:
    with odd_folder() as folder:
        promise(Trust(), folder)
