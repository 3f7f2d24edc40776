"""`duragent approvals`: what people are asked, in all sessions."""

from typing import TYPE_CHECKING

import typer

from duragent.cli import options, view
from duragent.cli.connection import Where, connect
from duragent.cli.loop import run

if TYPE_CHECKING:
    from duragent.wire import Approval


@options.at_server
def approvals(
    agent: options.AgentOption = None,
    *,
    where: Where,
    json: options.Json = False,
) -> None:
    """List the tool calls that wait for a decision, the oldest first."""
    run(_approvals(where, agent, json))


async def _approvals(where: Where, agent: str | None, json: bool) -> None:
    async with connect(where) as connection:
        answer = await connection.client.approvals(agent=agent)
    waiting = answer.approvals
    view.say_unread(answer.unread)
    if json:
        view.print_json([approval.model_dump() for approval in waiting])
        return
    show(waiting)


def show(waiting: "list[Approval]") -> None:
    from duragent.cli.chat.question import in_one_line, next_command

    rows = [
        (
            view.session_cell(approval.session_id),
            approval.agent,
            view.when(approval.requested_at),
            _TITLES[approval.kind],
            in_one_line(approval.command),
        )
        for approval in waiting
    ]
    view.print_table(("SESSION", "AGENT", "ASKED", "WHAT", "COMMAND"), rows, "Nothing waits for a decision.")
    if waiting and view.on_terminal():
        typer.echo(f"\nDecide: {next_command(waiting[0], view.short_id(waiting[0].session_id))}", err=True)


_TITLES = {"approval": "may it run?", "lost": "may have run"}
