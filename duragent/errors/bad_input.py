"""What cannot be done as it was asked: the same request fails again. The tree is in `duragent.errors`."""

from collections.abc import Sequence

from duragent.errors.base import DuragentError


class BadInput(DuragentError):
    """The caller's request cannot be done as it is."""

    code = "bad-request"


class InvalidFile(BadInput):
    """A file that people write is wrong. `line` counts from 1; `field` is a dotted path (`spec.model.name`)."""

    code = "invalid-file"

    def __init__(
        self, path: str, problem: str, *, line: int | None = None, field: str | None = None, hint: str | None = None
    ) -> None:
        self.path, self.problem, self.line, self.field, self.hint = path, problem, line, field, hint
        where = path if line is None else f"{path}:{line}"
        what = problem if field is None else f"{field}: {problem}"
        super().__init__(f"{where}: {what}" + (f" ({hint})" if hint else ""))


class InvalidRequest(BadInput):
    """A request has the wrong form or a value out of bounds. `faults` lists (field, problem)."""

    code = "invalid-request"

    def __init__(self, problem: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(problem)


class InvalidArchive(BadInput):
    """A file that should hold an exported session has a fault."""

    code = "invalid-archive"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the session was not imported: {problem}")


class InvalidArguments(BadInput):
    """A tool cannot be called like this. `faults` are sentences for the model, one for each argument."""

    code = "invalid-arguments"

    def __init__(self, tool: str, faults: Sequence[str]) -> None:
        self.tool, self.faults = tool, tuple(faults)
        super().__init__(f"invalid arguments for {tool or 'the tool'}: {'; '.join(self.faults)}")


class NotFound(BadInput):
    code = "not-found"


class SessionNotFound(NotFound):
    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"session '{session_id}' not found")


class SessionDeleted(SessionNotFound):
    """It was there when a wait or a stream on it began."""

    code = "session-deleted"

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.args = (f"session '{session_id}' was deleted",)


class AgentNotFound(NotFound):
    """`name` is "" when any agent would have done."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        self.name, self.known = name, tuple(known)
        there = f"there are: {', '.join(self.known)}" if self.known else "there are no agents yet"
        super().__init__(f"agent '{name}' not found; {there}" if name else there)


class NoMemory(NotFound):
    """The agent does not remember anything, because its file has no `spec.memory`."""

    code = "no-memory"

    def __init__(self, agent: str) -> None:
        self.agent = agent
        super().__init__(f"agent '{agent}' has no memory: its agent.yaml has no `memory:` under `spec:`")


class AmbiguousId(BadInput):
    code = "ambiguous-id"

    def __init__(self, prefix: str, matches: Sequence[str]) -> None:
        self.prefix, self.matches = prefix, tuple(matches)
        super().__init__(f"'{prefix}' fits {len(self.matches)} sessions: {', '.join(self.matches[:5])}")


class AgentBroken(BadInput):
    code = "agent-broken"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"agent '{name}' cannot be used: {reason}")


class SessionIsClosed(BadInput):
    code = "session-closed"

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"session '{session_id}' is closed")


class IdempotencyMismatch(BadInput):
    code = "idempotency-mismatch"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"Idempotency-Key '{key}' was used before with a different request")


class SessionBusy(BadInput):
    code = "session-busy"

    def __init__(self, session_id: str, waiting: int) -> None:
        self.session_id, self.waiting = session_id, waiting
        super().__init__(f"session '{session_id}' has {waiting} messages waiting already; try again later")


class NothingToDo(BadInput):
    code = "nothing-to-do"


class NothingToUndo(NothingToDo):
    code = "nothing-to-undo"


class NothingToRedact(NothingToDo):
    code = "nothing-to-redact"


class NothingToForget(NothingToDo):
    code = "nothing-to-forget"


class NotDamaged(NothingToDo):
    code = "not-damaged"

    def __init__(self, name: str, kind: str = "session") -> None:
        super().__init__(f"the log of {kind} '{name}' is not damaged: there is nothing to repair")


class NotNow(BadInput):
    """The sentence says what is under way, or what to do first."""

    code = "not-now"


class AlreadyDecided(BadInput):
    """A call is decided once. `decision` is the first one, at record `seq`."""

    code = "already-decided"

    def __init__(self, call: str, decision: str, by: str, seq: int) -> None:
        self.call, self.decision, self.by, self.seq = call, decision, by, seq
        super().__init__(f"call '{call}' was decided before: {decision}" + (f", by {by}" if by else ""))


class CallChanged(BadInput):
    """What the person saw is not what waits, so nothing was decided."""

    code = "call-changed"

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(f"call '{call}' is not what the decision is about; look at it again")


class MemoryChanged(BadInput):
    """A file of an agent's memory is not what its writer saw. `text` is what it has now, `diff` what changed."""

    code = "memory-changed"

    def __init__(self, file: str, text: str = "", diff: str = "") -> None:
        self.file, self.text, self.diff = file, text, diff
        super().__init__(f"{file} was changed meanwhile; nothing was written")


class MemoryFull(BadInput):
    """A file of an agent's memory has no room for more. `limit_bytes` is what it may have."""

    code = "memory-full"

    def __init__(self, file: str, size_bytes: int, limit_bytes: int) -> None:
        self.file, self.size_bytes, self.limit_bytes = file, size_bytes, limit_bytes
        super().__init__(
            f"{file} would have {size_bytes:,} bytes, and may have {limit_bytes:,}: nothing was written; "
            "move what is old to another file"
        )
