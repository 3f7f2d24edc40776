"""Texts that hide something, drive the terminal, or draw our own box."""

import re
from typing import Literal

from hypothesis import strategies as st

from duragent.cli.chat.render import render_question
from duragent.visible import visible
from duragent.wire import Approval, Finding
from tests.support.unseen import UNSEEN

HOSTILE = "".join(UNSEEN[:40]) + "\u202e\u2066\U000e0041\x1b[2J\x9b1m\x07\ud800\u200d"


PIECES = ["a", "b c", "\n", "\U0001f469", "\U0001f3fd", "\u0645", "\u2764", "\x1b[2J", "**", "`", "&#x202e;", "&#9556;"]
PIECES += ["&#8203;", "[l](https://x/&#x202e;)", "# ", "> ", "- ", "\r\n", "\ud83d", "\udc69", "|", "```", "<b>", "\t"]
PIECES += [*"\u202e\u200b\u200c\u200d\ufeff\u2066\ufe0f\u3164\u2028\x00\x9b", "\U000e0041", "\u2550\u2551\u2554"]


TEXTS = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


def is_clean(shown: str) -> bool:
    """Whether all of it can be seen; colours of our own are not looked at."""
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    return bare == visible(bare)


def approval_of(command: str, *parts: str, kind: Literal["approval", "lost"] = "approval") -> Approval:
    return Approval(
        session_id="s",
        agent="a",
        title="t",
        kind=kind,
        call_id="c",
        tool="bash",
        arguments_sha256="5a",
        command=command,
        findings=[Finding(text=part, reason="not in the allow list") for part in parts or (command,)],
        patterns=["bash:rm *"],
        place="no sandbox, as you",
        requested_at="2026-11-20T23:58:16.123Z",
        seq=1,
    )


OURS = [render_question(approval_of("rm -rf /"), width, colour=False) for width in (40, 60, 80)]
