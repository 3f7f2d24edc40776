"""The root of the tree of errors."""

from typing import ClassVar


class DuragentError(Exception):
    """The root. `str(error)` is one plain sentence that a person can act on."""

    code: ClassVar[str] = "error"
    """A stable name for programs, kebab-case; the tail of the problem type URN."""
