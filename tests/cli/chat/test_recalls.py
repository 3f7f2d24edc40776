"""What the chat says of memory: what a question brought with it, and what was noted beside an answer."""

import pytest

from duragent.cli.chat.conversation import AnswerBlock, Note
from duragent.cli.chat.recalls import recalled_words
from duragent.cli.chat.tool_blocks import Called
from duragent.journal import events
from tests.cli.chat.test_conversation import live, shown

NOTE_CALL = events.Call(call="c1", tool="memory", arguments="{}", quiet=True)
REPLIED = events.ModelReplied(message_id="a", turn="t", text="Noted.", calls=(NOTE_CALL,))
STARTED = events.ToolStarted(turn="t", call="c1", tool="memory", epoch=1, invocation="memory remember")


def recalled(*refs: str, left_out: str = "", silent: str = "") -> events.MemoryRecalled:
    items = tuple(events.RecalledItem(ref=ref, left_out=left_out) for ref in refs)
    return events.MemoryRecalled(turn="t", upto_seq=1, items=items, silent=silent)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (recalled("m_1"), "  \u2301 recalled 1 note (m_1) \u00b7 /why"),
        (recalled("m_1", "m_2"), "  \u2301 recalled 2 notes (m_1, m_2) \u00b7 /why"),
        (
            recalled(*(f"m_{n}" for n in range(7))),
            "  \u2301 recalled 7 notes (m_0, m_1, m_2, m_3, m_4, \u2026) \u00b7 /why",
        ),
        (recalled("m_1", left_out="below_threshold", silent="below_threshold"), ""),
        (recalled(silent="nothing"), ""),
    ],
)
def test_notes_that_the_model_is_shown_are_named(event: events.MemoryRecalled, words: str) -> None:
    assert recalled_words(event) == words
    assert shown(live(), event) == ([Note(words)] if words else [])


def test_a_quiet_call_is_one_line_below_the_answer() -> None:
    finished = events.ToolFinished(turn="t", call="c1", tool="memory", outcome="ok", content="Memory saved.\nm_1")
    blocks = shown(live(), REPLIED, STARTED, finished)
    assert blocks == [AnswerBlock("Noted."), Note("  \u2301 Memory saved. m_1")]


def test_a_quiet_call_that_fails_is_shown_as_any_other() -> None:
    failed = events.ToolFinished(turn="t", call="c1", tool="memory", outcome="error", content="no room")
    blocks = shown(live(), REPLIED, STARTED, failed)
    assert [type(block) for block in blocks[:2]] == [AnswerBlock, Called]
    assert "no room" in str(blocks[2])
