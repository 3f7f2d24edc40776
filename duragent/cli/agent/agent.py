"""`duragent agent list|create|check`: from the files alone, no server needed; `list --server` asks a server."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_agent
from duragent.cli.connection import Where, connect
from duragent.cli.init import BaseUrl, ModelWish, ask_for, say_what_is_missing
from duragent.cli.loop import run
from duragent.cli.place import find_config, need_config
from duragent.errors import AgentNotFound, InvalidFile, InvalidRequest
from duragent.wire import AgentList, AgentSummary

if TYPE_CHECKING:
    from duragent.agent.load import Agent
    from duragent.config import Config
    from duragent.equipment import Equipment

app = typer.Typer(help="See, make and check agents.", rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.command("list")
@options.at_server
def list_agents(
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """List the agents, a broken one with its reason: those of the files here, or those that a server has."""
    if where.server is None and where.token_file is not None:
        raise InvalidRequest("--token-file belongs to --server")
    agents = _of_files(where.config, where.workspace) if where.server is None else run(_of_server(where))
    if json:
        good = [agent.model_dump() for agent in agents.agents]
        view.print_json(good + [{"name": agent.name, "problem": agent.problem} for agent in agents.broken])
        return
    rows = [(agent.name, f"{agent.provider}/{agent.model}", agent.description or "") for agent in agents.agents]
    rows += [(agent.name, "broken", agent.problem or "") for agent in agents.broken]
    view.print_table(("NAME", "MODEL", "DESCRIPTION"), rows, "No agents yet: `duragent agent create NAME` makes one.")
    for agent in agents.agents:
        if agent.waiting_notes:
            view.note(waiting_line(agent))


def waiting_line(agent: AgentSummary) -> str:
    """What a person may decide about, and the command for it."""
    return f"{view.waiting_notes(agent.waiting_notes)}: duragent memory review -a {view.one_line(agent.name)}"


def _waiting(agent: "Agent") -> int:
    if agent.spec.memory is None:
        return 0
    from duragent.memory.waiting import waiting_notes

    return waiting_notes(agent.folder)


def _of_files(config: Path | None, workspace: Path | None) -> AgentList:
    from duragent.agent.catalog import Catalog

    found = need_config(config, workspace)
    catalog = Catalog.open(found.agents_dir, found.workspace)
    agents = [
        AgentSummary(
            name=agent.name,
            description=agent.metadata.description,
            version=agent.metadata.version,
            provider=agent.spec.model.provider,
            model=agent.spec.model.name,
            remembers=agent.spec.memory is not None,
            waiting_notes=_waiting(agent),
        )
        for agent in catalog.agents.values()
    ]
    return AgentList(
        agents=agents, broken=[AgentSummary(name=name, problem=reason) for name, reason in catalog.broken.items()]
    )


async def _of_server(where: Where) -> AgentList:
    async with connect(where) as connection:
        return await connection.client.agents()


@app.command()
def create(  # noqa: PLR0913 - typer: one parameter an option
    name: Annotated[str, typer.Argument(help="The agent's name: lower-case letters, digits and dashes.")],
    config: options.Config = None,
    workspace: options.Workspace = None,
    provider: Annotated[str | None, typer.Option(help="The model's provider.")] = None,
    model: Annotated[str | None, typer.Option(help="The model's name.")] = None,
    base_url: BaseUrl = None,
    no_interactive: Annotated[bool, typer.Option("--no-interactive", help="Ask nothing.")] = False,
) -> None:
    """Make an agent: its folder, with a commented agent.yaml and its prompts."""
    from duragent.agent.starter import write_agent

    settings = need_config(config, workspace)
    folder = settings.agents_dir / name
    if folder.exists():
        raise InvalidRequest(f"agent '{name}' exists already: {folder}")
    _, wish = ask_for(name, ModelWish(provider, model, base_url), not no_interactive)
    assert wish.provider is not None
    for file in write_agent(settings.agents_dir, name, wish.provider, wish.model, wish.base_url).created:
        typer.echo(f"Created  {file}")
    say_what_is_missing(wish, not no_interactive)
    typer.echo(f"Next: duragent chat -a {name}")


@app.command()
def check(
    which: Annotated[
        str | None,
        typer.Argument(metavar="NAME|PATH", help="One agent; else all.", autocompletion=complete_agent),
    ] = None,
    config: options.Config = None,
    workspace: options.Workspace = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Rewrite what was written loosely for v0.5, and keep the original beside it.")
    ] = False,
) -> None:
    """Check agents' files: say what is wrong with them and with what they use, and where.

    Looks at the agent's tools, skills, directives and policy too. Exit code 65 when something is wrong.
    """
    from duragent.cli.agent import upgrade

    homes = _homes(which, config, workspace)
    for home in homes if fix else ():
        upgrade.fix(home.folder)
    faulty = [home for home in homes if not _check(home)]
    fixable = [] if fix else [home.folder for home in faulty if upgrade.would_fix(home.folder)]
    if fixable:
        names = ", ".join(view.one_line(folder.name) for folder in fixable)
        typer.echo(f"`duragent agent check --fix` rewrites what needs no guess in: {names}", err=True)
    if faulty:
        raise typer.Exit(65)


@dataclass(frozen=True, slots=True)
class _Home:
    """An agent's folder, the workspace that it belongs to, and the folder that holds that."""

    folder: Path
    workspace: Path
    project: Path


def _homes(which: str | None, config: Path | None, workspace: Path | None) -> list[_Home]:
    folders = _folders(which, config, workspace)
    settings = find_config(config, workspace)
    return [_home(folder, settings) for folder in folders]


def _home(folder: Path, config: "Config | None") -> _Home:
    if config is not None and folder.parent.resolve() == config.agents_dir.resolve():
        return _Home(folder, config.workspace, config.base)
    # An agent that lies elsewhere: `<workspace>/agents/<name>`, as is usual.
    usual = folder.parent.parent
    return _Home(folder, usual, usual.parent)


def _folders(which: str | None, config: Path | None, workspace: Path | None) -> list[Path]:
    if which is not None and ("/" in which or which in (".", "..")):
        path = Path(which)
        return [path.parent.absolute() if path.name == "agent.yaml" else path.absolute()]
    settings = need_config(config, workspace)
    # `glob` with the file's name at its end would leave out one that is a link to nowhere.
    folders = sorted(settings.agents_dir.glob("[!.]*"))
    known = [folder for folder in folders if os.path.lexists(folder / "agent.yaml")]
    if which is None:
        if not known:
            raise AgentNotFound("", ())
        return known
    folder = settings.agents_dir / which
    if not folder.is_dir():
        raise AgentNotFound(which, [known_folder.name for known_folder in known])
    return [folder]


def _check(home: _Home) -> bool:
    """Says how the agent is; whether it is good."""
    from duragent.agent.load import load_agent
    from duragent.equipment import equip
    from duragent.models.provider_names import unknown_provider
    from duragent.models.providers import wrong_adapter
    from duragent.turn.model_choice import choice_of

    name = view.one_line(home.folder.name)
    try:
        agent = load_agent(home.folder, home.workspace)
    except InvalidFile as error:
        _say_fault(name, str(error))
        return False
    has = equip(agent, home.workspace, home.project)
    wrong = unknown_provider(agent.spec.model.provider) or wrong_adapter(choice_of(agent.spec.model))
    faults = (*([f"spec.model.provider: {wrong}"] if wrong else []), *has.faults)
    for fault in faults:
        _say_fault(name, fault)
    indent = "\n       "
    about = indent.join(view.one_line(line) for line in (*_model(agent, wrong), *_tools(has)))
    typer.echo(f"       {about}" if faults else f"{view.paint('ok', 'good')}     {name}  {about}")
    return not faults


def _say_fault(name: str, fault: str) -> None:
    typer.echo(f"{view.paint('fault', 'error')}  {name}  {view.clean(fault)}")


def _model(agent: "Agent", wrong: str | None) -> list[str]:
    from duragent.agent.spec import inactive
    from duragent.models.providers import way_of_asking
    from duragent.turn.model_choice import choice_of

    way = "" if wrong else way_of_asking(choice_of(agent.spec.model))
    lines = [f"{agent.spec.model.provider}/{agent.spec.model.name}{f', {way}' if way else ''}"]
    if used := agent.spec.model.use:
        lines.append(f"from models/{used}.yaml: {', '.join(agent.from_model_file) or 'nothing'}")
    if agent.always:
        lines.append(f"with every question: {', '.join(part.source for part in agent.always)}")
    if agent.included:
        lines.append(f"includes: {', '.join(path.name for path in agent.included)}")
    if waiting := inactive(agent.spec):
        lines.append(f"not active yet: {', '.join(waiting)}")
    return lines


def _tools(has: "Equipment") -> list[str]:
    """One line: what the agent can do, each tool with its effect class, by which a crash in a call is settled."""
    tools = [f"{tool.name} ({tool.effect})" for tool in has.loaded.tools.tools]
    return [f"tools: {', '.join(tools) or 'none'}"]
