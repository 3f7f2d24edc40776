"""Slash commands about what was said: copy it, write it into a file, ask once more."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note
from duragent.cli.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duragent.cli.chat.talk import Talk
    from duragent.client.client import Client
    from duragent.wire import MessageInfo, SessionInfo

SHORT_LINES = 10
_TAKEN = ": name another file"
PAGE = 200
"""Messages that are asked for at a time."""
_CODE = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL)


async def _copy(talk: "Talk", rest: str) -> None:
    from duragent.cli.clipboard import copy

    if rest not in ("", "code"):
        talk.note(Note("/copy takes the last answer, /copy code the last code in it.", "warning"))
        return
    answer = talk.conversation.last_answer
    blocks = [found["code"] for found in _CODE.finditer(answer)] if rest else [answer]
    if not (blocks and blocks[-1]):
        talk.note(Note("There is no code in the last answer." if answer else "There is no answer yet.", "warning"))
        return
    text = view.clean(blocks[-1])
    where = await copy(text, os.environ, talk.screen.scrollback.send_code)
    talk.note(Note(f"{view.many(len(text), 'character')} {where}."))


async def _export(talk: "Talk", rest: str) -> None:
    from duragent.cli.session.archive import export_to, new_file

    session = await talk.client.session(talk.session_id)
    path = _path(rest)
    if path.suffix == ".zip":
        path = await export_to(talk.client, session, path, _TAKEN)
    else:
        text = as_markdown(session, await _all_messages(talk.client, session.session_id))
        with new_file(path, f"{session.session_id}.md", _TAKEN) as (path, file):
            file.write(text.encode("utf-8", "replace"))
    talk.note(Note(f"The conversation is in {view.one_line(str(path))}."))


def _path(written: str) -> Path:
    return Path(os.path.expanduser(written))


async def _all_messages(client: "Client", session_id: str) -> "list[MessageInfo]":
    page = await client.messages(session_id, limit=PAGE)
    messages = page.messages
    while page.next_before is not None:
        page = await client.messages(session_id, limit=PAGE, before=page.next_before)
        messages = [*page.messages, *messages]
    return messages


def as_markdown(session: "SessionInfo", messages: "Sequence[MessageInfo]") -> str:
    """What was said, for people. Calls of tools are not in it."""
    parts = [f"# {view.one_line(session.title or session.topic) or 'A conversation'}"]
    parts.append(f"{session.agent}, {session.session_id}, {session.created_at}")
    for message in messages:
        who = session.agent if message.role == "assistant" else message.sender_name or "you"
        parts.append(f"## {view.one_line(who)}, {message.created_at}")
        parts.append(message.content.strip() + ("\n\n(not finished)" if message.interrupted else ""))
        parts += [f"(with {view.file_words(file)})" for file in message.attachments]
    return "\n\n".join(parts) + "\n"


async def _retry(talk: "Talk", _: str) -> None:
    from duragent.cli.chat.pastes import Entered

    session_id = talk.session_id
    if talk.conversation.busy:
        talk.note(Note("The agent is at it; Ctrl-C stops it.", "warning"))
        return
    messages = (await talk.client.messages(session_id, limit=PAGE)).messages
    at = next((at for at in reversed(range(len(messages))) if messages[at].role == "user"), None)
    if at is None:
        talk.note(Note("There is no message to ask again.", "warning"))
        return
    message, answers = messages[at], messages[at + 1 :]
    # The fork has no files of a message that it does not share.
    files = [
        Upload(file.name, await talk.client.attachment(session_id, file.sha256), file.size_bytes)
        for file in message.attachments
    ]
    again = Entered(_in_short(message.content), message.content, files=tuple(files))
    if not any(answer.role == "assistant" and not answer.interrupted for answer in answers):
        talk.say(again)
        return
    # What was said stays as it is: another answer belongs to a session of its own.
    fork = await talk.client.fork(session_id, at=message.seq - 1)
    talk.screen.show([Note("Another answer, in a session that shares all that was before:")])
    talk.go(fork, again)


def _in_short(text: str) -> str:
    """The message as the input line may have shown it."""
    lines = text.split("\n")
    return text if len(lines) <= SHORT_LINES else f"{lines[0]} [and {len(lines) - 1:,} more lines]"


COMMANDS = (
    SlashCommand("/retry", "ask the last message again; after an answer in a fork, so that both stay", _retry),
    SlashCommand("/copy", "put the last answer, or the code in it, into the clipboard", _copy, "[code]"),
    SlashCommand("/export", "write the conversation into a file; a .zip has all of it", _export, "[FILE]"),
)
