"""Questions to the person at the terminal; without an answer, an error names the options to use instead."""

import signal
from collections.abc import Callable
from typing import Any, TypeVar

import typer

from duragent.cli.interrupts import on_interrupt
from duragent.errors import InvalidRequest

T = TypeVar("T")


def prompt(text: str, instead: str, **options: Any) -> Any:
    """What is typed, of the type that typer makes of it.

    `instead` says in half a sentence what to give instead of an answer; `options` are those of typer.

    Raises InvalidRequest where stdin ends before an answer, and KeyboardInterrupt.
    """
    return _answered(lambda: typer.prompt(text, **options), instead)


def confirm(text: str, instead: str, **options: Any) -> bool:
    """Whether the person says yes. As `prompt`."""
    return _answered(lambda: typer.confirm(text, **options), instead)


def need_yes(text: str, **options: Any) -> None:
    """As `confirm`, of a command that has `--yes`; a no ends it."""
    if not confirm(text, "--yes answers it", **options):
        raise typer.Abort


def _answered(ask: Callable[[], T], instead: str) -> T:
    # In an event loop Ctrl-C would only ask the command's task to end, which waits for the answer.
    with on_interrupt(signal.default_int_handler):
        try:
            return ask()
        except typer.Abort as abort:
            if isinstance(abort.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            typer.echo(err=True)
            raise InvalidRequest(f"standard input ended before an answer: {instead}") from None
