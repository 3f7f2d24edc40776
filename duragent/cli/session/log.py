"""`duragent log`, `duragent session log`: a log from its files alone, as `git log` would show it."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.logs import find_any, is_stream
from duragent.cli.pager import page
from duragent.cli.place import need_config
from duragent.errors import Damaged, NotFound, SessionDeleted

if TYPE_CHECKING:
    from duragent.journal.events import Attachment, HistoryAdopted, HistoryRedacted, LogRecovered, ModelReplied
    from duragent.journal.record import Record
    from duragent.stores.reader import StoreReader

FOLLOW_SECONDS = 0.2
RESULT_LINES = 20
"""Of a tool's result; `--all` and `--json` show all of it."""


def log(  # noqa: PLR0913 - typer: one parameter an option
    session_id: options.SessionArgument,
    config: options.Config = None,
    workspace: options.Workspace = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the log grows, until Ctrl-C.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also the records that are not part of the talk.")] = False,
    last: Annotated[
        int | None, typer.Option("--last", "-n", metavar="COUNT", min=1, help="Only the last so many of what is shown.")
    ] = None,
    no_pager: Annotated[bool, typer.Option("--no-pager", help="Never use a pager.")] = False,
    json: options.Json = False,
) -> None:
    """Show the log of a session or of a stream (`mind-AGENT`), oldest first. Needs no server: it reads files alone."""
    reader, name = find_any(need_config(config, workspace), session_id)
    reading = LogReading(reader, name)
    # Of what is no talk all records are shown.
    every = every or is_stream(name)
    records = reading.records()
    if last:
        # Counted are those that are shown.
        shown = (record for record in records if json or _shown(record, every) is not None)
        records = iter(deque(shown, maxlen=last))
    lines = _lines(records, every=every, json=json)
    page(lines, pager=not (no_pager or json or follow))
    reading.compare_end()
    if reading.damage is not None:
        raise reading.damage
    while follow:
        time.sleep(FOLLOW_SECONDS)
        for line in _lines(reading.records(), every=every, json=json):
            typer.echo(line)
        if reading.damage is not None:
            raise reading.damage


class LogReading:
    """Remembers how far it has read, and keeps the damage it met until what was good is shown."""

    def __init__(self, reader: "StoreReader", session_id: str) -> None:
        self.damage: Damaged | None = None
        self._reader, self._session_id = reader, session_id
        self.seq = 0
        """Of the last record that was read."""
        self._at_end = False

    def records(self) -> "Iterator[Record]":
        try:
            for record in self._reader.read(self._session_id, after=self.seq):
                self.seq = record.seq
                yield record
            self._at_end = True
        except Damaged as damage:
            self.damage = damage
        except (NotFound, FileNotFoundError) as error:
            # Found once already: its folder went away while it was read.
            raise SessionDeleted(self._session_id) from error

    def compare_end(self) -> None:
        """A log that was read to its end may have lost a part of it: its summary knows how far it went."""
        from duragent.stores.replay import saved_snapshot

        if not self._at_end:  # A pager that was left early.
            return
        saved = saved_snapshot(self._reader, self._session_id)
        if saved is not None and saved.state.seq > self.seq:
            self.damage = self._reader.check(self._session_id).damage


def _lines(records: "Iterable[Record]", *, every: bool, json: bool) -> Iterator[str]:
    for record in records:
        if json:
            yield view.json_text({"seq": record.seq, "ts": record.ts, **_fields(record)})
        else:
            yield from entry(record, every=every)


def _fields(record: "Record") -> dict[str, object]:
    from duragent.journal.events import Opaque

    event = record.event
    if isinstance(event, Opaque):
        return {"type": event.type, **event.payload}
    return event.model_dump(exclude_defaults=True) | {"type": event.type}


def entry(record: "Record", *, every: bool = False) -> Iterator[str]:
    """A record as a coloured headline, facts, and the indented text. Nothing for records that are mere workings."""
    shown = _shown(record, every)
    if shown is None:
        return
    headline, facts, text = shown
    moment = view.parse_time(record.ts)
    date = moment.astimezone().strftime("%a %b %-d %H:%M:%S %Y %z") if moment else view.one_line(record.ts)
    yield view.paint(f"{headline} {record.seq}", "headline")
    for name, value in (*facts.items(), ("Date", date)):
        if value:
            yield f"{name + ':':<8}{view.one_line(value)}"
    yield ""
    for line in view.clean(text).split("\n") if text else ():
        yield f"    {line}".rstrip()
    if text:
        yield ""


def _shown(record: "Record", every: bool) -> tuple[str, dict[str, str], str] | None:
    from duragent.journal import events
    from duragent.journal.events import HistoryAdopted
    from duragent.journal.source import source_and_door

    if (found := _of_a_call(record, every) or _of_the_session(record) or _of_people(record, every)) is not None:
        return found
    match record.event:
        case events.MessageReceived() as message:
            sender = message.sender and (message.sender.name or message.sender.id)
            via = source_and_door(message.source, message.door)
            facts = {"From": sender or "user", "Via": via, "Files": _files(message.attachments)}
            return "message", facts, message.text
        case events.ModelReplied() as reply:
            return "answer", {"Model": reply.model, "Usage": _usage(reply), "Calls": _calls(reply)}, reply.text
        case events.ModelFailed() as failed:
            again = "asked again" if failed.retry else ""
            return (
                "failed",
                {"Error": ": ".join(part for part in (failed.error, failed.message) if part), "Then": again},
                failed.partial_text,
            )
        case events.TurnEnded(outcome="completed") if not every:
            return None
        case events.TurnEnded() as end:
            return f"turn {end.outcome}", {"Reason": end.reason}, ""
        case HistoryAdopted() | events.LogRecovered() | events.HistoryRedacted() as changed:
            return _of_the_log(changed)
        case _ if every:
            return record.event.type, {}, view.json_text({**_fields(record)})
    return None


def _of_the_session(record: "Record") -> tuple[str, dict[str, str], str] | None:
    from duragent.journal import events

    match record.event:
        case events.SessionCreated() as created:
            facts = {"Agent": created.agent, "Title": created.title or "", "Model": created.model}
            return "session", facts, created.system
        case events.SessionRenamed() as renamed:
            return "renamed", {"Title": renamed.title or "(none)"}, ""
        case events.ModelChosen() as chosen:
            label = f"{chosen.provider}/{chosen.model}" if chosen.provider else "(the agent's own)"
            return "model", {"Model": label, "At": chosen.base_url, "By": chosen.by}, ""
        case events.SessionPaused() | events.SessionResumed() | events.SessionClosed() as changed:
            return changed.type.removeprefix("session_"), {"Reason": changed.reason}, ""
    return None


def _of_people(record: "Record", every: bool) -> tuple[str, dict[str, str], str] | None:
    from duragent.journal import events

    match record.event:
        case events.CommandRequested() as asked:
            return "command", {"By": asked.by}, asked.command
        case events.CommandFinished() as ended:
            facts = {"Ended": ended.outcome, "Rule": ended.by_rule, "Where": ended.place}
            return "output", facts, ended.content if every else _cut(ended.content)
        case events.UndoRequested() as undo:
            return "undo", {"By": undo.by, "Turn": undo.turn}, "\n".join(file.path for file in undo.files)
        case events.UndoFinished() as undone:
            left = [f"{file.path} stays: {file.why}" for file in undone.refused]
            return "undone", {"Turn": undone.turn}, "\n".join([*(file.path for file in undone.restored), *left])
    return None


def _of_the_log(event: "HistoryAdopted | HistoryRedacted | LogRecovered") -> tuple[str, dict[str, str], str]:
    if event.type == "history_redacted":
        return "redacted", {"By": event.by, "Reason": event.reason, "Records": ", ".join(map(str, event.seqs))}, ""
    if event.type == "log_recovered":
        return "recovered", {"Cut": f"{event.size_bytes} bytes at {event.offset}, kept in {event.saved_as}"}, ""
    kept = event.kept_as and f"the old log is in {event.kept_as}"
    return "adopted", {"From": "duragent v0.5", "Kept": kept}, "\n".join(event.notes)


def _of_a_call(record: "Record", every: bool) -> tuple[str, dict[str, str], str] | None:
    from duragent.journal import events
    from duragent.journal.events import ToolsSkipped

    match record.event:
        case events.ToolStarted() as started:
            again = str(started.attempt) if started.attempt > 1 else ""
            facts = {"Tool": started.tool, "Attempt": again, "Rule": started.rule, "Where": started.place}
            return "call", facts, started.invocation
        case events.ToolFinished() as result:
            content = result.content if every else _cut(result.content)
            facts = {"Tool": result.tool, "Ended": result.outcome, "Note": result.note}
            return "result", {**facts, "Files": _files(result.attachments)}, content
        case events.ApprovalRequested() as asked:
            parts = "; ".join(f"{part.text} ({part.reason})" if part.reason else part.text for part in asked.findings)
            facts = {"Tool": asked.tool, "Asks": parts, "Where": asked.place, "Always": ", ".join(asked.patterns)}
            return "approval", facts, asked.preview or asked.invocation
        case events.ApprovalDecided() as decided:
            facts = {"Said": decided.decision, "By": decided.by, "Always": ", ".join(decided.patterns)}
            return "decision", {**facts, "Reason": decided.reason}, ""
        case events.AllowanceRevoked() as revoked:
            return "revoked", {"Patterns": ", ".join(revoked.patterns), "By": revoked.by}, ""
        case events.ToolLost() as lost:
            then = "a person is asked" if lost.asks else ""
            return "lost", {"Known": lost.evidence, "Then": then}, lost.invocation
        case events.ToolResolved() as resolved:
            return "resolved", {"Said": resolved.resolution, "By": resolved.by, "Reason": resolved.reason}, ""
        case ToolsSkipped() as skipped:
            return "skipped", {"Calls": ", ".join(skipped.calls), "Reason": skipped.reason}, ""
    return None


def _cut(content: str) -> str:
    lines = content.rstrip("\n").split("\n")
    if len(lines) <= RESULT_LINES:
        return content.rstrip("\n")
    return "\n".join([*lines[:RESULT_LINES], f"… {len(lines) - RESULT_LINES:,} more lines (--all shows them)"])


def _files(attachments: "Iterable[Attachment]") -> str:
    return ", ".join(view.file_words(file) for file in attachments)


def _usage(reply: "ModelReplied") -> str:
    cost = "" if not reply.cost_usd else f", ${reply.cost_usd:.4f}"
    tokens = reply.usage
    return f"{tokens.input} in, {tokens.output} out{cost}" if tokens.input or tokens.output else ""


def _calls(reply: "ModelReplied") -> str:
    return ", ".join(f"{call.tool}({call.arguments})" for call in reply.calls)
