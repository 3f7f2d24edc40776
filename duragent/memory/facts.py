"""Evidence of a stretch of a log, found by code: paths, commands with their ends, errors, addresses, ids and figures.

The law: nothing is reworded. A fact stands in the records as it stands here, at most cut at its end with an ellipsis.
What people and the model wrote themselves comes before what only stands in the output of a tool.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from duragent.journal.events import (
    CommandFinished,
    CommandRequested,
    MessageReceived,
    ModelReplied,
    ToolFinished,
)
from duragent.journal.record import Record
from duragent.text import cut_to

FactKind = Literal["Commands", "Paths", "Errors", "Addresses", "Ids", "Figures"]
KINDS: tuple[FactKind, ...] = ("Commands", "Paths", "Errors", "Addresses", "Ids", "Figures")
"""In the order in which they are shown, and in which they are given room."""

SEPARATOR = " · "
FACT_CHARS = 160
"""A longer fact is cut."""

READ_CHARS = 20_000
"""Of one text: what stands behind is not looked at."""

MOST_FACTS = 2_000
"""Of one kind, while records are read; the least weighty half is dropped when there are more."""

WRITTEN, SHOWN = 8, 1
"""What a fact weighs each time: in what people and the model wrote, and in the output of a tool."""

_ADDRESS = re.compile(r"\bhttps?://[^\s<>\"'`)\]}]+")
_PATH = re.compile(
    r"(?<![\w/.:-])(?:~|\.{1,2})?/?(?:[\w.@+-]+/)+[\w.@+-]*\w|(?<![\w/.@:-])[\w+-]+\.[A-Za-z][A-Za-z0-9]{0,4}\b(?!\()"
)
_ID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    r"|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b"
    r"|\b[A-Z][A-Z0-9]{1,9}-\d{1,7}\b|(?<![\w&])#\d{1,7}\b"
)
_FIGURE = re.compile(
    r"(?<![\w.])[-+]?\d[\d.,]*\s?"
    r"(?:%|€|\$|(?:ms|µs|ns|s|sec|seconds|min|minutes|h|hours|days|weeks|months|years|[kKMGT]i?B|bytes|[KMGT]bit/s"
    r"|MB/s|GB/s|Hz|kHz|MHz|GHz|mm|cm|m|km|km/h|mg|g|kg|°C|°F|°|px|rpm|V|W|kW|kWh|USD|EUR|tokens|rows|lines|files"
    r"|tests|users|items|failures|errors|requests)\b)"
)
_ERROR = re.compile(
    r"\b(?:error|exception|traceback|failed|failure|fatal|panic|denied|refused|not found)\b|Error\b", re.I
)
_NO_PATH = re.compile(r"^(?:[\d./-]+|e\.g|i\.e|etc\.\w*|\d.*)$")
_PATH_ARGUMENTS = ("path", "file", "folder", "file_path")


class FactSheet:
    """Collects the facts of records, in their order."""

    def __init__(self) -> None:
        self._found: dict[FactKind, dict[str, int]] = {kind: {} for kind in KINDS}
        self._open: dict[str, str] = {}

    def take(self, record: Record) -> None:
        event = record.event
        match event:
            case MessageReceived():
                self._read(event.text, WRITTEN)
            case ModelReplied():
                self._read(event.text, WRITTEN)
                for call in event.calls:
                    self._call(call.call, call.arguments)
            case CommandRequested():
                self._open[event.command_id] = event.command
            case ToolFinished():
                self._ended(event.call, event.outcome, event.details, event.content)
            case CommandFinished():
                self._ended(event.command_id, event.outcome, event.details, event.content)
            case _:
                pass

    def text(self, limit: int, tokens: Callable[[str], int]) -> str:
        """One line for each kind that has facts, the weightiest facts first, of at most so many tokens together.

        The kinds take turns, so that many paths leave room for the one error.
        """
        waiting = {kind: sorted(found, key=lambda each: -found[each]) for kind, found in self._found.items()}
        chosen: dict[FactKind, list[str]] = {kind: [] for kind in KINDS}
        left = limit
        while any(waiting.values()):
            for kind in KINDS:
                if not waiting[kind]:
                    continue
                fact = waiting[kind].pop(0)
                # Each is counted by itself, so that the sum can only be too high.
                cost = tokens(fact + SEPARATOR) + 1 + (0 if chosen[kind] else tokens(f"{kind}: \n") + 1)
                if cost > left:
                    waiting[kind] = []
                    continue
                chosen[kind].append(fact)
                left -= cost
        return "\n".join(f"{kind}: {SEPARATOR.join(chosen[kind])}" for kind in KINDS if chosen[kind])

    def _call(self, call: str, arguments: str) -> None:
        try:
            values = json.loads(arguments) if len(arguments) <= READ_CHARS else None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, Mapping):
            self._read(arguments, WRITTEN)
            return
        command = values.get("command")
        if isinstance(command, str) and command.strip():
            self._open[call] = command
            self._read(command, WRITTEN)
        for name in _PATH_ARGUMENTS:
            if isinstance(path := values.get(name), str) and path.strip():
                self._add("Paths", path, WRITTEN)
        for value in values.values():
            if isinstance(value, str) and _ADDRESS.match(value):
                self._add("Addresses", value, WRITTEN)

    def _ended(self, call: str, outcome: str, details: Mapping[str, object], content: str) -> None:
        if (command := self._open.pop(call, None)) is not None:
            code = details.get("exit_code")
            ending = f"exit {code}" if isinstance(code, int) else outcome
            room = FACT_CHARS - len(ending) - 4
            self._add("Commands", f"`{cut_to(_one_line(command), room)}` {ending}", WRITTEN)
        self._read(content, SHOWN)
        if outcome in ("error", "timeout"):
            lines = content[:READ_CHARS].splitlines()
            for line in [each for each in lines if _ERROR.search(each)][-3:] or lines[-1:]:
                self._add("Errors", line, WRITTEN)

    def _read(self, text: str, weight: int) -> None:
        text = text[:READ_CHARS]
        for address in _ADDRESS.findall(text):
            self._add("Addresses", address.rstrip(".,;:!?"), weight)
        rest = _ADDRESS.sub(" ", text)
        for path in _PATH.findall(rest):
            if not _NO_PATH.match(path):
                self._add("Paths", path, weight)
        for found in _ID.findall(rest):
            self._add("Ids", found, weight)
        for figure in _FIGURE.findall(rest):
            self._add("Figures", figure, weight)
        for line in rest.splitlines():
            if weight == SHOWN and _ERROR.search(line) and ":" in line:
                self._add("Errors", line, weight)

    def _add(self, kind: FactKind, text: str, weight: int) -> None:
        if not (fact := cut_to(_one_line(text), FACT_CHARS)):
            return
        found = self._found[kind]
        found[fact] = found.get(fact, 0) + weight
        if len(found) > MOST_FACTS:
            kept = sorted(found, key=lambda each: -found[each])[: MOST_FACTS // 2]
            self._found[kind] = {each: found[each] for each in found if each in set(kept)}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def facts_of(records: Iterable[Record], limit: int, tokens: Callable[[str], int]) -> str:
    """The facts of these records, in at most so many tokens."""
    sheet = FactSheet()
    for record in records:
        sheet.take(record)
    return sheet.text(limit, tokens)
