"""`duragent why`: what the agent's memory gave for a question, and why, from the files alone; no server needed."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict
from itertools import takewhile
from typing import TYPE_CHECKING, Annotated

import typer

from duragent.cli import options, view
from duragent.cli.completions import complete_session
from duragent.cli.logs import find_log, open_logs
from duragent.cli.place import need_config
from duragent.cli.replay import split
from duragent.errors import AgentBroken, AgentNotFound, NotFound

if TYPE_CHECKING:
    from duragent.config import Config
    from duragent.memory.why import ExplainedRecall, PastSearch
    from duragent.stores.reader import StoreReader
    from duragent.wire import RecallInfo, RecallNote

_SHOWN_WORDS = 8
_QUESTION_CHARS = 60
_LEFT_OUT = {
    "visible": "visible already",
    "copy": "says the same as one above",
    "question": "was the same question",
    "limit": "the number of notes was reached",
    "budget": "there was no room left for it",
    "unimportant": "below min_importance",
    "unreviewed": "waits for review",
    "superseded": "another note took its place",
}
"""Why a note was not shown, in words; `below_threshold` has figures of its own."""
_SILENT = {
    "below_threshold": "no note has enough of the question",
    "nothing": "no note has a word of the question",
    "late": "the search was not done in time; the answer did not wait for it",
    "off": "`spec.memory.recall` is off",
}
_WORDS_FIND_WORDS = (
    "Words find only words. MEMORY.md is in each prompt, the tool `memory` can search with other words, and with "
    "`spec.memory.embedding` notes are found by their meaning."
)


def why(
    session: Annotated[
        str,
        typer.Argument(
            metavar="ID[@SEQ]",
            help="A session's id or a part that only it has; @SEQ, if given: a message, or any record behind it.",
            autocompletion=complete_session,
        ),
    ],
    config: options.Config = None,
    workspace: options.Workspace = None,
    json: options.Json = False,
) -> None:
    """Say what the agent's memory gave for a question, the newest one without @SEQ, and why. Needs no server.

    The figures are those of the log. The words are computed again from the notes as they are now.
    """
    prefix, at = split(session)
    found = need_config(config, workspace)
    reader = open_logs(found.sessions_dir)
    session_id = find_log(reader, prefix)
    search = _search(reader, session_id, at)
    if search is None:
        where = "" if at is None else f" up to record {at}"
        raise NotFound(f"session '{session_id}' has no search in memory{where}; `spec.memory` of an agent begins them")
    explained = _explained(found, reader, session_id, search)
    if json:
        view.print_json(asdict(explained))
        return
    from duragent.wire import RecallInfo

    for line in why_lines(RecallInfo.model_validate(asdict(explained))):
        typer.echo(line)


def _search(reader: "StoreReader", session_id: str, at: int | None) -> "PastSearch | None":
    """Reads only what is behind the search before last."""
    from duragent.journal.line import lines_of_types, seq_of
    from duragent.memory.why import search_at, searches_in

    lines = (line for line in reader.lines(session_id) if lines_of_types(line, ("memory_recalled",)))
    recalls = [seq_of(line) for line in lines]
    place = len(recalls) if at is None else bisect_right(recalls, at)
    # The one behind the record may be the search for this message.
    last = recalls[place] if place < len(recalls) else None
    first = recalls[place - 3] if place >= 3 else 0
    records = takewhile(lambda record: last is None or record.seq <= last, reader.read(session_id, first))
    return search_at(searches_in(records), at)


def _explained(config: "Config", reader: "StoreReader", session_id: str, search: "PastSearch") -> "ExplainedRecall":
    from duragent.agent.catalog import Catalog
    from duragent.agent.memory_spec import MemorySpec
    from duragent.equipment import notes_of
    from duragent.journal.events import SessionCreated
    from duragent.memory.why import explained

    created = next(iter(reader.read(session_id))).event
    name = created.agent if isinstance(created, SessionCreated) else ""
    try:
        agent = Catalog.open(config.agents_dir, config.workspace).get(name)
    except (AgentNotFound, AgentBroken) as error:
        view.note(f"{error}: what the log says is shown without the words of its notes")
        return explained(search, (), MemorySpec())
    return explained(search, notes_of(agent, config.world_dir), agent.spec.memory or MemorySpec())


# --- how it looks ---------------------------------------------------------------------------------------------------


def why_lines(recall: "RecallInfo") -> Iterator[str]:
    """A search for people, line by line."""
    question = view.one_line(recall.question, _QUESTION_CHARS)
    index = f"index {view.many(recall.notes, 'note')}" if recall.notes else "no index"
    meaning = view.one_line(recall.embedder) or "no embeddings"
    yield f'{"searched" if recall.silent else "recalled"} for "{question}"  {recall.took_ms} ms, {index}, {meaning}'
    for item in recall.items:
        yield f"  {_figure(item)}  {view.record_cell(item.ref)}  {_because(item, recall.threshold_milli)}"
    if recall.silent:
        yield f"nothing was shown: {_SILENT.get(recall.silent, view.one_line(recall.silent))}"
    if recall.silent in ("below_threshold", "nothing") and not recall.embedder:
        yield _WORDS_FIND_WORDS


def _figure(item: "RecallNote") -> str:
    return "----" if item.left_out else f"{item.score_milli / 1000:.2f}"


def _because(item: "RecallNote", threshold_milli: int) -> str:
    least = f"{threshold_milli / 1000:.2f}"
    coverage = f"{item.coverage_milli / 1000:.2f}"
    if item.left_out == "below_threshold":
        words = _words(item)
        return f"coverage {coverage} < {least}: not shown{f' · {words}' if words else ''}"
    if item.left_out:
        return f"{_LEFT_OUT.get(item.left_out, view.one_line(item.left_out))}: not shown"
    against = f"coverage {coverage}" + (f" ≥ {least}" if item.coverage_milli >= threshold_milli else ": by its meaning")
    age = f"age {_age(item.age_hours)} \u00d7{item.age_milli / 1000:.2f}"
    return " · ".join(filter(None, (_words(item), against, age, f"importance {item.importance_milli / 1000:.2f}")))


def _words(item: "RecallNote") -> str:
    named = (("own", item.own), ("near", item.near))
    return " · ".join(f"{name}: {_some(words)}" for name, words in named if words)


def _some(words: "list[str]") -> str:
    shown = " ".join(view.one_line(word) for word in words[:_SHOWN_WORDS])
    return f"{shown} …" if len(words) > _SHOWN_WORDS else shown


def _age(hours: int) -> str:
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"
