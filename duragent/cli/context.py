"""`duragent context`: what the model would see if it were asked now, from the files alone, no server needed."""

import json as json_module
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duragent.cli import options, view
from duragent.cli.pager import page
from duragent.cli.place import need_config

if TYPE_CHECKING:
    from duragent.config import Config
    from duragent.context.report import ContextReport, MessageLine
    from duragent.journal.record import Record
    from duragent.journal.state import SessionState
    from duragent.stores.reader import StoreReader
    from duragent.turn.history import HistoryNeed
    from duragent.turn.rebuild import Rebuilt
    from duragent.turn.request import Prepared

SHOWN_CHARS = 100
"""Of a message's first line; `--full` shows all of it."""
_RULE = "─" * 3


def context(  # noqa: PLR0913 - typer: one parameter an option
    session_id: options.SessionArgument,
    config: options.Config = None,
    workspace: options.Workspace = None,
    full: Annotated[bool, typer.Option("--full", help="Print the texts themselves.")] = False,
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="RECORD", min=1, help="What it saw at that record, from the log alone."),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Say whether the newest question, or that of --at, is the bytes that were sent."),
    ] = False,
    json: options.Json = False,
) -> None:
    """Show what the model would see if it were asked now: each part, with its tokens. Needs no server.

    A part's tokens are an estimate, corrected by what the provider reported in this session.
    """
    from duragent.cli.logs import find_log, open_logs
    from duragent.cli.loop import run

    found = need_config(config, workspace)
    reader = open_logs(found.sessions_dir)
    log = SessionLog.open(reader, find_log(reader, session_id))
    if at is not None or verify:
        from duragent.turn.rebuild import rebuild, rebuild_newest

        state = log.state
        rebuilt = run(rebuild(log, state.session_id, state.agent, at) if at else rebuild_newest(log, state))
        if verify:
            _tell(rebuilt, json=json)
            return
        shown = Shown.of(log.state, rebuilt)
    else:
        shown = Shown.of(log.state, run(next_request(found, log)))
    if json:
        view.print_json(_as_json(shown, full=full))
    elif full:
        page(_texts(shown))
    else:
        _print(shown)


async def next_request(config: "Config", log: "SessionLog") -> "Prepared":
    """What a turn would send at the end of this log. Raises AgentNotFound, AgentBroken, Damaged."""
    from duragent.agent.catalog import Catalog
    from duragent.clock import SystemClock
    from duragent.equipment import equip
    from duragent.turn.request import prepare

    agent = Catalog.open(config.agents_dir, config.workspace).get(log.state.agent)
    return await prepare(log, equip(agent, config.workspace, config.base).loaded, SystemClock().now())


@dataclass(frozen=True, slots=True)
class SessionLog:
    """A session's log up to the record that was its last when it was opened: a `History` without a server."""

    reader: "StoreReader"
    state: "SessionState"
    """The state after the last record."""
    oldest: int
    """The seq of the first line."""
    sizes: "array[int]"
    """Of the lines, in bytes."""

    @classmethod
    def open(cls, reader: "StoreReader", session_id: str) -> "SessionLog":
        """Raises SessionNotFound, Damaged."""
        from duragent.journal.fold import fold_lines
        from duragent.journal.state import SessionState

        state, sizes, oldest = SessionState(session_id), array("L"), 1
        for line, record, folded in fold_lines(state, reader.lines(session_id)):
            if not sizes:
                oldest = record.seq
            state = folded
            sizes.append(len(line))
        return cls(reader, state, oldest, sizes)

    async def newest(self, need: "HistoryNeed") -> "tuple[list[Record], bool]":
        """See `turn.history.History`."""
        from duragent.turn.history import Reach

        reach, oldest = Reach(need, self.state), max(self.oldest, need.after + 1)
        before = self.oldest + len(self.sizes)
        while before > oldest and not reach.enough(before):
            first = max(self._step_back(before), oldest)
            reach.take(first, sum(self.sizes[first - self.oldest : before - self.oldest]))
            before = first
        records = await self.read_records(before - 1, len(self.sizes) + self.oldest - before)
        return records, before <= oldest

    async def read_records(self, after: int, limit: int) -> "list[Record]":
        """Records with seq > `after`, with their texts; none that came since the log was opened."""
        read = islice(self.reader.read(self.state.session_id, after), limit)
        return [record for record in read if record.seq <= self.state.seq]

    async def lines(self, after: int, limit: int) -> bytes:
        """See `turn.rebuild.StoredLog`."""
        return b"".join(islice(self.reader.lines(self.state.session_id, after), limit))

    async def blob(self, sha256: str) -> bytes:
        """See `turn.history.History`."""
        return self.reader.blob(self.state.session_id, sha256)

    def _step_back(self, before: int) -> int:
        from duragent.stores.base import READ_MAX_BYTES
        from duragent.turn.history import BACK_LINES

        first, size = before - 1, self.sizes[before - 1 - self.oldest]
        while first > self.oldest and before - first < BACK_LINES:
            size += self.sizes[first - 1 - self.oldest]
            if size > READ_MAX_BYTES:
                break
            first -= 1
        return first


# --- how it looks ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """What is printed: the request, and the report on it."""

    state: "SessionState"
    prepared: "Prepared | Rebuilt"
    report: "ContextReport"

    @classmethod
    def of(cls, state: "SessionState", prepared: "Prepared | Rebuilt") -> "Shown":
        from duragent.context.report import report

        return cls(state, prepared, report(prepared.agent, prepared.frame, prepared.window))


def _tell(rebuilt: "Rebuilt", *, json: bool) -> None:
    """Say whether a request that was made again is the one that was sent. Exits with 1 when it is not."""
    if json:
        called = {"seq": rebuilt.called_seq, "equal": rebuilt.is_equal, "sha256": rebuilt.sha256}
        sent = {"request_sha256": rebuilt.called.request_sha256, "lost_blobs": rebuilt.lost_blobs}
        view.print_json({**called, **sent, "forgotten": rebuilt.forgotten, "redacted": rebuilt.redacted})
    elif rebuilt.is_equal:
        typer.echo(f"rebuilt byte for byte: sha256 equal to model_called #{rebuilt.called_seq:,}")
    else:
        typer.echo(f"different from model_called #{rebuilt.called_seq:,}{_why_different(rebuilt)}")
    if not rebuilt.is_equal:
        raise typer.Exit(1)


def _why_different(rebuilt: "Rebuilt") -> str:
    if rebuilt.lost_blobs:
        return f": absent or changed: {', '.join(f'blobs/{name}' for name in rebuilt.lost_blobs)}"
    if rebuilt.redacted:
        return f": redacted since: the records {' '.join(map(str, rebuilt.redacted))}"
    return ": a text of it was forgotten since" if rebuilt.forgotten else ""


def _print(shown: Shown) -> None:
    report = shown.report
    if view.on_terminal():
        typer.echo(f"{_title(shown)}\n{in_one_line(report)}\n")
    sections = [(line.source, str(line.priority), f"{line.tokens:,}") for line in report.sections]
    view.print_table(("SECTION", "PRIORITY", "TOKENS"), sections, "No sections.")
    typer.echo()
    tools = [(line.name, f"{line.tokens:,}") for line in report.tools]
    view.print_table(("TOOL", "TOKENS"), tools, "No tools.")
    typer.echo()
    messages = [
        (str(line.seq), line.role, f"{line.tokens:,}", line.mark, view.one_line(first_line(line), SHOWN_CHARS))
        for line in report.messages
    ]
    view.print_table(("RECORD", "ROLE", "TOKENS", "MARK", "MESSAGE"), messages, "No messages.")
    typer.echo()
    for line in _sums(report):
        typer.echo(line)


def _title(shown: Shown) -> str:
    model = shown.prepared.agent.spec.model
    named = f"{model.provider}/{model.name}{f' (models/{model.use}.yaml)' if model.use else ''}"
    about = (shown.state.session_id, shown.state.status, shown.prepared.agent.name, named)
    return "  ·  ".join(map(view.one_line, about))


def in_one_line(report: "ContextReport") -> str:
    """Where the window goes: the parts in the order in which the model reads them."""
    past, shown = report.past, report.messages[1:] if report.past.boundary else report.messages
    levels = " ".join(f"L{level}x{count}" for level, count in past.levels)
    parts = [f"system {sum(each.tokens for each in report.sections):,}"]
    parts.append(f"tools {sum(each.tokens for each in report.tools):,}")
    if past.kept_tokens:
        parts.append(f"goals+pins {past.kept_tokens:,}")
    if past.boundary:
        parts.append(f"summaries {levels} {past.summaries_tokens:,} (records 1 to {past.boundary:,})")
    parts.append(f"{len(shown)} messages {sum(each.tokens for each in shown):,}")
    if report.tail.text:
        parts.append(f"tail {report.tail.tokens:,}")
    return " · ".join((*parts, f"left {report.left_tokens:,}"))


def _sums(report: "ContextReport") -> Iterator[str]:
    ratio = f"; {report.ratio:g} times our estimate, by what the provider counted" if report.ratio != 1 else ""
    cap = f"{report.history_cap_tokens:,} at most for earlier messages" if report.history_cap_tokens else ""
    over = "the sections and tools alone are too long" if report.left_tokens < 0 else ""
    for name, count, note in (
        ("window", report.window_tokens, f"{report.reserved_tokens:,} of it are kept free for the answer"),
        ("budget", report.budget_tokens, cap),
        *([("tail", report.tail.tokens, ", ".join(report.tail.sources))] if report.tail.text else []),
        ("used", report.used_tokens, f"{len(report.messages)} messages{_marks(report)}{ratio}"),
        ("left", report.left_tokens, over),
    ):
        if view.on_terminal():
            yield f"{name:<7} {count:>10,}" + (f"   {note}" if note else "")
        else:
            yield f"{name}\t{count}"


def _marks(report: "ContextReport") -> str:
    marks = ((report.masked, "masked"), (report.truncated, "cut"))
    return "".join(f", {count} {what}" for count, what in marks if count)


def first_line(line: "MessageLine") -> str:
    """The text's first line that says something, else the first call."""
    said = next((part for part in line.text.split("\n") if part.strip()), "")
    calls = " ".join(f"→ {call}" for call in line.calls)
    return " ".join(part for part in (said, calls) if part)


def _texts(shown: Shown) -> Iterator[str]:
    report = shown.report
    yield _title(shown)
    for section, line in zip(shown.prepared.frame.sections, report.sections, strict=True):
        yield from _block(f"section: {line.source} (priority {line.priority}, {line.tokens:,} tokens)", section.text)
    for tool, priced in zip(shown.prepared.frame.tools, report.tools, strict=True):
        schema = json_module.dumps(tool.parameters, ensure_ascii=False, indent=2)
        yield from _block(f"tool: {tool.name} ({priced.tokens:,} tokens)", f"{tool.description}\n\n{schema}")
    for message in report.messages:
        marked = f", {message.mark}" if message.mark else ""
        text = "\n".join(part for part in (message.text, *(f"→ {call}" for call in message.calls)) if part)
        yield from _block(f"record {message.seq}: {message.role} ({message.tokens:,} tokens{marked})", text)
    if report.tail.text:
        yield from _block(f"tail: {', '.join(report.tail.sources)} ({report.tail.tokens:,} tokens)", report.tail.text)
    yield ""
    yield from _sums(report)


def _block(headline: str, text: str) -> Iterator[str]:
    yield ""
    yield view.paint(f"{_RULE} {view.one_line(headline)} {_RULE}", "headline")
    yield from view.clean(text.strip("\n")).split("\n")


def _as_json(shown: Shown, *, full: bool) -> dict[str, Any]:
    report = shown.report
    fields = asdict(report)
    for message, line in zip(fields["messages"], report.messages, strict=True):
        message["first_line"] = first_line(line)
    if full:
        for section, of in zip(fields["sections"], shown.prepared.frame.sections, strict=True):
            section["text"] = of.text
        for tool, schema in zip(fields["tools"], shown.prepared.frame.tools, strict=True):
            tool |= {"description": schema.description, "parameters": schema.parameters}
    else:
        del fields["tail"]["text"]
        for message in fields["messages"]:
            del message["text"], message["calls"]
    model = shown.prepared.agent.spec.model
    return {
        "session_id": shown.state.session_id,
        "status": shown.state.status,
        "agent": shown.prepared.agent.name,
        "model": f"{model.provider}/{model.name}",
        "model_file": model.use,
        **fields,
    }
