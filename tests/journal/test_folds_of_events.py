"""Which folds take which events. `apply` takes all, the type checker sees to that; the others here may leave some out.

An event that is new has no row: its author decides for each fold whether it takes the event, and says so here.
"""

import ast

import pytest

from duragent.journal.events import EVENT_TYPES
from tests.support.places import ROOT

FOLDS = {
    "answer": "journal/answer",
    "question": "journal/question",
    "transcript": "context/transcript",
    "chat": "cli/chat/conversation",
    "log": "cli/session/log",
    "messages": "server/routes/messages",
    "summary": "session/summary",
    "other sessions": "session/session_reader",
    "skills": "policy/skills",
}
"""Modules that walk over records and take some kinds of events."""

TAKEN_BY: dict[str, set[str]] = {
    "session_created": {"log", "summary"},
    "owner_claimed": set(),
    "session_paused": {"answer", "log", "summary"},
    "session_resumed": {"answer", "log", "summary"},
    "session_renamed": {"chat", "log", "summary"},
    "model_chosen": {"chat", "log"},
    "session_closed": {"answer", "question", "chat", "log", "summary"},
    "log_recovered": {"log"},
    "message_received": {"transcript", "chat", "log", "messages", "other sessions"},
    "turn_started": {"answer", "transcript", "skills"},
    "prompt_set": set(),
    "memory_recalled": {"transcript", "chat"},
    "text_forgotten": set(),
    "history_summarised": set(),
    "summary_expanded": set(),
    "record_pinned": {"transcript"},
    "record_unpinned": set(),
    "goal_set": {"transcript"},
    "goal_ended": {"transcript"},
    "model_called": {"answer", "transcript"},
    "model_replied": {"answer", "question", "transcript", "chat", "log", "messages", "other sessions", "skills"},
    "model_failed": {"answer", "transcript", "chat", "log", "messages"},
    "cancel_requested": {"question"},
    "turn_ended": {"answer", "question", "transcript", "chat", "log", "summary", "skills"},
    "approval_requested": {"question", "chat", "log", "summary"},
    "approval_decided": {"answer", "question", "chat", "log", "summary"},
    "allowance_revoked": {"chat", "log", "summary"},
    "tool_started": {"chat", "log"},
    "tool_finished": {"question", "transcript", "chat", "log", "other sessions", "skills"},
    "tool_lost": {"question", "chat", "log", "summary"},
    "tool_resolved": {"answer", "question", "chat", "log"},
    "tools_skipped": {"question", "transcript", "log"},
    "history_adopted": {"log"},
    "history_redacted": {"log"},
    "undo_requested": {"log"},
    "undo_finished": {"chat", "log"},
    "command_requested": {"transcript", "chat", "log"},
    "command_finished": {"transcript", "chat", "log"},
}


def names_in(module: str) -> set[str]:
    tree = ast.parse((ROOT / "duragent" / f"{module}.py").read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_each_event_has_its_row() -> None:
    assert set(EVENT_TYPES) == set(TAKEN_BY), f"decide for a new event which of these take it: {', '.join(FOLDS)}"


@pytest.mark.parametrize("fold", FOLDS)
def test_a_fold_takes_the_events_that_the_table_says(fold: str) -> None:
    named = names_in(FOLDS[fold])
    taken = {name for name, kind in EVENT_TYPES.items() if kind.__name__ in named}
    assert taken == {name for name, folds in TAKEN_BY.items() if fold in folds}
