"""`duragent ask`: one question, one answer, made for pipes: stdout has the answer and nothing else."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.connection import Connection, Where, choose_agent, connect, find_session
from duragent.cli.loop import run
from duragent.errors import DuragentError

if TYPE_CHECKING:
    from duragent.client.turn import TurnResult
    from duragent.client.watch import Item
    from duragent.wire import Approval, SessionInfo


CANCEL_SECONDS = 2.0
WAITS = 3
"""The exit code when a person has to decide first."""


@options.at_server
def ask(
    agent: options.AgentArgument,
    question: Annotated[list[str] | None, typer.Argument(help="The question; stdin is appended to it.")] = None,
    session_id: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Go on with this session; else a new one.")
    ] = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """Ask an agent one thing and print its answer."""
    text = " ".join(question or [])
    if not sys.stdin.isatty():
        # Bytes that are not UTF-8 come through as lone surrogates, which every room here can bear.
        piped = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        text = f"{text}\n\n{piped}" if text and piped else text or piped
    if not text.strip():
        raise typer.BadParameter("there is no question, neither as an argument nor on stdin")
    raise typer.Exit(run(_ask(where, agent, text, session_id, json)))


async def _ask(where: Where, agent: str, text: str, prefix: str | None, json: bool) -> int:
    import asyncio
    import contextlib

    from duragent.client.turn import ask as ask_turn

    async with connect(where, make=True) as connection:
        session = await _session_for(connection, agent, prefix)
        printer = AnswerPrinter(live=view.on_terminal() and not json)
        try:
            result = await ask_turn(connection.client, session.session_id, text, on_item=printer.take)
        except asyncio.CancelledError:
            # Ctrl-C: the person has given up on this answer, so the turn is stopped.
            printer.stop()
            with contextlib.suppress(TimeoutError, DuragentError):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await connection.client.cancel(session.session_id)
            raise
    if json:
        view.print_json(as_json(session, result))
    else:
        printer.end(result)
    return code_of(result)


async def _session_for(connection: Connection, agent: str, prefix: str | None) -> "SessionInfo":
    if prefix is not None:
        return await find_session(connection.client, prefix)
    chosen = await choose_agent(connection.client, agent)
    return await connection.client.create_session(chosen)


class AnswerPrinter:
    """Prints an answer on stdout: piece by piece when `live`, else whole at its end. The rest goes to stderr."""

    def __init__(self, *, live: bool) -> None:
        from duragent.client.answer import PartialAnswer

        self._live = live
        self._partial = PartialAnswer()
        self._printed = ""
        """What stands on the line of stdout that is being written."""
        self._said_seq = 0
        """The seq of the newest reply that asked for tools: its text is on stdout already. 0 before the first."""

    def take(self, item: "Item") -> None:
        from duragent.cli.chat.conversation import asking_again
        from duragent.cli.chat.render import plain
        from duragent.cli.chat.tool_blocks import called
        from duragent.client.watch import Reconnecting
        from duragent.journal.events import ModelFailed, ModelReplied, ToolStarted
        from duragent.journal.record import Record
        from duragent.visible import UNFINISHED

        match item:
            case Reconnecting(attempt=2, error=error):
                view.note(f"reconnecting… ({view.one_line(error)})")
            case Record(event=ModelFailed(retry=True) as failed):
                self._printed = self._newline()
                why = view.one_line(failed.message or failed.error)
                view.note(f"no answer yet ({why}): {asking_again(failed)}")
            case Record(event=ToolStarted() as started) if self._live:
                self._printed = self._newline()
                line = plain(called(started.tool, view.one_line(started.invocation, 200), started.rule))
                view.note(view.paint(line, dim=True))
            case Record(seq=seq, event=ModelReplied(calls=calls, text=text)) if calls and text and self._live:
                self._print(text)
                self._printed, self._said_seq = self._newline(), seq
        self._partial.take(item)
        if self._live and self._partial.text:
            # How the last character is shown may depend on what comes next.
            self._print(UNFINISHED.sub("", self._partial.text))

    def end(self, result: "TurnResult") -> None:
        from duragent.cli.chat.conversation import DECLINED, SET_UP
        from duragent.client.turn import CONFIGURATION
        from duragent.journal.events import REFUSED

        if result.text and result.seq != self._said_seq:
            self._print(result.text, whole=True)
        self._newline()
        if result.text and result.finish_reason == REFUSED:
            typer.echo(f"duragent: {DECLINED}", err=True)
        if result.approval is not None:
            _say_what_waits(result.approval)
        elif result.outcome != "completed":
            typer.echo(f"duragent: {sentence_of(result)}", err=True)
        if result.code in CONFIGURATION:
            typer.echo(SET_UP, err=True)

    def stop(self) -> None:
        self._newline()

    def _print(self, text: str, *, whole: bool = False) -> None:
        if not (self._live or whole):
            return
        shown = view.clean(text)
        if not shown.startswith(self._printed):
            self._newline()
            self._printed = ""
        typer.echo(view.dimmed(shown[len(self._printed) :]), nl=False)
        self._printed = shown

    def _newline(self) -> str:
        if self._printed and not self._printed.endswith("\n"):
            typer.echo()
        return ""


def _say_what_waits(approval: "Approval") -> None:
    from duragent.cli.chat.question import lines, next_command

    session = view.short_id(approval.session_id)
    lost = "a call may have run, and somebody has to say what is to be done"
    what = lost if approval.kind == "lost" else "a tool call waits for approval"
    typer.echo(f"duragent: {what} in {session}", err=True)
    for line in lines(approval):
        typer.echo(f"  {line}", err=True)
    typer.echo(f"Decide: {next_command(approval, session)}", err=True)


def as_json(session: "SessionInfo", result: "TurnResult") -> dict[str, object]:
    return {
        "session_id": session.session_id,
        "agent": session.agent,
        "outcome": result.outcome,
        "content": result.text,
        "message_id": result.message_id,
        "input_seq": result.input_seq,
        "seq": result.seq,
        "model": result.model,
        "usage": None if result.usage is None else result.usage.model_dump(),
        "cost_usd": result.cost_usd,
        "finish_reason": result.finish_reason or None,
        "approval": None if result.approval is None else result.approval.model_dump(),
        "error": None if result.outcome == "completed" else {"code": result.code, "reason": result.reason},
    }


def sentence_of(result: "TurnResult") -> str:
    verb = {"failed": "failed", "cancelled": "was stopped", "paused": "is paused"}.get(result.outcome, "ended")
    reason = view.one_line(result.reason or result.code)
    return f"the turn {verb}" + (f": {reason}" if reason else "")


def code_of(result: "TurnResult") -> int:
    """0, or the exit code for a turn without an answer."""
    from duragent.client.turn import CONFIGURATION, TEMPORARY

    if result.outcome == "completed":
        return 0
    if result.outcome == "waiting":
        return WAITS
    if result.code in CONFIGURATION:
        return 78
    return 75 if result.code in TEMPORARY else 1
