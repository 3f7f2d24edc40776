"""What people do to a workspace, and what is seen then: for the page docs/how-to-corrupt.md.

A deed is done to a session of its own, so that one server shows what came of all of them.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from duragent.client.client import Client
from duragent.errors import ProblemResponse
from duragent.wire import SendMessage
from tests.support.bounds import LIMIT_SECONDS
from tests.support.real_server import RealServer
from tests.support.until import until

LONG = "x" * 1_100_000
"""A message that does not fit into a line, so that it is kept in a blob."""


@dataclass(frozen=True)
class Deed:
    """`does` is given the session's folder. `said` are the messages before it; `later` comes after a copy was made.

    `beside` is what the name of the session that is looked at has more than that one's.
    """

    does: Callable[[Path], None]
    said: tuple[str, ...] = ("repeat once",)
    later: str = ""
    beside: str = ""


@dataclass
class Seen:
    """All that was seen of one session after its deed: what a question and a look came to, and its files."""

    answered: bool = False
    kept: tuple[str, ...] = ()
    told: list[str] = field(default_factory=list)

    @property
    def then(self) -> str:
        """As the page calls it."""
        if any("not found" in each for each in self.told):
            return "gone"
        return "goes on" if self.answered else "read-only"


def log(folder: Path) -> Path:
    return folder / "events.jsonl"


def lines(folder: Path) -> list[bytes]:
    return log(folder).read_bytes().splitlines(keepends=True)


# --- while no server runs -------------------------------------------------------------------------------------------


def edit_a_line(folder: Path) -> None:
    log(folder).write_bytes(log(folder).read_bytes().replace(b"repeat once", b"repeat twice"))


def delete_a_line(folder: Path) -> None:
    log(folder).write_bytes(b"".join(lines(folder)[:3] + lines(folder)[4:]))


def delete_the_last_lines(folder: Path) -> None:
    log(folder).write_bytes(b"".join(lines(folder)[:4]))


def leave_half_a_line(folder: Path) -> None:
    with log(folder).open("ab") as file:
        file.write(b'{"seq":8,"ts":"2026-')


def add_a_line(folder: Path) -> None:
    with log(folder).open("ab") as file:
        file.write(b"a note of mine\n")


def delete_the_log(folder: Path) -> None:
    log(folder).unlink()


def empty_the_log(folder: Path) -> None:
    log(folder).write_bytes(b"")


def delete_the_summary(folder: Path) -> None:
    (folder / "state.yaml").unlink(missing_ok=True)


def edit_the_summary(folder: Path) -> None:
    path = folder / "state.yaml"
    path.write_text(path.read_text().replace("closed: false", "closed: true"))


def delete_the_index(folder: Path) -> None:
    (folder.parent / ".index.jsonl").unlink(missing_ok=True)


def delete_the_blobs(folder: Path) -> None:
    shutil.rmtree(folder / "blobs")


def put_a_pipe_there(folder: Path) -> None:
    log(folder).unlink()
    os.mkfifo(log(folder))


def put_a_link_there(folder: Path) -> None:
    log(folder).rename(folder.parent.parent / "elsewhere.jsonl")
    log(folder).symlink_to(folder.parent.parent / "elsewhere.jsonl")


def put_a_folder_there(folder: Path) -> None:
    log(folder).unlink()
    log(folder).mkdir()


def take_another_ones_log(folder: Path) -> None:
    other = next(each for each in sorted(folder.parent.glob("session_*")) if each != folder)
    shutil.copyfile(other / "events.jsonl", log(folder))


def copy_under_another_name(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name(f"{folder.name}copy"))


def restore_what_it_was(folder: Path) -> None:
    """A copy of the folder from before the second message."""
    shutil.rmtree(folder)
    (folder.parent.parent / "backup").rename(folder)


# --- while the server runs ------------------------------------------------------------------------------------------


def sed(folder: Path) -> None:
    subprocess.run(["sed", "-i", "s/once/twice/", log(folder)], check=True)


def check_out_an_older_log(folder: Path) -> None:
    """As `git checkout` and `git stash` do it: the file is removed and another one made."""
    older = b"".join(lines(folder)[:4])
    log(folder).unlink()
    log(folder).write_bytes(older)


def truncate(folder: Path) -> None:
    os.truncate(log(folder), 500)


def write_in_place(folder: Path) -> None:
    at = log(folder).read_bytes().index(b"repeat once")
    with log(folder).open("r+b") as file:
        file.seek(at)
        file.write(b"REPEAT")


def delete_the_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def rename_the_folder(folder: Path) -> None:
    folder.rename(folder.with_name(f"{folder.name}_old"))


# --- doing and seeing -----------------------------------------------------------------------------------------------


async def begun(client: Client, deed: Deed) -> str:
    session = (await client.create_session("assistant")).session_id
    for text in deed.said:
        await client.ask(session, SendMessage(content=text))
    return session


async def summed_up(server: RealServer, session: str) -> None:
    """Wait for `state.yaml`, which is written a moment after the turn's end is published."""
    head = len(server.records(session))
    path = server.sessions_dir / session / "state.yaml"
    await until(lambda: path.exists() and f"last_seq: {head}\n" in path.read_text())


async def goes_further(server: RealServer, client: Client, session: str, text: str) -> None:
    """Keep the folder as it is, and say one thing more."""
    shutil.copytree(server.sessions_dir / session, server.workspace / "backup")
    await client.ask(session, SendMessage(content=text))


async def seen(server: RealServer, client: Client, session: str) -> Seen:
    """Ask something, look at the session, read its messages, look at its files."""
    found = Seen()
    async with asyncio.timeout(LIMIT_SECONDS):
        try:
            await client.ask(session, SendMessage(content="repeat again"))
            found.answered = True
        except ProblemResponse as error:
            found.told.append(str(error))
        try:
            found.told.append((await client.session(session)).damage or "")
            found.kept = tuple(message.content for message in (await client.messages(session)).messages)
        except ProblemResponse as error:
            found.told.append(str(error))
    folder = server.sessions_dir / session
    found.told += sorted(os.listdir(folder)) if folder.is_dir() else []
    return found


# --- all of them ----------------------------------------------------------------------------------------------------

STOPPED: dict[str, Deed] = {
    "Letters of a line are changed": Deed(edit_a_line),
    "A line is deleted": Deed(delete_a_line),
    "The last lines are deleted": Deed(delete_the_last_lines),
    "Half a line stands at the end, as a power cut leaves it": Deed(leave_half_a_line),
    "A line is added by hand": Deed(add_a_line),
    "`events.jsonl` is deleted": Deed(delete_the_log),
    "`events.jsonl` is emptied": Deed(empty_the_log),
    "`events.jsonl` is the log of another session": Deed(take_another_ones_log),
    "`events.jsonl` is a named pipe": Deed(put_a_pipe_there),
    "`events.jsonl` is a symbolic link": Deed(put_a_link_there),
    "`events.jsonl` is a folder": Deed(put_a_folder_there),
    "`state.yaml` is deleted": Deed(delete_the_summary),
    "`state.yaml` is edited": Deed(edit_the_summary),
    "`.index.jsonl` is deleted": Deed(delete_the_index),
    "The folder `blobs` is deleted": Deed(delete_the_blobs, said=("repeat once", LONG)),
    "The session's folder is copied under another name": Deed(copy_under_another_name, beside="copy"),
    "An older copy of the session's folder takes its place": Deed(restore_what_it_was, later="repeat later"),
    "The session's folder is deleted": Deed(delete_the_folder),
}
RUNNING: dict[str, Deed] = {
    "`sed -i`, or an editor that saves": Deed(sed),
    "`git checkout` or `git stash` of an older log": Deed(check_out_an_older_log),
    "A line is added": Deed(add_a_line),
    "The log is truncated in place": Deed(truncate),
    "Letters are changed in place": Deed(write_in_place),
    "The log is deleted": Deed(delete_the_log),
    "The folder is deleted": Deed(delete_the_folder),
    "The folder is renamed": Deed(rename_the_folder),
    "`state.yaml` is removed": Deed(delete_the_summary),
}
