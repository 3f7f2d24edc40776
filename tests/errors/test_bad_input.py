"""The sentences of what cannot be done as it was asked, and the facts that they keep as attributes."""

import pytest

from duragent.errors import (
    AgentBroken,
    AgentNotFound,
    AlreadyDecided,
    AmbiguousId,
    BadInput,
    CallChanged,
    IdempotencyMismatch,
    InvalidArchive,
    InvalidArguments,
    InvalidFile,
    InvalidRequest,
    NotDamaged,
    SessionBusy,
    SessionDeleted,
    SessionIsClosed,
    SessionNotFound,
)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InvalidFile("a.yaml", "is empty"), "a.yaml: is empty"),
        (InvalidFile("a.yaml", "is empty", line=3), "a.yaml:3: is empty"),
        (InvalidFile("a.yaml", "is empty", field="spec.model"), "a.yaml: spec.model: is empty"),
        (InvalidFile("a.yaml", "is empty", line=3, field="kind", hint="add it"), "a.yaml:3: kind: is empty (add it)"),
        (InvalidRequest("too long"), "too long"),
        (InvalidArchive("no first line"), "the session was not imported: no first line"),
        (InvalidArguments("web", ["`url` is missing", "`x` is unknown"]),
         "invalid arguments for web: `url` is missing; `x` is unknown"),
        (InvalidArguments("", ["no JSON"]), "invalid arguments for the tool: no JSON"),
        (SessionNotFound("s1"), "session 's1' not found"),
        (SessionDeleted("s1"), "session 's1' was deleted"),
        (AgentNotFound("x", ["a", "b"]), "agent 'x' not found; there are: a, b"),
        (AgentNotFound("x"), "agent 'x' not found; there are no agents yet"),
        (AgentNotFound(""), "there are no agents yet"),
        (AmbiguousId("se", [f"se{n}" for n in range(7)]), "'se' fits 7 sessions: se0, se1, se2, se3, se4"),
        (AgentBroken("a", "no model"), "agent 'a' cannot be used: no model"),
        (SessionIsClosed("s1"), "session 's1' is closed"),
        (IdempotencyMismatch("k"), "Idempotency-Key 'k' was used before with a different request"),
        (SessionBusy("s1", 100), "session 's1' has 100 messages waiting already; try again later"),
        (NotDamaged("s1"), "the log of session 's1' is not damaged: there is nothing to repair"),
        (AlreadyDecided("c1", "allow", "ann", 7), "call 'c1' was decided before: allow, by ann"),
        (AlreadyDecided("c1", "deny", "", 7), "call 'c1' was decided before: deny"),
        (CallChanged("c1"), "call 'c1' is not what the decision is about; look at it again"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BadInput) else "",
)  # fmt: skip
def test_an_error_is_one_plain_sentence(error: BadInput, sentence: str) -> None:
    assert str(error) == sentence


def test_a_deleted_session_is_one_that_is_not_found() -> None:
    error = SessionDeleted("s1")
    assert (error.session_id, error.code, isinstance(error, SessionNotFound)) == ("s1", "session-deleted", True)


def test_faults_are_kept_for_the_caller() -> None:
    assert InvalidRequest("no", [("limit", "is too big")]).faults == (("limit", "is too big"),)
    assert InvalidArguments("web", ["a", "b"]).faults == ("a", "b")
