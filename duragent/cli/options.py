"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from duragent.cli.completions import complete_agent, complete_session

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="PATH", help="A duragent.yaml; else the nearest one from here up."),
]
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
        help="A session's id or the start of one, with or without session_.",
        autocompletion=complete_session,
    ),
]
AsName = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Your name, for sessions with several people.")
]
