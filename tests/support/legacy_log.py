"""Writes sessions as duragent-rust v0.5.4 did, after its formats: log, state.json, compaction."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGAN = datetime(2026, 2, 18, 10, tzinfo=UTC)
ROLL_MESSAGES = 50
"""v0.5 moved its checkpoint when so many messages were behind it."""


@dataclass
class OldSession:
    """A session in the making. `removed` are the lines that compaction took out of the log, in its batches."""

    session_id: str
    agent: str = "assistant"
    on_disconnect: str = "pause"
    gateway: str | None = None
    chat_id: str | None = None
    schema: str = "2"
    status: str = "active"
    lines: list[dict[str, Any]] = field(default_factory=list)
    removed: list[list[dict[str, Any]]] = field(default_factory=list)
    conversation: list[dict[str, Any]] = field(default_factory=list)
    pending: dict[str, Any] | None = None
    checkpointed: int = 0
    checkpoint_seq: int = 0
    seq: int = 0
    said: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        chat = {"gateway": self.gateway, "gateway_chat_id": self.chat_id} if self.gateway else {}
        self.event("session_start", agent=self.agent, on_disconnect=self.on_disconnect, **chat)

    def event(self, kind: str, **payload: Any) -> None:
        self.seq += 1
        moment = (BEGAN + timedelta(seconds=self.seq)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
        self.lines.append({"seq": self.seq, "timestamp": moment, "type": kind, **payload})

    # --- what is said and done ----------------------------------------------------------------------------------------

    def user(self, text: str) -> None:
        self.said.append(("user", text))
        self.event("user_message", content=text)
        self._message({"role": "user", "content": text})

    def reply(self, text: str) -> None:
        self.said.append(("assistant", text))
        usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
        self.event("assistant_response", agent=self.agent, content=text, usage=usage)
        self._message({"role": "assistant", "content": text})

    def calls(self, *calls: tuple[str, str]) -> None:
        """Calls of bash: (call id, command)."""
        told = [{"call_id": call, "tool_name": "bash", "arguments": {"command": command}} for call, command in calls]
        self.event("assistant_response", agent=self.agent, content="", tool_calls=told)
        kept = [
            {
                "id": call,
                "type": "function",
                "function": {"name": "bash", "arguments": json.dumps({"command": command})},
            }
            for call, command in calls
        ]
        self._message({"role": "assistant", "tool_calls": kept})

    def result(self, call: str, content: str) -> None:
        self.event("tool_result", call_id=call, result={"success": True, "content": content})
        self._message({"role": "tool", "content": content, "tool_call_id": call}, may_roll=False)

    def skipped(self, *calls: str, reason: str) -> None:
        self.event("tools_skipped", call_ids=list(calls), reason=reason)
        for call in calls:
            self._message({"role": "tool", "content": f"Skipped: {reason}", "tool_call_id": call}, may_roll=False)

    def becomes(self, status: str) -> None:
        self.event("status_change", **{"from": self.status, "to": status})
        self.status = status

    def talk(self, rounds: int, *, tools_every: int = 7) -> None:
        """So many exchanges, some of them with calls."""
        for at in range(1, rounds + 1):
            self.user(f"question {at} of {self.session_id[-4:]}")
            if at % tools_every == 0:
                first, second = f"call_{self.seq}_a", f"call_{self.seq}_b"
                self.calls((first, f"ls {at}"), (second, "pwd"))
                self.result(first, f"file-{at}\n")
                self.skipped(second, reason="new user message received")
            self.reply(f"answer {at} of {self.session_id[-4:]}")

    def _message(self, message: dict[str, Any], *, may_roll: bool = True) -> None:
        self.conversation.append(message)
        if may_roll and self.schema == "2" and len(self.conversation) - self.checkpointed >= ROLL_MESSAGES:
            self.checkpointed, self.checkpoint_seq = len(self.conversation), self.seq

    # --- the files ----------------------------------------------------------------------------------------------------

    def compact(self) -> None:
        gone = [line for line in self.lines if line["seq"] <= self.checkpoint_seq]
        if gone:
            self.removed.append(gone)
            self.lines = [line for line in self.lines if line["seq"] > self.checkpoint_seq]

    def snapshot(self) -> dict[str, Any]:
        covered = self.conversation if self.schema == "1" else self.conversation[: self.checkpointed]
        config: dict[str, Any] = {"on_disconnect": self.on_disconnect}
        if self.gateway:
            config |= {"gateway": self.gateway, "gateway_chat_id": self.chat_id}
        if self.pending:
            config["pending_approval"] = self.pending
        moment = (BEGAN + timedelta(seconds=self.seq)).isoformat().replace("+00:00", "Z")
        return {
            "schema_version": self.schema,
            "session_id": self.session_id,
            "agent": self.agent,
            "status": self.status,
            "created_at": (BEGAN + timedelta(seconds=1)).isoformat().replace("+00:00", "Z"),
            "snapshot_at": moment,
            "last_event_seq": self.seq,
            **({"checkpoint_seq": self.checkpoint_seq} if self.schema == "2" else {}),
            "conversation": deepcopy(covered),
            "config": config | {"silent_buffer_cap": 200, "actor_message_limit": 2000},
        }

    def log(self) -> bytes:
        return lines_of(self.lines)

    def write(self, sessions: Path, **files: bytes | None) -> Path:
        """The folder. `files` replace what v0.5 would have written: log, state, archive; None leaves one out."""
        folder = sessions / self.session_id
        folder.mkdir(parents=True)
        default = {"log": self.log(), "state": json.dumps(self.snapshot(), indent=2).encode(), "archive": None}
        for name, data in (default | files).items():
            path = folder / {"log": "events.jsonl", "state": "state.json", "archive": "events.archive.jsonl"}[name]
            if data is not None:
                path.write_bytes(data)
        return folder


def lines_of(lines: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines).encode()
