"""`duragent ask`: one question, one answer, made for pipes: stdout has the answer and nothing else."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.asking import STDIN, Asking
from duragent.cli.completions import complete_agent
from duragent.cli.connection import Connection, Where, choose_agent, connect, find_session
from duragent.cli.loading import saying_what_loads
from duragent.cli.loop import run
from duragent.errors import AgentNotFound, DuragentError, InvalidRequest, NotFound

if TYPE_CHECKING:
    from duragent.cli.chat.pastes import Entered
    from duragent.cli.uploads import Upload
    from duragent.client.client import Client
    from duragent.client.turn import TurnResult
    from duragent.client.watch import Item
    from duragent.wire import Approval, SessionInfo


CANCEL_SECONDS = 2.0
WAITS = 3
"""The exit code when a person has to decide first."""
TIMEOUT = "timeout"
"""The code of a turn that was stopped because it took longer than `--timeout`."""
NO_QUESTION = "there is no question, neither as an argument nor on stdin"


class NoSuchAgent(AgentNotFound):
    """The first of several words names no agent; most likely a question that stands in no quotes."""

    def __init__(self, error: AgentNotFound) -> None:
        self.__dict__ |= error.__dict__
        self.args = (f"{error}. With several words the first is the agent: put the question in quotes",)


@options.at_server
def ask(  # noqa: PLR0913 - typer: one parameter an option
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[AGENT] QUESTION",
            help="The agent, which may be left out, and the question; `-` is stdin, which is appended without it too.",
            autocompletion=complete_agent,
        ),
    ] = None,
    agent: options.AgentOption = None,
    session_id: Annotated[
        str | None, typer.Option("--session", metavar="ID", help="Go on with this session; else a new one.")
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", "-l", help="Go on with the session used last, of this agent if one is named.")
    ] = False,
    no_save: Annotated[
        bool, typer.Option("--no-save", help="Leave no session behind, unless it waits for a decision.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.001, metavar="SECONDS", help="Stop the turn after so long; exit code 75 then."),
    ] = None,
    attach: Annotated[
        list[Path] | None,
        typer.Option("--attach", metavar="FILE", help="A file that goes with the question; may be repeated."),
    ] = None,
    *,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Another model for this session: provider/name.")
    ] = None,
    system: Annotated[
        str | None, typer.Option("--system", metavar="TEXT", help="In place of the agent's SYSTEM_PROMPT.md.")
    ] = None,
    where: Where,
    json: options.Json = False,
) -> None:
    """Ask an agent one thing and print its answer. Without an agent the only one answers, or `assistant`."""
    if sum((session_id is not None, last, no_save)) > 1:
        raise InvalidRequest("--session, --last and --no-save: give only one of them")
    goes_on = Asking.LAST if last else session_id
    files = _named_files(attach or ())
    asking = Asking(tuple(words or ()), _piped(words), agent, goes_on, timeout, model, system, not no_save, files)
    raise typer.Exit(run(_ask(where, asking, json)))


def _piped(words: "list[str] | None") -> str:
    if sys.stdin.isatty() and STDIN not in (words or ()):
        return ""
    # Bytes that are not UTF-8 come through as lone surrogates, which every room here can bear.
    return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")


def _named_files(paths: Sequence[Path]) -> "tuple[Upload, ...]":
    if not paths:
        return ()
    from duragent.cli.uploads import TOO_MANY
    from duragent.file_types import MAX_ATTACHMENTS

    if len(paths) > MAX_ATTACHMENTS:
        raise typer.BadParameter(f"--attach: {TOO_MANY}")
    return tuple(map(_named_file, paths))


def _named_file(path: Path) -> "Upload":
    from duragent.cli.uploads import upload_of, why

    try:
        return upload_of(path)
    except OSError as error:
        raise typer.BadParameter(f"--attach {view.one_line(str(path))}: {why(error)}") from None


def _with_mentioned(question: "Entered", connection: Connection) -> "Entered":
    """The question with the files that its words mention; says on stderr which."""
    from duragent.cli.chat.mentions import with_files

    project = connection.config.base if connection.config is not None else None
    found = with_files(question.text, question.own, Path.cwd(), project, len(question.files))
    for line in found.notes:
        view.note(line)
    return replace(question, text=found.text, files=(*question.files, *found.attached))


async def _ask(where: Where, asking: Asking, json: bool) -> int:
    if asking.is_empty:
        raise typer.BadParameter(NO_QUESTION)
    async with connect(where, make=asking.makes_workspace) as connection:
        agent, question = asking.read(await _names(connection) if asking.is_open else ())
        if not question.text.strip():
            raise typer.BadParameter(NO_QUESTION)
        question = _with_mentioned(question, connection)
        session = await _session_for(connection, asking, agent)
        printer = AnswerPrinter(live=view.on_terminal() and not json)
        try:
            async with saying_what_loads(connection.client, session.agent):
                result = await _answer(connection.client, session.session_id, question, printer, asking.timeout_seconds)
        except BaseException:
            if not asking.saves:
                await _forget(connection.client, session.session_id)
            raise
        if not asking.saves and result.approval is None:
            await _forget(connection.client, session.session_id)
    if json:
        view.print_json(as_json(session, result))
    else:
        printer.end(result)
    return code_of(result)


async def _answer(
    client: "Client", session_id: str, question: "Entered", printer: "AnswerPrinter", timeout_seconds: float | None
) -> "TurnResult":
    """The answer; a turn that takes longer than it may is stopped, and so is one on which the person gave up."""
    import asyncio

    from duragent.cli.uploads import sent
    from duragent.client.turn import TurnResult
    from duragent.client.turn import ask as ask_turn

    async def asked() -> TurnResult:
        attachments = await sent(client, session_id, question.files)
        return await ask_turn(client, session_id, question.text, attachments=attachments, on_item=printer.take)

    turn = asyncio.create_task(asked())
    try:
        done, _ = await asyncio.wait({turn}, timeout=timeout_seconds)
        if done:
            return await turn
        await _stop(client, session_id)
        # What was said so far comes with the end of the turn.
        await asyncio.wait({turn}, timeout=CANCEL_SECONDS)
        so_far = turn.result() if turn.done() else TurnResult(0, "cancelled")
        if so_far.outcome != "cancelled":
            return so_far
        return replace(so_far, code=TIMEOUT, reason=f"no answer within {timeout_seconds:g} seconds")
    except asyncio.CancelledError:
        # Ctrl-C.
        printer.stop()
        await _stop(client, session_id)
        raise
    finally:
        turn.cancel()


async def _stop(client: "Client", session_id: str) -> None:
    import asyncio

    with contextlib.suppress(TimeoutError, DuragentError):
        async with asyncio.timeout(CANCEL_SECONDS):
            await client.cancel(session_id)


async def _forget(client: "Client", session_id: str) -> None:
    """What cannot be deleted now is left for `session prune`; the answer counts."""
    import asyncio
    import contextlib

    with contextlib.suppress(TimeoutError, DuragentError):
        async with asyncio.timeout(CANCEL_SECONDS):
            await client.delete_session(session_id)


async def _names(connection: Connection) -> set[str]:
    known = await connection.client.agents()
    return {agent.name for agent in (*known.agents, *known.broken)}


async def _session_for(connection: Connection, asking: Asking, agent: str | None) -> "SessionInfo":
    if asking.session not in (None, Asking.LAST):
        return await _found_session(connection.client, asking, await find_session(connection.client, asking.session))
    try:
        chosen = choose_agent(await connection.client.agents(), agent) if agent or asking.session is None else None
    except AgentNotFound as error:
        raise (error if asking.agent or not agent else NoSuchAgent(error)) from None
    if chosen is None or asking.session == Asking.LAST:
        from duragent.cli.session_picker import last_session

        session = await last_session(connection.client, chosen)
        if session is None:
            raise NotFound("there is no session to go on with; without --last a new one begins")
        return await _found_session(connection.client, asking, session)
    return await connection.client.create_session(chosen, model=asking.model, system=asking.system)


async def _found_session(client: "Client", asking: Asking, session: "SessionInfo") -> "SessionInfo":
    from duragent.wire import PickModel

    if asking.system is not None:
        raise InvalidRequest("--system is for a new session: leave --session and --last out")
    if asking.model is None:
        return session
    return await client.choose_model(session.session_id, PickModel(model=asking.model, by=view.person()))


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
                view.note(view.paint(line, "quiet"))
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
    from duragent.wire import Usage

    return {
        "session_id": session.session_id,
        "agent": session.agent,
        "outcome": result.outcome,
        "content": result.text,
        "message_id": result.message_id,
        "input_seq": result.input_seq,
        "seq": result.seq,
        "model": result.model,
        "usage": None if result.usage is None else Usage.of(result.usage, result.cost_usd).model_dump(),
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
    return 75 if result.code in (*TEMPORARY, TIMEOUT) else 1
