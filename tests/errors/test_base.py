"""The tree of errors: as it is drawn, and what every error has."""

import re
from collections.abc import Iterator

import duragent.errors
from duragent.errors import DuragentError, ModelError, StoreError


def below(kind: type[DuragentError], depth: int = 0) -> Iterator[tuple[int, type[DuragentError]]]:
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__.startswith("duragent.errors"):
            yield from below(child, depth + 1)


def drawn() -> list[tuple[int, str]]:
    """(depth, name) of each line of the tree in the docstring of `duragent.errors`."""
    lines = re.findall(r"^    ([│├└─ ]*)(\w+)", duragent.errors.__doc__ or "", re.MULTILINE)
    return [(len(branch) // 4, name) for branch, name in lines]


def parents(tree: list[tuple[int, str]]) -> dict[str, str]:
    path: list[str] = []
    found = {}
    for depth, name in tree:
        path = [*path[:depth], name]
        found[name] = path[-2] if depth else ""
    return found


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    real = [(depth, kind.__name__) for depth, kind in below(DuragentError)]
    assert parents(drawn()) == parents(real)


def test_every_error_can_be_imported_from_the_package() -> None:
    names = sorted(kind.__name__ for _, kind in below(DuragentError))
    assert sorted(duragent.errors.__all__) == names
    assert all(issubclass(getattr(duragent.errors, name), DuragentError) for name in names)


def test_codes_are_kebab_case_and_no_two_branches_share_one() -> None:
    by_code: dict[str, type[DuragentError]] = {}
    for _, kind in below(DuragentError):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code), kind
        # A class without a code of its own has that of its parent.
        assert issubclass(kind, by_code.setdefault(kind.code, kind)), kind
    assert (StoreError.code, ModelError.code) == ("store-error", "model-error")
