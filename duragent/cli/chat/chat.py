"""`duragent chat`: a new session with an agent, from the first message on a fresh machine."""

import shutil
import sys
from typing import TYPE_CHECKING

import typer

from duragent.cli import options, view
from duragent.cli.connection import Connection, Where, choose_agent, connect
from duragent.cli.loop import run
from duragent.cli.place import FIRST_AGENT

if TYPE_CHECKING:
    from duragent.wire import SessionInfo


@options.at_server
def chat(
    agent: options.AgentOption = None,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Talk to an agent. Makes a workspace and starts a server when there is none."""
    raise typer.Exit(run(_chat(where, agent, as_name)))


async def _chat(where: Where, agent: str | None, as_name: str | None) -> int:
    async with connect(where, make=agent in (None, FIRST_AGENT), note=_say) as connection:
        chosen = await choose_agent(connection.client, agent)
        session = await connection.client.create_session(chosen)
        if not (sys.stdin.isatty() and view.on_terminal()):
            return await _lines(connection, session.session_id)
        await converse(connection, session, as_name)
    return 0


def _say(sentence: str) -> None:
    # In a pipe, stdout is for answers.
    talks = view.on_terminal() and sys.stdin.isatty()
    typer.echo(view.wrapped(sentence, sys.stdout if talks else sys.stderr), err=not talks)


async def _lines(connection: Connection, session_id: str) -> int:
    """Each line of stdin is a message; the answers go to stdout. Ends at the first turn without an answer."""
    from duragent.cli.ask import AnswerPrinter, code_of
    from duragent.client.turn import ask

    for line in sys.stdin.buffer:
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not text.strip():
            continue
        printer = AnswerPrinter(live=view.on_terminal())
        result = await ask(connection.client, session_id, text, on_item=printer.take)
        printer.end(result)
        if code := code_of(result):
            return code
    return 0


async def converse(connection: Connection, session: "SessionInfo", as_name: str | None) -> None:
    """The terminal on a session, and on those it goes to from there, until the person leaves."""
    from duragent.cli.chat.talk import Options, Talk
    from duragent.cli.looks import begin_theme
    from duragent.config import TerminalSettings

    config = connection.config
    history = config.workspace / "run" / "history" if config else None
    terminal = config.file.terminal if config else TerminalSettings()
    begin_theme(terminal.theme)
    while True:
        typer.echo(await _banner(connection, session))
        to = await Talk(connection, session, Options(as_name, history, terminal)).run()
        if to == "leave":
            break
        session = await connection.client.session(to)
    typer.echo(view.wrapped(f"Detached. The session goes on: duragent attach {view.short_id(session.session_id)}"))


async def _banner(connection: Connection, session: "SessionInfo") -> str:
    known = {agent.name: agent for agent in (await connection.client.agents()).agents}
    agent = known.get(session.agent)
    model = "" if agent is None else "/".join(part for part in (agent.provider, agent.model) if part)
    model = "demo" if model == "demo/demo" else model
    title = f'  ·  "{view.one_line(session.title)}"' if session.title else ""
    left = f"{view.one_line(session.agent)} · {view.short_id(session.session_id)}{title}"
    left += f"  ·  {view.one_line(model)}" if model else ""
    keys = "/help for commands · Ctrl-D detaches · Ctrl-C stops the answer"
    fits = len(left) + 8 + len(keys) < shutil.get_terminal_size().columns
    if not fits:
        left, keys = view.wrapped(left), view.wrapped(keys)
    banner = f"{view.paint(left, bold=True)}{' ' * 8 if fits else chr(10)}{view.paint(keys, dim=True)}"
    warning = "" if agent is None else view.one_line(agent.warning)
    return f"{banner}\n{view.paint(warning, fg='yellow')}" if warning else banner
