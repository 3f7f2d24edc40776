"""The terminal of a chat: what is printed once, and the keys."""

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.screen import Actions, Screen
from tests.cli.hostile import approval_of


@pytest.mark.parametrize(("term", "times"), [("dumb", 1), ("xterm", 0)])
def test_a_terminal_that_redraws_nothing_has_the_question_printed_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], term: str, times: int
) -> None:
    monkeypatch.setenv("TERM", term)
    conversation = Conversation("a")
    conversation.activity.question = approval_of("rm x")
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        screen = Screen(conversation, Actions(lambda _: None, lambda: False), None)
        screen.show([])
        screen.show([])
    assert capsys.readouterr().out.count("Approval needed: bash  rm x\n") == times
