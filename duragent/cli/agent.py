"""`duragent agent list|create|check`: from the files alone, no server needed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_agent
from duragent.cli.init import ask_for, say_key
from duragent.cli.place import need_config
from duragent.errors import AgentNotFound, InvalidFile, InvalidRequest

if TYPE_CHECKING:
    from duragent.agent.load import Agent

app = typer.Typer(help="See, make and check agents.", rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.command("list")
def list_agents(config: options.Config = None, workspace: options.Workspace = None, json: options.Json = False) -> None:
    """List the agents; a broken one with its reason."""
    from duragent.agent.catalog import Catalog

    catalog = Catalog.open(need_config(config, workspace).agents_dir)
    good = [(agent.name, agent, "") for agent in catalog.agents.values()]
    if json:
        view.print_json(
            [
                {
                    "name": name,
                    "description": agent.metadata.description,
                    "version": agent.metadata.version,
                    "provider": agent.spec.model.provider,
                    "model": agent.spec.model.name,
                    "problem": None,
                }
                for name, agent, _ in good
            ]
            + [{"name": name, "problem": reason} for name, reason in catalog.broken.items()]
        )
        return
    rows = [
        (name, f"{agent.spec.model.provider}/{agent.spec.model.name}", agent.metadata.description or "")
        for name, agent, _ in good
    ]
    rows += [(name, "broken", reason) for name, reason in catalog.broken.items()]
    view.print_table(("NAME", "MODEL", "DESCRIPTION"), rows, "No agents yet: `duragent agent create NAME` makes one.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The agent's name: lower-case letters, digits and dashes.")],
    config: options.Config = None,
    workspace: options.Workspace = None,
    provider: Annotated[str | None, typer.Option(help="The model's provider.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    no_interactive: Annotated[bool, typer.Option("--no-interactive", help="Ask nothing.")] = False,
) -> None:
    """Make an agent: its folder, with a commented agent.yaml and its prompts."""
    from duragent.agent.starter import write_agent

    found = need_config(config, workspace)
    folder = found.agents_dir / name
    if folder.exists():
        raise InvalidRequest(f"agent '{name}' exists already: {folder}")
    _, provider, model = ask_for(name, provider, model, not no_interactive)
    for file in write_agent(found.agents_dir, name, provider, model).created:
        typer.echo(f"Created  {file}")
    say_key(provider)
    typer.echo(f"Next: duragent chat -a {name}")


@app.command()
def check(
    which: Annotated[
        str | None,
        typer.Argument(metavar="[NAME|PATH]", help="One agent; else all.", autocompletion=complete_agent),
    ] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
) -> None:
    """Check agents' files: say what is wrong with them, and where. Exit code 65 when something is."""
    faults = [fault for folder in _folders(which, config, workspace) if (fault := _check(folder)) is not None]
    if faults:
        raise typer.Exit(65)


def _folders(which: str | None, config: Path | None, workspace: Path | None) -> list[Path]:
    if which is not None and ("/" in which or which in (".", "..")):
        path = Path(which)
        return [path.parent.absolute() if path.name == "agent.yaml" else path.absolute()]
    found = need_config(config, workspace)
    # `glob` with the file's name at its end would leave out one that is a link to nowhere.
    folders = sorted(found.agents_dir.glob("[!.]*"))
    known = [folder for folder in folders if os.path.lexists(folder / "agent.yaml")]
    if which is None:
        if not known:
            raise AgentNotFound("", ())
        return known
    folder = found.agents_dir / which
    if not folder.is_dir():
        raise AgentNotFound(which, [each.name for each in known])
    return [folder]


def _check(folder: Path) -> InvalidFile | None:
    from duragent.agent.load import load_agent

    try:
        agent = load_agent(folder)
    except InvalidFile as error:
        typer.echo(f"{view.paint('fault', fg='red')}  {folder.name}  {view.clean(str(error))}")
        return error
    typer.echo(f"{view.paint('ok', fg='green')}     {folder.name}  {_model(agent)}")
    return None


def _model(agent: "Agent") -> str:
    from duragent.agent.spec import doubt_about_provider, inactive

    lines = [f"{agent.spec.model.provider}/{agent.spec.model.name}"]
    if doubt := doubt_about_provider(agent.spec.model.provider):
        lines.append(f"note: {doubt}")
    if waiting := inactive(agent.spec):
        lines.append(f"not active yet: {', '.join(waiting)}")
    return "\n       ".join(view.one_line(line) for line in lines)
