"""`duragent approve`: decide about the call that a session asks about, and see what comes of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.ask import AnswerPrinter, as_json, code_of
from duragent.cli.connection import Connection, Where, connect, find_session
from duragent.cli.loop import run
from duragent.cli.pager import page
from duragent.cli.prompts import prompt
from duragent.errors import InvalidRequest, NothingToDo

if TYPE_CHECKING:
    from duragent.cli.chat.question import AnswerKey
    from duragent.wire import Approval, Decide


_INSTEAD = "--once, --deny and the like decide without a question"


@dataclass(frozen=True)
class _Choice:
    """What the command line says about the decision."""

    word: str
    """A key of `question.WORDS`; "" leaves the decision to a question at the terminal."""

    patterns: tuple[str, ...]
    """`--pattern`: what to allow from now on; empty takes what was offered."""

    offer: int
    """`--offer`: which of the offers, from 1; 0 when it was not given."""

    reason: str
    """`--reason`, for the model; may be empty."""

    call: str | None
    """`--call`: decide only about this one; None: about the one that waits."""

    by: str
    """Who decides, for the log."""

    json: bool
    """Print JSON."""


@options.at_server
def approve(  # noqa: PLR0913 - typer: one parameter an option
    session_id: options.SessionArgument,
    once: Annotated[bool, typer.Option("--once", help="Let this call run.")] = False,
    session: Annotated[
        bool, typer.Option("--session", help="Let it run, and what is offered with it until the session ends.")
    ] = False,
    always: Annotated[bool, typer.Option("--always", help="Let it run, now and from now on.")] = False,
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            "--pattern", metavar="PATTERN", help="With --session or --always: allow this instead; may be given again."
        ),
    ] = None,
    offer: Annotated[
        int | None, typer.Option("--offer", metavar="N", min=1, help="Take this one of what is offered, from 1.")
    ] = None,
    deny: Annotated[bool, typer.Option("--deny", help="Do not let it run; the agent is told.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in words that the agent is told.")] = "",
    retry: Annotated[bool, typer.Option("--retry", help="Of a call that may have run: run it again.")] = False,
    done: Annotated[bool, typer.Option("--done", help="Of a call that may have run: it ran.")] = False,
    give_up: Annotated[bool, typer.Option("--give-up", help="Of a call that may have run: leave it.")] = False,
    call: Annotated[
        str | None, typer.Option("--call", metavar="ID", help="Decide only if this is the call that waits.")
    ] = None,
    *,
    where: Where,
    as_name: options.AsName = None,
    json: options.Json = False,
) -> None:
    """Decide about a tool call that waits, once, and print what the agent says then.

    Without a decision on the command line it shows the call and asks.
    """
    allowed = {"once": once, "session": session, "always": always}
    flags = {**allowed, "deny": deny, "retry": retry, "done": done, "give-up": give_up}
    given = [word for word, flag in flags.items() if flag]
    if len(given) > 1:
        raise InvalidRequest(f"--{given[0]} and --{given[1]}: give only one of them")
    word = given[0] if given else ""
    if pattern and word not in ("session", "always"):
        raise InvalidRequest("--pattern goes with --session or --always")
    if offer is not None and word:
        raise InvalidRequest(f"--{word} and --offer: give only one of them")
    if reason and word in ("", "once", "session", "always"):
        raise InvalidRequest("--reason goes with --deny, --retry, --done or --give-up")
    if not word and offer is None and (json or not view.at_terminal()):
        raise InvalidRequest("nobody can be asked without a terminal: give --once, --session, --always or --deny")
    choice = _Choice(word, tuple(pattern or ()), offer or 0, reason, call, as_name or view.person(), json)
    raise typer.Exit(run(_approve(where, session_id, choice)))


async def _approve(where: Where, prefix: str, choice: _Choice) -> int:
    async with connect(where) as connection:
        return await _decide(connection, prefix, choice)


async def _decide(connection: Connection, prefix: str, choice: _Choice) -> int:
    from duragent.cli.chat.question import DECIDED
    from duragent.client.turn import open_question, rest_of_turn

    client = connection.client
    session = await find_session(client, prefix)
    approval = await open_question(client, session.session_id)
    body = _body(approval, choice)
    if body is None:
        raise NothingToDo(f"nothing waits for a decision in session {session.session_id}")
    accepted = await client.post_decision(session.session_id, body)
    if not choice.json:
        shown = f": {view.one_line(approval.command, 200)}" if approval else ""
        typer.echo(f"{body.by} {DECIDED[body.decision]}{shown}", err=True)
    printer = AnswerPrinter(live=view.on_terminal() and not choice.json)
    result = await rest_of_turn(client, session.session_id, accepted.seq, on_item=printer.take)
    if choice.json:
        view.print_json({"call_id": body.call_id, "decision": body.decision} | as_json(session, result))
    else:
        printer.end(result)
    return code_of(result)


def _body(approval: "Approval | None", choice: _Choice) -> "Decide | None":
    """The decision; None when there is nothing that it could be about."""
    from duragent.cli.chat.question import WORDS, decide
    from duragent.wire import Decide

    if approval is not None and choice.call in (None, approval.call_id):
        return decide(approval, _answer(approval, choice), choice.by)
    if choice.call is None or not choice.word:
        return None
    # Another call than the one that waits: the server knows whether it was decided before, and by whom.
    return Decide(call_id=choice.call, decision=WORDS[choice.word], by=choice.by)


def _answer(approval: "Approval", choice: _Choice) -> "AnswerKey":
    from duragent.cli.chat.question import WORDS, AnswerKey, choices, taken

    if choice.offer:
        offers = choices(approval)
        if choice.offer > len(offers):
            raise InvalidRequest(f"{len(offers)} are offered; `duragent approvals --json` shows them")
        return taken(offers[choice.offer - 1])
    return AnswerKey(WORDS[choice.word], choice.reason, choice.patterns) if choice.word else _ask_person(approval)


def _ask_person(approval: "Approval") -> "AnswerKey":
    """Show the call and let the person choose."""
    import shutil

    from duragent.cli.chat.question import AT_ONCE, AnswerKey, above, choices, keys, taken
    from duragent.cli.chat.render import render, render_question, whole_question
    from duragent.cli.chat.tool_blocks import asked_about

    size = shutil.get_terminal_size()
    typer.echo(render(asked_about(approval.tool, approval.command, approval.preview), size.columns), nl=False)
    if parts := above(approval):
        typer.echo(view.clean(parts))
    typer.echo(render_question(approval, size.columns, size.lines - 4), nl=False)
    offered = keys(approval)
    key = ""
    while key not in offered or key == "v":
        key = str(prompt(f"[{'/'.join(offered)}]", _INSTEAD, prompt_suffix=" ")).strip().lower()
        if key == "v" and key in offered:
            page(whole_question(approval))
    if key == "d":
        return AnswerKey("deny", prompt("why", _INSTEAD, prompt_suffix="? "))
    if key in "ae":
        offer = choices(approval)[_ask_which(approval) - 1]
        if key == "a":
            return taken(offer)
        return taken(offer, tuple(prompt("pattern", _INSTEAD, default=pattern) for pattern in offer.patterns))
    return AnswerKey(AT_ONCE[key])


def _ask_which(approval: "Approval") -> int:
    """The number of one of the offers, from 1."""
    from duragent.cli.chat.question import choices, label_of, patterns_of

    offers = choices(approval)
    if len(offers) == 1:
        return 1
    for at, offer in enumerate(offers, 1):
        typer.echo(f"{at} {label_of(offer)}  {view.one_line(patterns_of(offer), 200)}")
    which = 0
    while not 1 <= which <= len(offers):
        which = prompt("which", _INSTEAD, default=1, type=int, prompt_suffix="? ")
    return which
