"""`duragent chat`: a new session with an agent, from the first message on a fresh machine."""

import os
import shutil
import sys
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from duragent.cli import options, view
from duragent.cli.agent_picker import pick_agent
from duragent.cli.completions import complete_agent
from duragent.cli.connection import Connection, Where, choose_agent, connect
from duragent.cli.key_offer import offer_key
from duragent.cli.loop import run
from duragent.cli.place import FIRST_AGENT
from duragent.errors import InvalidRequest

if TYPE_CHECKING:
    from duragent.client.client import Client
    from duragent.wire import AgentList, AgentSummary, SessionInfo

TITLE_CHARS = 200
"""What a server takes as the title of a session."""
_Which = Literal["new", "last", "picked"]


@dataclass(frozen=True)
class Wanted:
    """What the command line says of the chat."""

    agent: str | None
    """`--agent`; None when it was not given."""

    which: _Which
    """Which session."""

    words: tuple[str, ...] = ()
    """The first message, as it was given; its first word may be an agent's name."""

    title: str | None = None
    """Of a new session."""

    as_name: str | None = None
    """The person's name, for sessions with several people."""


@options.at_server_with_own_c
def chat(  # noqa: PLR0913 - typer: one parameter an option
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENT] [MESSAGE]",
            help="The agent, and the first message. Both may be left out.",
            autocompletion=complete_agent,
        ),
    ] = None,
    agent: options.AgentOption = None,
    go_on: Annotated[
        bool, typer.Option("--continue", "-c", help="Go on with the session used last, of this agent if one is named.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", "-r", help="Pick the session to go on with.")] = False,
    title: Annotated[str | None, typer.Option("--title", "-t", metavar="TEXT", help="Title of a new session.")] = None,
    *,
    where: Where,
    as_name: options.AsName = None,
) -> None:
    """Talk to an agent. Makes a workspace and starts a server when there is none.

    The session begins with the first message: what is left without a word leaves none.
    """
    if go_on and resume:
        raise InvalidRequest("--continue and --resume: give only one of them")
    if resume and not view.at_terminal():
        raise InvalidRequest("--resume needs a terminal; --continue goes on with the session used last")
    if go_on and words and words[0].endswith((".yaml", ".yml")):
        raise InvalidRequest("-c is --continue here; --config names a duragent.yaml")
    which: _Which = "last" if go_on else "picked" if resume else "new"
    _check_title(title, which)
    raise typer.Exit(run(_chat(where, Wanted(agent, which, tuple(words or ()), title, as_name))))


def _check_title(title: str | None, which: _Which) -> None:
    if title is None:
        return
    if which != "new":
        raise InvalidRequest("--title is for a new session; `duragent session rename` gives one that is there another")
    if len(title.strip()) > TITLE_CHARS or not title.isprintable():
        raise InvalidRequest(f"--title takes at most {TITLE_CHARS} characters on one line")


async def _chat(where: Where, wanted: Wanted) -> int:
    async with connect(where, make=wanted.agent in (None, FIRST_AGENT), note=_say) as connection:
        known = await connection.client.agents()
        wanted = _with_agent(known, wanted)
        session = await _session_for(connection.client, known, wanted)
        if session is None:
            return 0
        first = " ".join(wanted.words)
        if not view.at_terminal():
            return await _lines(connection, session, first)
        agent = known.named(session.agent)
        if agent is not None:
            agent = await offer_key(connection, agent)
        await converse(connection, session, agent, wanted.as_name, first)
    return 0


def _with_agent(known: "AgentList", wanted: Wanted) -> Wanted:
    """As it was meant, where these agents are known: the first word may name one."""
    if wanted.agent is not None or not wanted.words:
        return wanted
    named = {agent.name for agent in (*known.agents, *known.broken)}
    first, *rest = wanted.words
    return replace(wanted, agent=first, words=tuple(rest)) if first in named else wanted


async def _session_for(client: "Client", known: "AgentList", wanted: Wanted) -> "SessionInfo | None":
    """The session to begin with, or the draft of one; None when the person picked none."""
    from duragent.cli.chat.beginning import draft
    from duragent.cli.session_picker import last_session, pick_session

    agent, which = wanted.agent, wanted.which
    if which == "picked":
        return await pick_session(client, agent=agent)
    chosen = None if agent is None else choose_agent(known, agent)
    session = await last_session(client, chosen) if which == "last" else None
    if which == "last" and session is None:
        _say("There is no session to go on with: this is a new one.")
    if session is None:
        chosen = chosen or (await pick_agent(known) if view.at_terminal() else choose_agent(known, None))
        if chosen is None:
            return None
        if any(broken.name == chosen for broken in known.broken):
            # Raises what the server says of the fault in its files; the first message would meet it too late.
            await client.create_session(chosen)
        session = draft(chosen, (wanted.title or "").strip() or None)
    return session


def _say(sentence: str) -> None:
    # In a pipe, stdout is for answers.
    talks = view.at_terminal()
    typer.echo(view.wrapped(sentence, sys.stdout if talks else sys.stderr), err=not talks)


async def _lines(connection: Connection, session: "SessionInfo", first: str) -> int:
    """Each line of stdin is a message, behind the first one; the answers go to stdout. Ends at the first turn without
    an answer.
    """
    from duragent.cli.ask import AnswerPrinter, code_of
    from duragent.cli.chat.beginning import Beginning
    from duragent.client.turn import ask

    beginning = Beginning(connection.client, session)
    for line in chain([first.encode("utf-8", "surrogateescape")], sys.stdin.buffer):
        text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
        if not text.strip():
            continue
        printer = AnswerPrinter(live=view.on_terminal())
        result = await ask(connection.client, await beginning.begin(), text, on_item=printer.take)
        printer.end(result)
        if code := code_of(result):
            return code
    return 0


async def converse(
    connection: Connection, session: "SessionInfo", agent: "AgentSummary | None", as_name: str | None, first: str = ""
) -> None:
    """The terminal on a session, and on those it goes to from there, until the person leaves.

    `agent` is what is known of the session's; None: it cannot be used. `first` is the first message; "" when it is
    still to be typed.
    """
    from duragent.cli.chat.pastes import Entered
    from duragent.cli.chat.talk import Options, Talk
    from duragent.config import TerminalSettings

    config = connection.config
    history = config.workspace / "run" / "history" if config else None
    terminal = config.file.terminal if config else TerminalSettings()
    entered = Entered(first, first, first) if first.strip() else None
    while True:
        typer.echo(_banner(session, agent))
        talk = Talk(connection, session, Options(as_name, history, terminal), agent, entered)
        to = await talk.run()
        if to is None:
            break
        session, entered = to, talk.next_first
        agent = (await connection.client.agents()).named(session.agent)
    typer.echo(view.wrapped(_parting(talk.session)))


def _parting(session: "SessionInfo") -> str:
    if not session.session_id:
        return "Nothing was said, so there is no session."
    return f"Detached. The session goes on: duragent attach {view.short_id(session.session_id)}"


def _folder_of(agent: "AgentSummary") -> str:
    """Where it works, as the status line says it too."""
    from duragent.cli.chat.progress import short_folder

    return short_folder(agent.folder, os.path.expanduser("~"))


def _banner(session: "SessionInfo", agent: "AgentSummary | None") -> str:
    model = "" if agent is None else "/".join(part for part in (agent.provider, agent.model) if part)
    model = "demo" if model == "demo/demo" else model
    title = f'  ·  "{view.title_of(session)}"' if view.title_of(session) else ""
    name = view.short_id(session.session_id) or "new session"
    left = f"{view.one_line(session.agent)} · {name}{title}"
    folder = "" if agent is None else _folder_of(agent)
    left += "".join(f"  ·  {view.one_line(fact)}" for fact in (folder, model) if fact)
    keys = "/help for commands · Ctrl-D detaches · Ctrl-C stops the answer"
    fits = len(left) + 8 + len(keys) < shutil.get_terminal_size().columns
    if not fits:
        left, keys = view.wrapped(left), view.wrapped(keys)
    banner = f"{view.paint(left, 'strong')}{' ' * 8 if fits else chr(10)}{view.paint(keys, 'quiet')}"
    warnings = [] if agent is None else [view.one_line(agent.warning)]
    if agent is not None and agent.waiting_notes:
        from duragent.cli.agent.agent import waiting_line

        warnings.append(view.wrapped(waiting_line(agent)))
    return "\n".join([banner, *(view.paint(warning, "warning") for warning in warnings if warning)])
