"""What a chat offers before it begins: a key that was exported later, a model in place of the demo.

It asks only on a terminal, only for this machine's own server, and changes nothing without a yes.
"""

import os
from typing import TYPE_CHECKING

import typer

from duragent.cli import view
from duragent.cli.place import choose_model
from duragent.cli.prompts import confirm

if TYPE_CHECKING:
    from duragent.cli.connection import Connection
    from duragent.config import Config
    from duragent.wire import AgentSummary


async def offer_key(connection: "Connection", agent: "AgentSummary") -> "AgentSummary | None":
    """Ask what is to be asked before a chat with that agent. The agent as it is then."""
    if connection.config is None:
        return agent
    known: AgentSummary | None = agent
    if agent.provider == "demo" and _takes_model(connection.config, agent.name):
        await connection.client.reload_agents()
        known = (await connection.client.agents()).named(agent.name)
    if known is not None and known.missing_key:
        _offer_to_keep(known.missing_key, known.provider or "")
    return known


def _takes_model(config: "Config", name: str) -> bool:
    """Whether the unedited demo agent was given a real model that can be asked by now."""
    choice = choose_model(config)
    if choice.provider == "demo":
        return False
    # Only now: to load what writes agents takes longer than to see that there is no other model.
    from duragent.agent.starter import is_demo, replace_demo

    if not is_demo(config.agents_dir, name):
        return False
    label = view.one_line(f"{choice.provider}/{choice.model}", 80)
    why = choice.why[0].upper() + choice.why[1:]
    question = f'{why}. Let "{name}" use {label} in place of the demo?'
    if not confirm(question, "`duragent init` connects a model", default=True):
        return False
    return replace_demo(config.agents_dir, name, choice.provider, choice.model)


def _offer_to_keep(variable: str, provider: str) -> None:
    """The server does not have this key: keep the one that is exported here, or one that is typed."""
    from duragent.cli.init import keep_typed_key
    from duragent.system.keys import store_key

    here = os.environ.get(variable, "").strip()
    shown = view.one_line(provider, 40)
    if not here:
        typer.echo(f"{shown} needs a key, and the server has none.")
        if not keep_typed_key(variable):
            typer.echo(f"`duragent keys set {shown}` keeps one later.")
    elif confirm(
        f"{variable} is set here, and the server that runs does not have it. Keep it in a file that only you can read, "
        "for all servers?",
        f"`duragent keys set {shown}` keeps it",
        default=True,
    ):
        store_key(os.environ, variable, here)
    else:
        typer.echo("A server that is started here has it: `duragent serve stop`, and then this command again.")
