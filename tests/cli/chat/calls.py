"""Events of a tool call, and what a chat makes of them."""

from duragent.cli.chat.conversation import Block, Conversation
from duragent.client.watch import CaughtUp
from duragent.journal import events
from duragent.journal.record import Record
from duragent.wire import Approval, Delta

TS = "2026-11-20T23:58:16.123Z"
ASKED = events.ApprovalRequested(
    turn="t",
    call="c1",
    tool="bash",
    arguments_sha256="5a",
    invocation="rm -rf build\ngit add -A",
    findings=(
        events.PolicyFinding(text="rm -rf build", reason="not in the allow list"),
        events.PolicyFinding(text="git add -A", reason="not in the allow list"),
    ),
    patterns=("bash:rm -rf build", "bash:git add *"),
    place="bubblewrap, /srv/me/project, network off",
)
STARTED = events.ToolStarted(
    turn="t", call="c1", tool="bash", epoch=1, invocation="git status --short", rule="policy.yaml: bash:git status*"
)
LOST = events.ToolLost(turn="t", call="c1", evidence="no result was left", invocation="mail ada", asks=True)


def finished(content: str = "", outcome: events.CallOutcome = "ok", **more: object) -> events.ToolFinished:
    fields = {"turn": "t", "call": "c1", "tool": "bash", "outcome": outcome, "content": content, **more}
    return events.ToolFinished.model_validate(fields)


def after(*happened: events.Event | Delta) -> tuple[Conversation, list[Block]]:
    conversation = Conversation("assistant")
    conversation.take(CaughtUp())
    blocks: list[Block] = []
    for seq, item in enumerate(happened, 1):
        blocks += conversation.take(item if isinstance(item, Delta) else Record(seq, TS, item))
    return conversation, blocks


def question(*happened: events.Event) -> Approval:
    asked = after(*happened)[0].question
    assert asked is not None
    return asked
