"""Taking texts out of records: what becomes of each record when a person wants words, or whole records, to be gone.

The law of this file: a redacted record keeps its seq, its time, its kind and all that the folds need; only texts go. It
is as valid as before, so a log with redacted records is read by the same code.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from duragent.journal.events import Event, Opaque
from duragent.journal.record import Record

REDACTED = "[redacted]"
"""What stands in the place of a text that was redacted."""
MATCH_MIN = 3
"""So many characters words must have at least: shorter ones are in everything."""

_FORM = frozenset(
    """type agent agent_fingerprint arguments_sha256 calls code command_id deadline decision door effect error
    expires_at field fingerprint finish_reason frame_sha256 goal goals index_rev job kept_as left_out
    media_type message_id node on_disconnect outcome output_sha256 parent ref request_sha256 resolution
    saved_as sha256 signature silent source source_sha256 spool then now before after trust turn kind adapter""".split()
)
"""Fields that the folds and the readers need as they are: names of kinds, ids, checksums, times."""
_WHO = frozenset(
    """by call tool model provider base_url thinking idempotency_key gateway chat_id scope embedder id name
    place rule""".split()
)
"""Fields that say who did something and with what. A record that is redacted as a whole keeps them."""
_SETTINGS = frozenset({"limits", "files"})
"""Objects of settings, in which no words of people stand."""
_MOVED = {"blob", "size_bytes"}
"""The fields of what stands in the place of a text that was moved out to a blob."""
_NONE: frozenset[str] = frozenset()
_EMPTIED = {"arguments": "{}", "tools": ""}
"""What takes the place of texts with a form of their own, when a record is redacted as a whole."""


def _either(character: str) -> str:
    """A pattern for the character as it is, and as JSON writes it."""
    if character in '"\\':
        return r"\\*" + re.escape(character)
    if character.isascii():
        return re.escape(character)
    escaped = {json.dumps(case)[2:-1] for case in (character, character.lower(), character.upper()) if len(case) == 1}
    return "(?:" + "|".join([re.escape(character), *(rf"\\+{re.escape(each)}" for each in sorted(escaped))]) + ")"


def _in_text(match: str) -> str:
    """A pattern for the words wherever they stand; "" for none."""
    # Arguments of calls, and what tools give, are JSON within a text, or within another JSON.
    return r"(?:\s|\\+[nrt])+".join("".join(map(_either, word)) for word in match.split())


@dataclass(frozen=True)
class AnyWords:
    """Several texts, any of which is looked for, in one look at a text."""

    matches: tuple[str, ...] = ()
    """Each as `Redaction.match`."""

    @cached_property
    def _pattern(self) -> "re.Pattern[str] | None":
        # The longest first: one may be the beginning of another one.
        patterns = filter(None, map(_in_text, sorted(self.matches, key=len, reverse=True)))
        joined = "|".join(f"(?:{pattern})" for pattern in patterns)
        return re.compile(joined, re.IGNORECASE) if joined else None

    def finds(self, text: str) -> bool:
        """Whether one of them stands in it."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def without(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(REDACTED, text) if self._pattern is not None else text


@dataclass(frozen=True)
class Redaction:
    """What a person wants gone."""

    seqs: frozenset[int] = frozenset()
    """Records whose texts go as a whole."""
    match: str = ""
    """Words that go wherever they stand, in capitals or not, over line ends too; "" for none."""

    @cached_property
    def _words(self) -> AnyWords:
        return AnyWords((self.match,))

    def finds(self, text: str) -> bool:
        """Whether the words stand in it."""
        return self._words.finds(text)

    def finds_in(self, data: bytes) -> bool:
        """Whether the words stand in bytes, as far as they are text."""
        return self.finds(data.decode("utf-8", "replace"))

    def without(self, text: str) -> str:
        """The text without the words."""
        return self._words.without(text)

    def record(self, record: Record, gone: Callable[[str], bool]) -> Record | None:
        """The record without what is to be gone; None when it stays as it is.

        Its texts must be there. `gone` says of the blobs that it names whether they hold the words.
        """
        whole = record.seq in self.seqs
        change = _Change(self, whole, (lambda _: True) if whole else gone)
        event = change.event(record.event)
        return Record(record.seq, record.ts, event, record.tx) if change.changed else None


@dataclass
class _Change:
    wanted: Redaction
    whole: bool
    gone: Callable[[str], bool]
    changed: bool = field(default=False, init=False)

    def event(self, event: Event) -> Event:
        if isinstance(event, Opaque):
            # What the fields of a later version mean is not known.
            self.changed |= self.whole and bool(event.payload)
            return Opaque(type=event.type, payload={} if self.whole else self._fields(event.payload))
        return type(event).model_validate(self._fields(event.model_dump()))

    def _fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        fields = self._blobs(dict(fields))
        kept = _FORM | _WHO if self.whole else _FORM
        made = {name: self._value(name, value, kept) for name, value in fields.items()}
        if self.changed and made.get("opaque"):
            # A provider signs it together with the answer.
            made["opaque"] = None
        return made

    def _value(self, name: str, value: Any, kept: frozenset[str]) -> Any:
        if name == "details" and isinstance(value, dict):
            # A tool's own: the names in it are not ours.
            self.changed |= self.whole and bool(value)
            return {} if self.whole else {self._text("", key): self._value("", it, _NONE) for key, it in value.items()}
        if isinstance(value, str):
            return value if name in kept else self._text(name, value)
        if isinstance(value, dict) and value.keys() == _MOVED:
            return REDACTED if self._goes(value["blob"]) else value
        if isinstance(value, dict):
            return value if name in _SETTINGS else {key: self._value(key, each, kept) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(name, each, kept) for each in value]
        return value

    def _text(self, name: str, text: str) -> str:
        made = self.wanted.without(text)
        if self.whole and text:
            made = _EMPTIED.get(name, REDACTED)
        self.changed |= made != text
        return made

    def _blobs(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Without the files that a record names, as far as they go. Where one was kept for an undo, none is left."""
        files = fields.get("attachments")
        if files and (left := [file for file in files if not self._goes(file["sha256"])]) != list(files):
            fields["attachments"] = left
        if self._goes(fields.get("output_sha256")):
            fields |= {"output_sha256": "", "output_bytes": 0}
        opaque = fields.get("opaque")
        if isinstance(opaque, dict) and (self.whole or self._goes(opaque.get("sha256"))):
            fields["opaque"], self.changed = None, True
        if isinstance(before := fields.get("before"), list | tuple):
            fields["before"] = [self._not_kept(file) for file in before]
        if fields.get("type") == "undo_requested":
            fields["files"] = [self._refused(file) for file in fields["files"]]
        return fields

    def _goes(self, sha256: object) -> bool:
        goes = bool(sha256) and self.gone(str(sha256))
        self.changed |= goes
        return goes

    def _not_kept(self, file: Any) -> Any:
        if isinstance(file, dict):
            file = {**file, "sha256": "" if self._goes(file.get("sha256")) else file.get("sha256")}
            file["after"] = "" if self._goes(file.get("after")) else file.get("after", "")
        return file

    def _refused(self, file: dict[str, Any]) -> dict[str, Any]:
        # Where it was refused, no blob is named.
        gone = not file["refused"] and [name for name in ("now", "then") if self._goes(file.get(name))]
        return {**file, "refused": REDACTED} if gone else file
