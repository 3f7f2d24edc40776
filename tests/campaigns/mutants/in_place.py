"""A mutant in the running process: for a campaign that looks for a broken safeguard in many runs."""

import importlib
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.campaigns.mutants.mutant import Mutant


@contextmanager
def taken_out(mutant: Mutant) -> Iterator[None]:
    """The product without this safeguard while the block runs.

    Each function of a changed module gets the code of the changed source. So it does not matter who has imported it,
    and every other object of the module stays as it is. Raises DoesNotApply.
    """
    before: list[tuple[types.FunctionType, types.CodeType]] = []
    try:
        for name, source in mutant.sources().items():
            module = importlib.import_module(name)
            scratch: dict[str, Any] = {"__name__": name}
            exec(compile(source, str(module.__file__), "exec"), scratch)
            changed = _functions(scratch, name)
            for qualified, function in _functions(vars(module), name).items():
                before.append((function, function.__code__))
                function.__code__ = changed[qualified].__code__
        yield
    finally:
        for function, code in before:
            function.__code__ = code


def _functions(names: dict[str, Any], module: str) -> dict[str, types.FunctionType]:
    """The functions that this module defines, also those of its classes, by their qualified names."""
    found = dict[str, types.FunctionType]()
    for value in names.values():
        if isinstance(value, type) and value.__module__ == module:
            found |= _functions(dict(vars(value)), module)
        elif (function := _unwrapped(value)) is not None and function.__module__ == module:
            found[function.__qualname__] = function
    return found


def _unwrapped(value: Any) -> types.FunctionType | None:
    """The function behind what a decorator made of it."""
    while True:
        match value:
            case property():
                value = value.fget
            case staticmethod() | classmethod():
                value = value.__func__
            case types.FunctionType():
                if not hasattr(value, "__wrapped__"):
                    return value
                value = value.__wrapped__
            case _:
                return None
