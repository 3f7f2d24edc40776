"""`duragent context`: what the model would see if it were asked now, from the files alone, no server needed."""

import json as json_module
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duragent.cli import options, view
from duragent.cli.place import need_config

if TYPE_CHECKING:
    from duragent.agent.load import Agent
    from duragent.config import Config
    from duragent.context.build import Frame, WindowUse
    from duragent.context.report import ContextReport, MessageLine
    from duragent.journal.record import Record
    from duragent.journal.state import SessionState
    from duragent.models.messages import ToolSchema
    from duragent.stores.files.reader import FileLogReader
    from duragent.turn.host import HistoryNeed

SHOWN_CHARS = 100
"""Of a message's first line; `--full` shows all of it."""
_RULE = "─" * 3


def context(
    session_id: options.SessionArgument,
    config: options.Config = None,
    workspace: options.Workspace = None,
    full: Annotated[bool, typer.Option("--full", help="Print the texts themselves.")] = False,
    json: options.Json = False,
) -> None:
    """Show what the model would see if it were asked now: each part, with its tokens. Needs no server.

    A part's tokens are an estimate, corrected by what the provider reported in this session.
    """
    from duragent.cli.loop import run
    from duragent.cli.session.log import find_folder
    from duragent.stores.files.reader import FileLogReader

    found = need_config(config, workspace)
    log = SessionLog.open(FileLogReader(found.sessions_dir), find_folder(found.sessions_dir, session_id))
    question = run(next_question(found, log))
    if json:
        view.print_json(_as_json(question, full=full))
    elif full:
        view.page(_texts(question), pager=True)
    else:
        _print(question)


@dataclass(frozen=True, slots=True)
class NextQuestion:
    """The question that would be asked: who asks, what stands around the talk, and what of the talk is looked at."""

    state: "SessionState"
    agent: "Agent"
    around: "Frame"
    window: "WindowUse"

    def report(self) -> "ContextReport":
        from duragent.context.report import report

        return report(self.agent, self.around, self.window)


async def next_question(config: "Config", log: "SessionLog") -> NextQuestion:
    """Made as a session's turn makes it. Raises AgentNotFound, AgentBroken, Damaged."""
    from duragent.agent.catalog import Catalog
    from duragent.cli.equipment import equip
    from duragent.clock import SystemClock
    from duragent.context.build import WindowUse, frame
    from duragent.context.sections import context_file_sections
    from duragent.context.window import find_window
    from duragent.turn import history

    agent = Catalog.open(config.agents_dir).get(log.state.agent)
    has = equip(agent, config.workspace, config.base)
    tools: Sequence[ToolSchema] = has.tools.schemas()
    if history.needs_recall(agent.spec, tools):
        tools = history.offered(agent.spec, tools, log.newest(history.FOR_RECALL)[0])
    around = frame(
        agent,
        SystemClock().now(),
        sections=context_file_sections(has.around),
        tools=tools,
        window=await find_window(agent.spec.model),
    )
    records, from_start = log.newest(history.wanted_for(around))
    after = history.opening_after(log.state, records)
    first = [] if after is None else log.records(after, history.OPENING_RECORDS)
    return NextQuestion(log.state, agent, around, WindowUse(records, from_start, history.opening_in(first)))


@dataclass(frozen=True, slots=True)
class SessionLog:
    """A session's log up to the record that was its last when it was opened. `sizes` are those of its lines."""

    reader: "FileLogReader"
    state: "SessionState"
    oldest: int
    sizes: "array[int]"

    @classmethod
    def open(cls, reader: "FileLogReader", session_id: str) -> "SessionLog":
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

    def newest(self, wanted: "HistoryNeed") -> "tuple[list[Record], bool]":
        """The newest records, as many as a turn would look at, and whether there are no older ones."""
        from duragent.turn.history import Reach

        reach = Reach(wanted, self.state)
        before = self.oldest + len(self.sizes)
        while before > self.oldest and not reach.enough(before):
            first = self._step_back(before)
            reach.take(first, sum(self.sizes[first - self.oldest : before - self.oldest]))
            before = first
        return self.records(before - 1, len(self.sizes) + self.oldest - before), before <= self.oldest

    def records(self, after: int, limit: int) -> "list[Record]":
        """The records behind seq `after`, with their texts; none that came since the log was opened."""
        read = islice(self.reader.read(self.state.session_id, after), limit)
        return [record for record in read if record.seq <= self.state.seq]

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


def _print(question: NextQuestion) -> None:
    found = question.report()
    if view.on_terminal():
        typer.echo(f"{_title(question)}\n")
    sections = [(line.source, str(line.priority), f"{line.tokens:,}") for line in found.sections]
    view.print_table(("SECTION", "PRIORITY", "TOKENS"), sections, "No sections.")
    typer.echo()
    tools = [(line.name, f"{line.tokens:,}") for line in found.tools]
    view.print_table(("TOOL", "TOKENS"), tools, "No tools.")
    typer.echo()
    messages = [
        (str(line.seq), line.role, f"{line.tokens:,}", line.mark, view.one_line(first_line(line), SHOWN_CHARS))
        for line in found.messages
    ]
    view.print_table(("RECORD", "ROLE", "TOKENS", "MARK", "MESSAGE"), messages, "No messages.")
    typer.echo()
    for line in _sums(found):
        typer.echo(line)


def _title(question: NextQuestion) -> str:
    model = question.agent.spec.model
    about = (question.state.session_id, question.state.status, question.agent.name, f"{model.provider}/{model.name}")
    return "  ·  ".join(map(view.one_line, about))


def _sums(found: "ContextReport") -> Iterator[str]:
    ratio = f"; {found.ratio:g} times our estimate, by what the provider counted" if found.ratio != 1 else ""
    cap = f"{found.history_cap_tokens:,} at most for earlier messages" if found.history_cap_tokens else ""
    over = "the sections and tools alone are too long" if found.left_tokens < 0 else ""
    for name, count, note in (
        ("window", found.window_tokens, f"{found.reserved_tokens:,} of it are kept free for the answer"),
        ("budget", found.budget_tokens, cap),
        ("used", found.used_tokens, f"{len(found.messages)} messages{_marks(found)}{ratio}"),
        ("left", found.left_tokens, over),
    ):
        if view.on_terminal():
            yield f"{name:<7} {count:>10,}" + (f"   {note}" if note else "")
        else:
            yield f"{name}\t{count}"


def _marks(found: "ContextReport") -> str:
    marks = ((found.masked, "masked"), (found.truncated, "cut"))
    return "".join(f", {count} {what}" for count, what in marks if count)


def first_line(line: "MessageLine") -> str:
    """The text's first line that says something, else the first call."""
    said = next((part for part in line.text.split("\n") if part.strip()), "")
    calls = " ".join(f"→ {call}" for call in line.calls)
    return " ".join(part for part in (said, calls) if part)


def _texts(question: NextQuestion) -> Iterator[str]:
    found = question.report()
    yield _title(question)
    for section, line in zip(question.around.sections, found.sections, strict=True):
        yield from _block(f"section: {line.source} (priority {line.priority}, {line.tokens:,} tokens)", section.text)
    for tool, priced in zip(question.around.tools, found.tools, strict=True):
        schema = json_module.dumps(tool.parameters, ensure_ascii=False, indent=2)
        yield from _block(f"tool: {tool.name} ({priced.tokens:,} tokens)", f"{tool.description}\n\n{schema}")
    for message in found.messages:
        marked = f", {message.mark}" if message.mark else ""
        text = "\n".join(part for part in (message.text, *(f"→ {call}" for call in message.calls)) if part)
        yield from _block(f"record {message.seq}: {message.role} ({message.tokens:,} tokens{marked})", text)
    yield ""
    yield from _sums(found)


def _block(headline: str, text: str) -> Iterator[str]:
    yield ""
    yield view.paint(f"{_RULE} {view.one_line(headline)} {_RULE}", fg="yellow")
    yield from view.clean(text.strip("\n")).split("\n")


def _as_json(question: NextQuestion, *, full: bool) -> dict[str, Any]:
    found = question.report()
    shown = asdict(found)
    for message, line in zip(shown["messages"], found.messages, strict=True):
        message["first_line"] = first_line(line)
    if full:
        for section, of in zip(shown["sections"], question.around.sections, strict=True):
            section["text"] = of.text
        for tool, schema in zip(shown["tools"], question.around.tools, strict=True):
            tool |= {"description": schema.description, "parameters": schema.parameters}
    else:
        for message in shown["messages"]:
            del message["text"], message["calls"]
    model = question.agent.spec.model
    return {
        "session_id": question.state.session_id,
        "status": question.state.status,
        "agent": question.agent.name,
        "model": f"{model.provider}/{model.name}",
        **shown,
    }
