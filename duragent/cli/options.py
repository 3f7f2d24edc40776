"""Options that several commands share."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from duragent.cli.completions import complete_agent, complete_session
from duragent.cli.connection import Where

_CONFIG_HELP = "A duragent.yaml; else DURAGENT_CONFIG, else the nearest from here up."
Config = Annotated[Path | None, typer.Option("--config", "-c", metavar="PATH", help=_CONFIG_HELP)]
ConfigInFull = Annotated[Path | None, typer.Option("--config", metavar="PATH", help=_CONFIG_HELP)]
"""For a command whose `-c` is another option."""
Workspace = Annotated[
    Path | None, typer.Option("--workspace", "-w", metavar="PATH", help="A workspace folder, without a duragent.yaml.")
]
Server = Annotated[
    str | None,
    typer.Option("--server", "-s", metavar="URL", help="A server elsewhere; its token comes from DURAGENT_TOKEN."),
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="PATH", help="A file with the token for --server.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AgentOption = Annotated[
    str | None, typer.Option("--agent", "-a", metavar="NAME", help="The agent.", autocompletion=complete_agent)
]
AgentArgument = Annotated[str, typer.Argument(metavar="AGENT", autocompletion=complete_agent)]
SessionArgument = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A session's id, or any part of it that no other has.",
        autocompletion=complete_session,
    ),
]
AsName = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Your name, for sessions with several people.")
]


def _where(
    config: Config = None, workspace: Workspace = None, server: Server = None, token_file: TokenFile = None
) -> Where:
    return Where(config, workspace, server, token_file)


def _where_in_full(
    config: ConfigInFull = None, workspace: Workspace = None, server: Server = None, token_file: TokenFile = None
) -> Where:
    return Where(config, workspace, server, token_file)


def at_server(command: Callable[..., None]) -> Callable[..., None]:
    """A command with a parameter `where: Where`: on the command line that is the options of `_where`, at its place."""
    return _with_options(command, _where)


def at_server_with_own_c(command: Callable[..., None]) -> Callable[..., None]:
    """As `at_server`; `-c` is not `--config` here."""
    return _with_options(command, _where_in_full)


def _with_options(command: Callable[..., None], make_where: Callable[..., Where]) -> Callable[..., None]:
    own, of_where = inspect.signature(command).parameters, inspect.signature(make_where).parameters

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        command(where=make_where(**{name: given.pop(name) for name in of_where}), **given)

    listed = [option for name in own for option in (of_where.values() if name == "where" else [own[name]])]
    # typer reads a command's options from its signature.
    signature = inspect.Signature([option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in listed])
    with_options.__signature__ = signature  # type: ignore[attr-defined]  # typing does not know this attribute
    return with_options
