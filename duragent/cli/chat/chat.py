"""`duragent chat`: a new session with an agent, from the first message on a fresh machine."""

import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from duragent.cli import options, view
from duragent.cli.connection import Connection, Where, choose_agent, connect
from duragent.cli.loop import run
from duragent.cli.place import FIRST_AGENT
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import SessionInfo

_Which = Literal["new", "last", "picked"]


@options.at_server_with_own_c
def chat(
    agent: options.AgentOption = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the session used last, of this agent if one is named.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", "-r", help="Pick the session to go on with.")] = False,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Talk to an agent. Makes a workspace and starts a server when there is none.

    The session begins with the first message: what is left without a word leaves none.
    """
    if go_on and resume:
        raise InvalidRequest("--continue and --resume: give only one of them")
    if resume and not _at_terminal():
        raise InvalidRequest("--resume needs a terminal; --continue goes on with the session used last")
    raise typer.Exit(run(_chat(where, agent, "last" if go_on else "picked" if resume else "new", as_name)))


async def _chat(where: Where, agent: str | None, which: _Which, as_name: str | None) -> int:
    async with connect(where, make=agent in (None, FIRST_AGENT), note=_say) as connection:
        session = await _session_for(connection.client, agent, which)
        if session is None:
            return 0
        if not _at_terminal():
            return await _lines(connection, session)
        await converse(connection, session, as_name)
    return 0


async def _session_for(client: "Client", agent: str | None, which: _Which) -> "SessionInfo | None":
    """The session to begin with, or the draft of one; None when the person picked none."""
    from duragent.cli.chat.beginning import draft
    from duragent.cli.session_picker import last_session, pick_session

    if which == "picked":
        return await pick_session(client, agent=agent)
    chosen = await choose_agent(client, agent) if agent is not None or which == "new" else None
    session = await last_session(client, chosen) if which == "last" else None
    if which == "last" and session is None:
        _say("There is no session to go on with: this is a new one.")
    if session is None:
        chosen = chosen or await choose_agent(client, None)
        await _check_usable(client, chosen)
        session = draft(chosen)
    return session


async def _check_usable(client: "Client", agent: str) -> None:
    """Raises what the server says of an agent whose files have a fault; the first message would meet it too late."""
    if any(broken.name == agent for broken in (await client.agents()).broken):
        await client.create_session(agent)


def _at_terminal() -> bool:
    return sys.stdin.isatty() and view.on_terminal()


def _say(sentence: str) -> None:
    # In a pipe, stdout is for answers.
    talks = view.on_terminal() and sys.stdin.isatty()
    typer.echo(view.wrapped(sentence, sys.stdout if talks else sys.stderr), err=not talks)


async def _lines(connection: Connection, session: "SessionInfo") -> int:
    """Each line of stdin is a message; the answers go to stdout. Ends at the first turn without an answer."""
    from duragent.cli.ask import AnswerPrinter, code_of
    from duragent.cli.chat.beginning import Beginning
    from duragent.client.turn import ask

    beginning = Beginning(connection.client, session)
    for line in sys.stdin.buffer:
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not text.strip():
            continue
        printer = AnswerPrinter(live=view.on_terminal())
        result = await ask(connection.client, await beginning.begin(), text, on_item=printer.take)
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
        talk = Talk(connection, session, Options(as_name, history, terminal))
        to = await talk.run()
        if to is None:
            break
        session = to
    typer.echo(view.wrapped(_parting(talk.session)))


def _parting(session: "SessionInfo") -> str:
    if not session.session_id:
        return "Nothing was said, so there is no session."
    return f"Detached. The session goes on: duragent attach {view.short_id(session.session_id)}"


async def _banner(connection: Connection, session: "SessionInfo") -> str:
    known = {agent.name: agent for agent in (await connection.client.agents()).agents}
    agent = known.get(session.agent)
    model = "" if agent is None else "/".join(part for part in (agent.provider, agent.model) if part)
    model = "demo" if model == "demo/demo" else model
    title = f'  ·  "{view.title_of(session)}"' if view.title_of(session) else ""
    name = view.short_id(session.session_id) or "new session"
    left = f"{view.one_line(session.agent)} · {name}{title}"
    left += f"  ·  {view.one_line(model)}" if model else ""
    keys = "/help for commands · Ctrl-D detaches · Ctrl-C stops the answer"
    fits = len(left) + 8 + len(keys) < shutil.get_terminal_size().columns
    if not fits:
        left, keys = view.wrapped(left), view.wrapped(keys)
    banner = f"{view.paint(left, bold=True)}{' ' * 8 if fits else chr(10)}{view.paint(keys, dim=True)}"
    warning = "" if agent is None else view.one_line(agent.warning)
    return f"{banner}\n{view.paint(warning, fg='yellow')}" if warning else banner
