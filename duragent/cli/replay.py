"""`duragent replay`: a session's conversation, or the state that its records add up to, at any of them; from its files
alone.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.logs import find_log, open_logs
from duragent.cli.pager import page
from duragent.cli.place import need_config
from duragent.cli.session.log import LogReading
from duragent.errors import Damaged, InvalidRequest

if TYPE_CHECKING:
    from duragent.stores.reader import StoreReader
    from duragent.stores.replay import Replayed


def replay(  # noqa: PLR0913 - typer: one parameter an option
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID@SEQ",
            help="A session's id or a part that only it has; @SEQ, if given: up to that record.",
            autocompletion=complete_session,
        ),
    ],
    config: options.Config = None,
    workspace: options.Workspace = None,
    state: Annotated[
        bool, typer.Option("--state", help="The state that the records add up to, as state.yaml shows it.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with state.yaml; exit 1 if it differs.")] = False,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Never use a pager.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the state as JSON.")] = False,
) -> None:
    """Show a session's conversation as a chat shows it, or its state, up to any record. Needs no server."""
    from duragent.stores import replay as fold

    prefix, at = split(session)
    reader = open_logs(need_config(config, workspace).sessions_dir)
    session_id = find_log(reader, prefix)
    if verify:
        if at is not None:
            raise InvalidRequest("--verify compares at the record where state.yaml stands: leave @SEQ out")
        raise typer.Exit(_verify(reader, session_id, json))
    if not (state or json):
        _show_conversation(reader, session_id, at, pager=not no_pager)
        return
    replayed = fold.replay(reader, session_id, at)
    if at is not None and replayed.state.seq != at:
        raise _no_record(session_id, replayed.state.seq, at)
    _show(replayed, json)


def split(session: str) -> tuple[str, int | None]:
    """The id and the seq of `ID@SEQ`; None for a bare id. Raises InvalidRequest."""
    prefix, found, at = session.partition("@")
    if not found:
        return prefix, None
    if not (at.isascii() and at.isdigit()) or not int(at[:18]) > 0:
        raise InvalidRequest(f"'{at[:40]}' is no record: write ID@SEQ, with a number from 1 (`duragent session log`)")
    return prefix, int(at[:18])


def _no_record(session_id: str, head: int, at: int) -> InvalidRequest:
    return InvalidRequest(f"session '{session_id}' has the records 1 to {head}, not {at}")


def _show_conversation(reader: "StoreReader", session_id: str, at: int | None, *, pager: bool) -> None:
    reading = LogReading(reader, session_id)
    page(_conversation(reading, at), pager=pager)
    if at is not None and reading.seq < at and reading.damage is None:
        raise _no_record(session_id, reading.seq, at)
    reading.compare_end()
    if reading.damage is not None:
        raise reading.damage


def _conversation(reading: LogReading, at: int | None) -> Iterator[str]:
    """As lines, with colours on a terminal."""
    from duragent.cli.chat.conversation import Conversation
    from duragent.cli.chat.render import plain, render
    from duragent.client.watch import CaughtUp

    conversation = Conversation("", whole=True)
    for record in reading.records():
        conversation.take(record)
        if record.seq == at:
            break
    width = shutil.get_terminal_size().columns
    for block in conversation.take(CaughtUp()):
        shown = render(block, width).removesuffix("\n") if view.on_terminal() else plain(block)
        yield from shown.split("\n")


def _show(replayed: "Replayed", json: bool) -> None:
    from duragent.journal import snapshot

    if json:
        view.print_json(replayed.facts)
    else:
        dumped = snapshot.dump(snapshot.Snapshot(replayed.state, replayed.last_crc)).decode()
        shown = "".join(line for line in dumped.splitlines(keepends=True) if line[0] != "#")
        # A file or a program that reads this YAML gets what it holds.
        typer.echo(view.clean(shown) if view.on_terminal() else shown, nl=False)


def _verify(reader: "StoreReader", session_id: str, json: bool) -> int:
    from duragent.journal import snapshot
    from duragent.stores import replay as fold

    try:
        saved = reader.summary(session_id)
    except OSError as error:
        absent = isinstance(error, FileNotFoundError)
        seq = fold.replay(reader, session_id).state.seq
        said = "there is no state.yaml" if absent else f"state.yaml cannot be read: {error.strerror}"
        _say(json, _Compared(session_id, seq, absent, f"{said}; {seq} records fold"))
        return 0 if absent else 1
    known = snapshot.load(saved, session_id)
    at = known.state.seq if known else None
    replayed = fold.replay(reader, session_id, at)
    if at is not None and replayed.state.seq < at:
        head, problem = replayed.state.seq, f"the log ends before record {at}, which state.yaml has seen"
        raise Damaged(session_id, "events.jsonl", head + 1, problem, head)
    different = fold.differences(replayed, saved)
    instead = "it counts as absent, and the log is folded instead"
    text = f"state.yaml stands at record {replayed.state.seq} and is what the records up to it add up to"
    if not replayed.facts.keys() & snapshot.facts(saved).keys():
        different, text = (), f"state.yaml cannot be read as a summary; {instead}"
    elif different:
        text = f"state.yaml is not what the records add up to; {instead}"
    elif known is None:
        text = f"state.yaml says what the records add up to, but its own checksum does not fit; {instead}"
    same = known is not None and not different
    _say(json, _Compared(session_id, replayed.state.seq, same, text, different))
    return 0 if same else 1


@dataclass(frozen=True, slots=True)
class _Compared:
    """What came of a comparison at record `seq`; `different` has (field, what the log says, what the file says)."""

    session_id: str
    seq: int
    same: bool
    text: str
    different: Sequence[tuple[str, object, object]] = ()


def _say(json: bool, found: _Compared) -> None:
    if json:
        fields = [{"field": key, "log": ours, "state_yaml": theirs} for key, ours, theirs in found.different]
        told = {"session_id": found.session_id, "seq": found.seq, "same": found.same}
        view.print_json({**told, "differences": fields, "text": found.text})
        return
    typer.echo(view.clean(f"{found.session_id}: {found.text}."))
    if found.different:
        rows = [(key, view.json_text(ours), view.json_text(theirs)) for key, ours, theirs in found.different]
        view.print_table(("FIELD", "LOG", "STATE.YAML"), rows, "")
