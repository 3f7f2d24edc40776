"""`duragent serve`, and `status`, `token`, `stop` and `reload-agents` for a server that runs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run
from duragent.cli.place import config_of, find_config, need_config

if TYPE_CHECKING:
    from duragent.client.address import Announcement

app = typer.Typer(
    help="Run the server (in the foreground), or speak to the one that runs.",
    rich_markup_mode=None,
    add_completion=False,
)
STOP_SECONDS = 60.0


@app.callback(invoke_without_command=True)
def serve(  # noqa: PLR0913 - typer: one parameter an option
    context: typer.Context,
    config: options.Config = None,
    workspace: options.Workspace = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", "-p", min=0, max=65_535, help="The port; 0: any.")] = None,
    agents_dir: Annotated[Path | None, typer.Option(help="The agents' folder.")] = None,
    ephemeral: Annotated[
        int | None, typer.Option(min=1, metavar="SECONDS", help="Stop after so long without sessions.")
    ] = None,
) -> None:
    """Run the server in the foreground until Ctrl-C or SIGTERM."""
    context.obj = Where(config, workspace)
    if context.invoked_subcommand is not None:
        return
    from duragent.runtime import serve as serve_workspace

    settings = find_config(config, workspace) or config_of(Path(".duragent"))
    serving = serve_workspace(settings, host=host, port=port, agents_dir=agents_dir, ephemeral_seconds=ephemeral)
    try:
        import uvloop
    except ImportError:
        run(serving)
    else:
        uvloop.run(serving)


def _where(context: typer.Context, config: Path | None, workspace: Path | None) -> Where:
    # Both `serve -c X stop` and `serve stop -c X` are what a person may type.
    outer: Where = context.obj
    return outer if config is None and workspace is None else Where(config, workspace)


@app.command()
def status(
    context: typer.Context,
    config: options.Config = None,
    workspace: options.Workspace = None,
    pid: Annotated[bool, typer.Option("--pid", help="Print the number of its process and nothing else.")] = False,
    json: options.Json = False,
) -> None:
    """Say whether a server runs for the workspace; exit code 69 when none does."""
    raise typer.Exit(run(_status(_where(context, config, workspace), json, pid)))


async def _status(where: Where, json: bool, pid: bool) -> int:
    from duragent.cli import view
    from duragent.client.address import local_url, read_announcement
    from duragent.errors import ServerUnreachable

    async with connect(where, start=False) as connection:
        assert connection.config is not None
        workspace = connection.config.workspace
        try:
            ready = await connection.client.ready()
            version = await connection.client.version()
        except ServerUnreachable as error:
            if json:
                view.print_json({"running": False, "workspace": str(workspace), "reason": error.reason})
            else:
                # Where a number is wanted, stdout has a number or nothing.
                typer.echo(f"No server runs for {workspace}: {error.reason}", err=pid)
            return 69
    announcement = read_announcement(workspace)
    address = announcement.address if announcement else None
    if pid and address is not None:
        typer.echo(address.pid)
        return 0
    if json:
        running = {"running": True, "workspace": str(workspace), "version": version.version}
        running |= {"token_file": _token_file(announcement)}
        view.print_json(running | (address.model_dump() if address else {}) | ready.model_dump())
        return 0
    if address is not None:
        started = view.ago(address.started_at)
        typer.echo(f"Server {version.version} runs on {local_url(address)} (pid {address.pid}, started {started})")
    typer.echo(view.clean(f"Workspace {workspace}: {ready.status}" + (f", {ready.problem}" if ready.problem else "")))
    if ready.descriptors is not None:
        typer.echo(f"File descriptors: {ready.descriptors.used:,} of {ready.descriptors.limit:,} in use")
    for session_id in ready.damaged:
        typer.echo(f"Damaged, read-only: {view.one_line(session_id)}")
    for name in ready.broken_agents:
        typer.echo(f"Broken agent: {view.one_line(name)}  (duragent agent check {view.one_line(name)})")
    return 0


def _token_file(announcement: "Announcement | None") -> str | None:
    """Where the server's token lies; None when it is one of the configuration."""
    from duragent.client.address import TOKEN_FILE

    folder = announcement.address.private_folder if announcement is not None and announcement.token else None
    return None if folder is None else str(Path(folder) / TOKEN_FILE)


@app.command()
def token(context: typer.Context, config: options.Config = None, workspace: options.Workspace = None) -> None:
    """Print the token that the workspace's server wants from programs; for `curl -H "Authorization: Bearer …"`."""
    from duragent.client.address import read_announcement
    from duragent.errors import ServerUnreachable

    where = _where(context, config, workspace)
    settings = need_config(where.config, where.workspace)
    shown = settings.server.api_token
    if shown is None:
        announcement = read_announcement(settings.workspace)
        if announcement is None:
            raise ServerUnreachable(str(settings.workspace), "no server is running for this workspace")
        shown = announcement.token
    typer.echo(shown)


@app.command()
def stop(context: typer.Context, config: options.Config = None, workspace: options.Workspace = None) -> None:
    """Stop the workspace's server; running turns go on at its next start."""
    run(_stop(_where(context, config, workspace)))


async def _stop(where: Where) -> None:
    import asyncio

    from duragent.client.address import read_address
    from duragent.client.server_process import is_gone
    from duragent.errors import ServerError

    async with connect(where, start=False) as connection:
        assert connection.config is not None
        address = read_address(connection.config.workspace)
        await connection.client.shutdown()
    deadline = time.monotonic() + STOP_SECONDS
    while address is not None and not is_gone(address.pid, address.started_at):
        if time.monotonic() > deadline:
            raise ServerError(
                f"the server (pid {address.pid}) was told to stop and still runs after {STOP_SECONDS:.0f} s"
            )
        await asyncio.sleep(0.05)
    typer.echo("Stopped.")


@app.command()
def reload_agents(context: typer.Context, config: options.Config = None, workspace: options.Workspace = None) -> None:
    """Have the server read its agents again now."""
    run(_reload(_where(context, config, workspace)))


async def _reload(where: Where) -> None:
    from duragent.cli import view

    async with connect(where, start=False) as connection:
        typer.echo(view.clean(await connection.client.reload_agents()))
