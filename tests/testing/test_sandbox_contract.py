"""The contract of a sandbox notices one that breaks it."""

from dataclasses import replace
from pathlib import Path

import pytest

from duragent.sandboxes.base import Command, Confinement
from duragent.sandboxes.trust import Trust
from duragent.testing.sandbox_contract import CONFINEMENTS, Promise, check_sandbox, odd_folder


# The last one is found broken only when the wait is over.
@pytest.mark.parametrize("promise", CONFINEMENTS[:-1])
def test_contract_notices_that_trust_confines_nothing(promise: Promise) -> None:
    with odd_folder() as folder, pytest.raises(AssertionError):
        promise(Trust(), folder)


class _Loses(Trust):
    """Loses what a command reads."""

    def wrap(self, command: Command, within: Confinement) -> Command:
        return replace(command, stdin=b"")


class _Claims(Trust):
    """Writes a file where it should only think."""

    def wrap(self, command: Command, within: Confinement) -> Command:
        Path(command.folder, "claimed").touch()
        return command


@pytest.mark.parametrize(("made", "broken"), [(_Loses, "input_reaches_the_command"), (_Claims, "wrap_changes_nothing")])
def test_check_names_the_broken_promise(made: type[Trust], broken: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_sandbox(made, confines=False)
    assert caught.value.__notes__ == [f"the sandbox broke the promise: {broken}"]


def test_check_passes_trust_that_claims_nothing() -> None:
    check_sandbox(Trust, confines=False)
