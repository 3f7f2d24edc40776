"""Slash commands about what people are asked."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note
from duragent.cli.chat.question import WORDS, AnswerKey, in_one_line
from duragent.client.turn import open_question

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk


async def _approvals(talk: "Talk", _: str) -> None:
    asked = (await talk.client.approvals()).approvals
    lines = [
        f"{view.short_id(approval.session_id)}  {approval.agent}  {view.ago(approval.requested_at)}  "
        f"{view.one_line(in_one_line(approval.command), 60)}"
        for approval in asked
    ]
    talk.note(Note("\n".join(lines) or "Nothing waits for a decision."))


async def _approve(talk: "Talk", rest: str) -> None:
    word, _, more = rest.partition(" ")
    decision = WORDS.get(word)
    if decision is None:
        talk.note(Note(f"/approve WORD: {', '.join(WORDS)}.", "warning"))
        return
    asked = talk.conversation.question or await open_question(talk.client, talk.session_id)
    if asked is None:
        talk.note(Note("Nothing waits for a decision here."))
        return
    lasting = decision in ("allow_session", "allow_always")
    patterns = (more.strip(),) if lasting and more.strip() else ()
    reason = "" if lasting else more.strip()
    await talk.send_decision(asked, AnswerKey(decision, reason, patterns))


async def _policy(talk: "Talk", _: str) -> None:
    from duragent.cli.allowances import NOTHING

    patterns = (await talk.client.session(talk.session_id)).allowed
    how = f"`duragent policy revoke PATTERN --session {view.short_id(talk.session_id)}` asks again about one."
    talk.note(Note("\n".join([*map(view.one_line, patterns), how]) if patterns else NOTHING))


COMMANDS = (
    SlashCommand("/approvals", "what people are asked, in all sessions", _approvals),
    SlashCommand(
        "/approve",
        "answer what is asked here: once, session [PATTERN], always [PATTERN], deny [WHY]; of a call that may have "
        "run: retry, done, give-up",
        _approve,
        "WORD",
    ),
    SlashCommand("/policy", "what may run unasked here until the session ends", _policy),
)
