"""Which session to go on with: the one used last, or one that the person picks, renames, forks or deletes."""

from typing import TYPE_CHECKING

from duragent.cli import view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duragent.cli.picker import Picked, PickRow
    from duragent.client.client import Client
    from duragent.wire import Approval, SessionInfo

LISTED = 100
"""Sessions that can be picked from: those used last."""
_UNSAID, _UNTITLED = "(nothing was said yet)", "(a long message)"
_KEYS = {"c-r": "renames", "c-f": "forks", "c-x": "deletes"}
_COMMAND_CHARS = 60


async def last_session(client: "Client", agent: str | None = None) -> "SessionInfo | None":
    """The one used last that is neither closed nor damaged, of this agent or of any."""
    cursor: str | None = None
    while True:
        page = await client.sessions(agent=agent, limit=20, cursor=cursor)
        for session in page.sessions:
            # To ask for a session by its id has the server read it.
            known = await client.session(session.session_id) if session.unread else session
            if known.status != "completed" and not known.damage and agent in (None, known.agent):
                return known
        cursor = page.next_cursor
        if cursor is None:
            return None


async def pick_session(client: "Client", *, here: str = "", agent: str | None = None) -> "SessionInfo | None":
    """Let the person choose one; None when none was chosen.

    `here`: the id of the session that the person is in, which is not deleted. Raises what the server refuses of a
    rename, a fork or a deletion.
    """
    from duragent.cli.picker import pick

    begin = ""
    while True:
        sessions = (await client.sessions(agent=agent, limit=LISTED)).sessions
        if not sessions:
            view.note("There are no sessions yet.")
            return None
        asked = (await client.approvals()).approvals if any(session.waits_for for session in sessions) else []
        rows = rows_of(sessions, asked, here)
        picked = await pick(rows, "Go on with which session?", keys=_KEYS, begin=begin)
        if picked is None:
            return None
        session = next(session for session in sessions if session.session_id == picked.value)
        if picked.key in ("", "c-f"):
            chosen = await client.fork(session.session_id) if picked.key else session
            return await client.session(chosen.session_id)
        begin = await _changed(client, picked, session, here, rows)


def rows_of(sessions: "Sequence[SessionInfo]", asked: "Sequence[Approval]", here: str = "") -> "list[PickRow]":
    """What the list says of each: what it is called, what it waits for, how old it is, how it is named."""
    from duragent.cli.picker import PickRow

    commands = {approval.session_id: view.one_line(approval.command, _COMMAND_CHARS) for approval in asked}
    several = len({session.agent for session in sessions}) > 1
    rows = []
    for session, short in zip(sessions, view.short_ids([session.session_id for session in sessions]), strict=True):
        state = "you are here" if session.session_id == here else view.status_word(session)
        if command := commands.get(session.session_id):
            state = f"{state}: {command}"
        facts = [state, view.ago(session.updated_at), short, *([session.agent] if several else [])]
        fork = " (fork)" if session.parent else ""
        title = called(session) + fork
        rows.append(PickRow(session.session_id, title, " · ".join(facts), f"{session.session_id} {session.agent}"))
    return rows


def called(session: "SessionInfo") -> str:
    """What a list calls it; also one without a title whose first message is too long for one."""
    return view.title_of(session) or (_UNTITLED if session.messages else _UNSAID)


async def _changed(
    client: "Client", picked: "Picked", session: "SessionInfo", here: str, rows: "Sequence[PickRow]"
) -> str:
    """Rename or delete it, as the person confirms; the id of the row to stand on then."""
    from duragent.cli.picker import ask_line

    title = called(session)
    if picked.key == "c-r":
        renamed = await ask_line("title>", session.title or session.topic)
        if renamed is not None:
            await client.rename_session(session.session_id, renamed.strip())
        return session.session_id
    if session.session_id == here:
        await ask_line("You are in this session; delete it from another one (Enter goes back).")
        return session.session_id
    turns = view.many(session.turns, "turn")
    answer = await ask_line(f'Delete "{view.one_line(title, 40)}", {turns}, for good? Type yes:')
    if (answer or "").strip().casefold() not in ("y", "yes"):
        return session.session_id
    await client.delete_session(session.session_id)
    place = next(place for place, row in enumerate(rows) if row.value == session.session_id)
    return rows[min(place + 1, len(rows) - 1)].value
