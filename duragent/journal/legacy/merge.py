"""The messages of `state.json` between the records of the log: each message once, where it belongs. Pure.

The records that `state.json` covers may be gone (compaction removed them), be there (it was off, or kept an archive),
or be there in part (a crash between the two). What both have is taken from the records, which know more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

from duragent.journal.events import Event, MessageReceived, ModelReplied, ToolFinished, ToolsSkipped
from duragent.journal.legacy.lines import LegacyRecord
from duragent.journal.legacy.snapshot import LegacySnapshot, as_event

Key = tuple[str, ...]
"""What makes a message of `state.json` and one of a record the same."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of the old session, with its time."""

    event: Event
    """What happened."""
    ts: str = ""
    """When; "" when no file says it."""
    remembered: bool = False
    """Whether only `state.json` had it."""
    speaker: str = ""
    """The agent; "" when no line names it."""


@dataclass(slots=True)
class _Group:
    """Records that made messages together, and the records after them that made none."""

    moments: list[Moment] = field(default_factory=list)
    """In the order of the file."""
    keys: list[Key] = field(default_factory=list)
    """The messages that v0.5 made of them."""


def with_remembered(snapshot: LegacySnapshot, records: Sequence[LegacyRecord]) -> list[Moment]:
    """All records in their order, and the messages of the snapshot that none of them is."""
    covered = [record for record in records if record.seq <= snapshot.covered]
    if not snapshot.messages or len({record.seq for record in covered}) == snapshot.covered:
        return [_moment(record) for record in records]
    later = [_moment(record) for record in records if record.seq > snapshot.covered]
    return [*_merged(snapshot.messages, _groups(covered)), *later]


def _moment(record: LegacyRecord) -> Moment:
    return Moment(record.event, record.ts, speaker=record.speaker)


def _merged(messages: Sequence[dict[str, Any]], groups: Sequence[_Group]) -> Iterator[Moment]:
    keys = [_key_of(message) for message in messages]
    flat = [(key, at) for at, group in enumerate(groups) for key in group.keys]
    # The messages are the newest ones: what lies further back than so many cannot be one of them.
    start = max(len(flat) - len(keys), 0)
    yielded = flat[start][1] if flat else len(groups)
    for group in groups[:yielded]:
        yield from group.moments
    matcher = SequenceMatcher(None, keys, [key for key, _ in flat[start:]], autojunk=False)
    for what, first, last, first_record, last_record in matcher.get_opcodes():
        if what in ("delete", "replace"):
            for at in range(first, last):
                yield Moment(as_event(messages[at], at + 1), remembered=True)
        upto = flat[start + last_record - 1][1] + 1 if last_record > first_record else yielded
        for group in groups[yielded:upto]:
            yield from group.moments
        yielded = max(yielded, upto)
    for group in groups[yielded:]:
        yield from group.moments


def _key_of(message: dict[str, Any]) -> Key:
    role = message["role"]
    if role == "tool":
        return "tool", message["tool_call_id"]
    calls = [call["id"] for call in message.get("tool_calls") or ()]
    return ("user" if role == "steering" else role), message.get("content") or "", *calls


def _groups(records: Sequence[LegacyRecord]) -> list[_Group]:
    groups = [_Group()]
    for record in records:
        keys = _keys(record.event)
        before = groups[-1].keys
        if record.kind == "tool_call" and before and before[-1][0] == "assistant":
            # v0.5 put such a call into the message before it.
            before[-1] = (*before[-1], *keys[0][2:])
        elif keys:
            groups.append(_Group(keys=keys))
        groups[-1].moments.append(_moment(record))
    return groups


def _keys(event: Event) -> list[Key]:
    """The messages that v0.5 made of a record."""
    match event:
        case MessageReceived():
            return [("user", event.text)]
        case ModelReplied():
            return [("assistant", event.text, *(call.call for call in event.calls))]
        case ToolFinished():
            return [("tool", event.call)]
        case ToolsSkipped():
            return [("tool", call) for call in event.calls]
        case _:
            return []
