"""What a mutant is: the product without one of its safeguards, and the tests that must notice."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.places import ROOT

ASSERTIONS = frozenset({"AssertionError", "Failed", "DuragentError"})
"""How a test fails: by what it compares, by an error that did not come, by one that it did not expect. A name
that does not exist, or another fault of a bad patch, is none of these."""


class DoesNotApply(AssertionError):
    """The code has changed: the mutant has to follow it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In the module's source, `old`, which stands there exactly once, becomes `new`."""

    module: str
    old: str
    new: str

    @property
    def path(self) -> Path:
        return ROOT / f"{self.module.replace('.', '/')}.py"


@dataclass(frozen=True, slots=True)
class Mutant:
    """`removed` says in one line which safeguard is gone. `symptoms`: the errors by which one of the tests fails."""

    name: str
    removed: str
    edits: tuple[Edit, ...]
    caught_by: tuple[str, ...]
    symptoms: frozenset[str] = ASSERTIONS

    def sources(self) -> dict[str, str]:
        """The changed text of each module. Raises DoesNotApply."""
        changed: dict[str, str] = {}
        for edit in self.edits:
            text = changed.get(edit.module) or edit.path.read_text()
            if (count := text.count(edit.old)) != 1:
                raise DoesNotApply(f"{self.name}: {edit.module} has this {count} times instead of once:\n{edit.old}")
            changed[edit.module] = text.replace(edit.old, edit.new)
        return changed


def without(name: str, removed: str, edit: Edit, *caught_by: str) -> Mutant:
    """A mutant of one edit, caught by comparing."""
    return Mutant(name, removed, (edit,), caught_by)
