"""The terminal of a chat: what is printed once, and the keys."""

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from duragent.cli.chat.conversation import Conversation
from duragent.cli.chat.plain import PlainScreen
from duragent.cli.chat.screen import Actions, Screen
from duragent.config import TerminalSettings
from tests.cli.hostile import approval_of


@pytest.mark.parametrize(("kind", "times"), [(PlainScreen, 1), (Screen, 0)])
def test_a_terminal_that_redraws_nothing_has_the_question_printed_once(
    capsys: pytest.CaptureFixture[str], kind: type[Screen], times: int
) -> None:
    conversation = Conversation("a")
    conversation.activity.question = approval_of("rm x")
    with create_app_session(input=DummyInput(), output=DummyOutput()):
        screen = kind(conversation, Actions(lambda _: None, lambda: False), None, TerminalSettings())
        screen.show([])
        screen.show([])
    assert capsys.readouterr().out.count("Approval needed: bash  rm x\n") == times
